"""Who is connected: rows and slots stay in step as peers come and go."""

from __future__ import annotations

from engine.link.paths import Paths
from engine.link.session_channels import CHANNELS
from engine.link.traffic import Traffic
from engine.server.peers import Peer, Peers

SLOTS = 4


def peer(slot: int, row: int, name: str = "Ann") -> Peer:
    return Peer(slot, name, ("127.0.0.1", 5000), row, 7, b"", b"", Traffic(Paths(SLOTS), slot, CHANNELS, 2, 8))


def test_a_player_is_found_by_slot_and_by_row_until_it_leaves() -> None:
    peers = Peers(SLOTS)
    ann = peer(2, row=5)
    peers.enter(ann)
    assert (peers.get(2), peers.in_row(5), peers.slot_of_row, list(peers)) == (ann, ann, {5: 2}, [ann])
    assert (peers.own_row.tolist(), peers.ready.tolist()) == ([-1, -1, 5, -1], [False] * 4)
    peers.ready[2] = True
    assert peers.leave(2) is ann
    assert (peers.get(2), peers.in_row(5), peers.slot_of_row, len(peers)) == (None, None, {}, 0)
    assert (peers.own_row.tolist(), peers.ready.tolist()) == ([-1] * 4, [False] * 4)
    assert peers.leave(2) is None


def test_a_spectator_has_no_row_and_a_voice_of_its_own() -> None:
    peers = Peers(SLOTS)
    for each in (peer(0, row=0), peer(1, row=-1), peer(3, row=-1)):
        peers.enter(each)
    assert (peers.player_count, peers.spectator_count) == (1, 2)
    assert [each.voice for each in peers] == [0, -2, -4]
    assert peers.in_row(-1) is None
    peers.leave(1)
    assert (peers.player_count, peers.spectator_count) == (1, 1)


def test_a_new_tenant_of_a_slot_is_not_ready() -> None:
    peers = Peers(SLOTS)
    peers.enter(peer(1, row=3))
    peers.ready[1] = True
    peers.leave(1)
    peers.enter(peer(1, row=0, name="Bob"))
    assert (peers.ready[1], peers.own_row[1], peers.slot_of_row) == (False, 0, {0: 1})
