"""What goes out to each peer, and when: its snapshot, behind it what its channels hold, and packets for those alone.

All who are due for a snapshot get theirs in one pass over arrays: room, batch, acknowledgements, headers. A path that
is full is spared snapshots, and nothing else; who is not ready yet gets channels alone. Not here: what is in a snapshot
(`snapshots`), how much a path carries (`engine.link.paths`), and sealing (`engine.link.netcode`).
"""

from __future__ import annotations

import numpy as np

from engine.config import MatchConfig
from engine.link.header import encode_header, encode_headers
from engine.link.netcode import NetcodeServer
from engine.link.paths import HEADER_BYTES, Paths
from engine.server.inputs import InputRing
from engine.server.peers import Peer, Peers
from engine.server.snapshots import SnapshotStage
from engine.wire.body import MessageType
from engine.world.table import World

_SNAPSHOT = bytes([MessageType.SNAPSHOT])
_CHANNEL_ROOM = 200
"""Bytes of a packet kept for channel messages while some wait: news must get through even if every snapshot is full."""


class Sender:
    """See the module. Packets go to `netcode`, which has them ready for the socket."""

    def __init__(
        self,
        match: MatchConfig,
        world: World,
        peers: Peers,
        paths: Paths,
        netcode: NetcodeServer,
        inputs: InputRing,
        snapshots: SnapshotStage,
    ) -> None:
        self.snapshot_bytes_total = 0
        self.snapshots_total = 0
        self._match = match
        self._world = world
        self._peers = peers
        self._paths = paths
        self._acks = paths.acks
        self._netcode = netcode
        self._inputs = inputs
        self._snapshots = snapshots

    def send_all(self, now: float) -> None:
        """Send a packet to everyone who is due for one, in a tick whose world is published."""
        paths, ready_slots = self._paths, self._peers.ready
        for slot, peer in self._peers.by_slot.items():
            if not ready_slots[slot]:
                self.send_packet(peer, now)
        ready = np.array([slot for slot in self._peers.by_slot if ready_slots[slot]], np.int64)
        due = paths.snapshots_due(self._world.tick // self._match.snapshot_every, ready)
        if not due.all():
            resting = ready[~due]
            for slot, owed in zip(resting.tolist(), paths.answers_due(resting).tolist(), strict=True):
                peer = self._peers.by_slot[slot]
                if owed or peer.traffic.pending:
                    self.send_packet(peer, now, bare=owed)
        if due.any():
            self._send_snapshots(ready[due], now)

    def send_packet(self, peer: Peer, now: float, copies: int = 1, bare: bool = True) -> None:
        """Send one peer what fits into a packet of its channel messages, and more; `copies` of it arrive as one.

        bare: a packet without any is sent too, for its header's sake.
        """
        body = peer.traffic.block(0, now)
        if body or bare:
            header = encode_header(*self._acks.send_one(peer.slot, now, len(body) + HEADER_BYTES))
            for _ in range(copies):
                self._netcode.send(peer.slot, header + body, now)
            self._paths.sent(peer.slot, len(body) + HEADER_BYTES)
        self._send_more(peer, now)

    def _send_snapshots(self, slots: np.ndarray, now: float) -> None:
        paths, own_row = self._paths, self._peers.own_row
        members = [self._peers.by_slot[slot] for slot in slots.tolist()]
        room = paths.snapshot_room(slots) - 1
        kept = np.array([_CHANNEL_ROOM if peer.channels.pending else 0 for peer in members])
        batch = self._snapshots.build(self._world, slots, own_row[slots], self._inputs, room - kept)
        self._inputs.snapshot_sent(slots)
        bodies = [
            _SNAPSHOT + message + peer.traffic.block(len(message) + 1, now)
            for peer, message in zip(members, batch.messages, strict=True)
        ]
        sizes = np.fromiter(map(len, bodies), np.int64, len(bodies)) + HEADER_BYTES
        sequences, acks, ack_bits = self._acks.send(slots, now, sizes)
        send = self._netcode.send
        for peer, header, body in zip(members, encode_headers(sequences, acks, ack_bits), bodies, strict=True):
            send(peer.slot, header + body, now)
        snapshot_sizes = np.fromiter(map(len, batch.messages), np.int64, len(members))
        paths.snapshots_sent(slots, snapshot_sizes, sizes, room - kept)
        self.snapshot_bytes_total += int(snapshot_sizes.sum())
        self.snapshots_total += len(members)
        self._snapshots.views.sent(slots, sequences, self._world.tick, batch.status)
        for peer in members:
            if peer.traffic.pending:
                self._send_more(peer, now)

    def _send_more(self, peer: Peer, now: float) -> None:
        """Send one peer what of its channel messages found no room, as far as its budget goes."""
        for packet in peer.traffic.packets(now):
            self._netcode.send(peer.slot, packet, now)
