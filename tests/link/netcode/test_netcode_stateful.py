"""Hypothesis drives a server and its clients through loss, duplicates, reordering, junk, leaving and restarts.

Whatever order things happen in: nothing raises, each token opens one session at most, each payload arrives once and
unchanged, and when the network behaves again everybody comes to a state it can name.
"""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from engine.link.netcode import (
    ClientConnected,
    ClientState,
    NetcodeClient,
    NetcodeServer,
    NetcodeServerConfig,
    mint_connect_token,
)

SERVER = ("203.0.113.7", 40000)
KEY = bytes(range(32))
UNIX = 1_700_000_000.0
TIMEOUT = 3
MAX_CLIENTS = 3

picks = st.integers(0, 2**16)


class NetcodeMachine(RuleBasedStateMachine):
    """The network is a list of datagrams on their way; rules deliver, lose, double and forge them in any order."""

    @initialize(seed=st.integers(0, 2**32 - 1), lifetime=st.sampled_from([4, 45]))
    def start(self, seed: int, lifetime: int) -> None:
        self.entropy = random.Random(seed).randbytes
        self.lifetime = lifetime
        self.now = 0.0
        self.clients: dict[tuple[str, int], NetcodeClient] = {}
        self.old_clients: list[NetcodeClient] = []
        self.flying: list[tuple[tuple[str, int], tuple[str, int], bytes]] = []
        self.recorded: list[tuple[tuple[str, int], tuple[str, int], bytes]] = []
        self.sessions: list[int] = []
        self.tokens = 0
        self.payloads = 0
        self.sent: set[bytes] = set()
        self.received: list[bytes] = []
        self.start_server()

    def start_server(self) -> None:
        self.server = NetcodeServer(
            protocol_id=7,
            private_key=KEY,
            addresses=[SERVER],
            max_clients=MAX_CLIENTS,
            now=self.now,
            unix_time=UNIX + self.now,
            entropy=self.entropy,
            config=NetcodeServerConfig(token_lifetime=self.lifetime, max_pending=4, max_tokens=64),
        )

    def deliver(self, source, target, datagram: bytes) -> None:
        if target == SERVER:
            received = self.server.receive(datagram, source, self.now)
            if received is not None:
                slot, payload = received
                assert self.server.address_of(slot) == source
                self.received.append(payload)
        elif target in self.clients:
            payload = self.clients[target].receive(datagram, source, self.now)
            if payload is not None:
                self.received.append(payload)

    def collect(self) -> None:
        for address, client in self.clients.items():
            self.flying += [(address, target, datagram) for datagram, target in client.datagrams_to_send()]
        self.flying += [(SERVER, target, datagram) for datagram, target in self.server.datagrams_to_send()]
        del self.flying[:-400]
        for event in self.server.events():
            if isinstance(event, ClientConnected):
                self.sessions.append(event.client_id)

    @rule(host=st.integers(1, 5))
    def join(self, host: int) -> None:
        """A player arrives with a token and client id of its own; who was at this address is gone without a word."""
        self.tokens += 1
        address = (f"198.51.100.{host}", 5000)
        token = mint_connect_token(
            protocol_id=7,
            private_key=KEY,
            client_id=self.tokens,
            addresses=[SERVER],
            create_time=UNIX + self.now,
            expire_seconds=self.lifetime,
            timeout_seconds=TIMEOUT,
            entropy=self.entropy,
        )
        self.clients[address] = NetcodeClient(token=token, now=self.now, unix_time=UNIX + self.now)
        self.clients[address].update(self.now)
        self.collect()

    @rule(seconds=st.sampled_from([0.02, 0.1, 0.5, 3.5]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.server.update(self.now)
        for client in self.clients.values():
            client.update(self.now)
        self.collect()

    @rule(count=st.integers(1, 40), pick=picks)
    def deliver_some(self, count: int, pick: int) -> None:
        for number in range(min(count, len(self.flying))):
            packet = self.flying.pop((pick + number) % len(self.flying))
            self.recorded.append(packet)
            self.deliver(*packet)
        self.collect()

    @rule(count=st.integers(1, 40), pick=picks)
    def lose_some(self, count: int, pick: int) -> None:
        for number in range(min(count, len(self.flying))):
            self.flying.pop((pick + number) % len(self.flying))

    @rule(pick=picks, count=st.integers(1, 20))
    def replay_some(self, pick: int, count: int) -> None:
        for number in range(min(count, len(self.recorded))):
            self.deliver(*self.recorded[(pick + number) % len(self.recorded)])
        self.collect()

    @rule(pick=picks, elsewhere=st.integers(1, 9), at=picks, mask=st.integers(0, 255))
    def forge(self, pick: int, elsewhere: int, at: int, mask: int) -> None:
        """A recorded datagram, perhaps changed, from or to another address."""
        if self.recorded:
            source, target, datagram = self.recorded[pick % len(self.recorded)]
            changed = bytearray(datagram)
            changed[at % len(changed)] ^= mask
            self.deliver(source, target, bytes(changed))
            self.deliver((f"198.51.100.{elsewhere}", 5000), SERVER, bytes(changed))
        self.collect()

    @rule(junk=st.binary(max_size=60), host=st.integers(1, 5))
    def junk(self, junk: bytes, host: int) -> None:
        self.deliver((f"198.51.100.{host}", 5000), SERVER, junk)
        self.deliver(SERVER, (f"198.51.100.{host}", 5000), junk)

    @rule()
    def talk(self) -> None:
        for client in self.clients.values():
            if client.state is ClientState.CONNECTED:
                client.send(self.new_payload(), self.now)
        for slot in self.server.connected_slots:
            self.server.send(slot, self.new_payload(), self.now)
        self.collect()

    def new_payload(self) -> bytes:
        self.payloads += 1
        payload = self.payloads.to_bytes(8, "big")
        self.sent.add(payload)
        return payload

    @rule(host=st.integers(1, 5))
    def leave(self, host: int) -> None:
        client = self.clients.get((f"198.51.100.{host}", 5000))
        if client is not None:
            client.disconnect(self.now)
        self.collect()

    @rule(pick=picks)
    def kick(self, pick: int) -> None:
        slots = self.server.connected_slots
        if slots:
            self.server.disconnect(slots[pick % len(slots)], self.now)
        self.collect()

    @rule(stopped_first=st.booleans())
    def restart(self, stopped_first: bool) -> None:
        if stopped_first:
            self.server.stop(self.now)
            self.collect()
        self.now += 0.01  # a restart takes time, which is what makes older tokens older
        self.start_server()

    @invariant()
    def each_token_opened_one_session_at_most(self) -> None:
        assert len(set(self.sessions)) == len(self.sessions)

    @invariant()
    def each_payload_arrived_once_and_unchanged(self) -> None:
        assert len(set(self.received)) == len(self.received)
        assert set(self.received) <= self.sent

    @invariant()
    def slots_are_in_bounds_and_players_differ(self) -> None:
        slots = self.server.connected_slots
        assert len(slots) == self.server.client_count <= MAX_CLIENTS
        assert all(0 <= slot < MAX_CLIENTS for slot in slots)
        assert len({self.server.address_of(slot) for slot in slots}) == len(slots)
        assert all(self.server.slot_of(self.server.client_id_of(slot)) == slot for slot in slots)

    def teardown(self) -> None:
        """A network that behaves settles everything: who says it is connected is, and nobody is left connecting."""
        if not hasattr(self, "server"):
            return
        self.flying.clear()
        for _ in range(200):
            self.pass_time(0.05)
            while self.flying:
                self.deliver(*self.flying.pop(0))
                self.collect()
        connected = {address for address, client in self.clients.items() if client.state is ClientState.CONNECTED}
        assert connected == {self.server.address_of(slot) for slot in self.server.connected_slots}
        assert not any(client.state.is_connecting for client in self.clients.values())


def test_netcode_under_any_order_of_events():
    run_state_machine_as_test(NetcodeMachine, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
