"""A drained socket read in one go, against what it is written out from: `sift`, then `receive` of each."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.address import Address
from engine.link.netcode import ClientState, NetcodeServer
from engine.link.netcode.packet import KEEP_ALIVE, PAYLOAD, RESPONSE

ANN: Address = ("10.0.0.1", 5001)
BOB: Address = ("10.0.0.2", 5002)
CAT: Address = ("10.0.0.3", 5003)
STRANGER: Address = ("192.0.2.1", 7000)


def plainly(server: NetcodeServer, datagrams: list[tuple[bytes, Address]], now: float) -> list[tuple[int, bytes]]:
    opened = [server.receive(datagram, address, now) for datagram, address in server.sift(datagrams, now)]
    return [each for each in opened if each is not None]


def match(make_net):
    """Return a net where Ann and Bob play, and Cat has been asked a challenge."""
    net = make_net(seed=7)
    net.add_client(1, address=ANN)
    net.add_client(2, address=BOB)
    net.run(1.0)
    assert all(client.state is ClientState.CONNECTED for client in net.clients.values())
    net.add_client(3, address=CAT)
    net.clients[CAT].update(net.now)
    net.flush()
    net.step()  # the request arrives
    net.server.update(net.now)
    net.server.datagrams_to_send()
    return net


def everything(net) -> list[tuple[bytes, Address]]:
    """Return what may come: payloads in order, doubled and forged, keep-alives, goodbyes, and strangers' datagrams."""
    found: list[tuple[bytes, Address]] = []
    for address in (ANN, BOB):
        key, at = net.clients[address]._sealing, net.clients[address]._sequence
        found += [(key.seal(PAYLOAD, at + turn, bytes([turn + 1]) * 3), address) for turn in range(4)]
        found += [(key.seal(PAYLOAD, at + far, b"far"), address) for far in (250, 256, 300, 2**32, 2**63)]
        found.append((key.seal(PAYLOAD, at + 5, bytes(1200)), address))
        found.append((key.seal(PAYLOAD, at + 6, bytes(1201)), address))
        found.append((key.seal(PAYLOAD, at + 7, b""), address))
        found.append((key.seal(KEEP_ALIVE, at + 8, bytes(8)), address))
        found.append((key.seal(RESPONSE, at + 9, bytes(308)), address))
        found.append((key.seal(6, at + 10, b""), address))
        sealed = found[-11][0]
        found += [(sealed[:-1] + bytes([sealed[-1] ^ 1]), address), (b"", address), (sealed[:1], address)]
        found += [(b"\x05" + sealed[1:], address), (b"\x95" + sealed[1:], address), (sealed, STRANGER)]
        found.append((bytes(18), address))
    pending = net.server._door.pending[CAT]
    seal = net.clients[CAT]._sealing.seal
    found.append((seal(RESPONSE, 0, pending.challenge_body), CAT))
    found += [(seal(PAYLOAD, 1 + turn, b"cat"), CAT) for turn in range(2)]
    found += [(pending.request, CAT), (pending.request, STRANGER), (b"\x00" * 1078, STRANGER), (b"junk", STRANGER)]
    return found


def test_it_comes_to_the_same(make_net):
    @settings(deadline=None, max_examples=100)
    @given(picks=st.lists(st.integers(0, 100), max_size=40), cut=st.integers(0, 40))
    def compare(picks, cut):
        one, other = match(make_net), match(make_net)
        choice = everything(one)
        assert choice == everything(other)
        drained = [choice[pick % len(choice)] for pick in picks]
        for part in (drained[:cut], drained[cut:]):
            assert one.server.receive_all(part, one.now) == plainly(other.server, part, other.now)
        assert one.server.drops == other.server.drops
        assert one.server.events() == other.server.events()
        assert one.server.datagrams_to_send() == other.server.datagrams_to_send()
        assert one.server.connected_slots == other.server.connected_slots
        for slot in one.server.connected_slots:
            assert one.server.last_receive_at(slot) == other.server.last_receive_at(slot)
            assert one.server.is_confirmed(slot) == other.server.is_confirmed(slot)

    compare()


def test_all_of_it_in_order(make_net):
    net = match(make_net)
    for sequence, text in enumerate((b"a", b"b", b"c")):
        net.clients[ANN].send(text, net.now)
        if sequence:
            net.clients[BOB].send(text * 2, net.now)
    drained = [(each, source) for source in (BOB, ANN) for each, _ in net.clients[source].datagrams_to_send()]
    drained.insert(2, (b"junk", STRANGER))
    assert net.server.receive_all(drained, net.now) == [(1, b"bb"), (1, b"cc"), (0, b"a"), (0, b"b"), (0, b"c")]
    assert net.server.receive_all(drained, net.now) == []
    assert net.server.drops["replayed"] == 5
    assert net.server.receive_all([], net.now) == []


def test_who_is_let_in_may_speak_in_the_same_breath(make_net):
    net = match(make_net)
    drained = [each for each in everything(net) if each[1] == CAT][:3]
    assert net.server.receive_all(drained, net.now) == [(2, b"cat"), (2, b"cat")]
    assert net.server.client_count == 3
