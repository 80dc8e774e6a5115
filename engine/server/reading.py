"""What a peer's packet says: inputs into the ring, `Ready`, chat, and the game's own messages for whoever runs it.

    body -> messages -> inputs   -> InputRing
                     -> channels -> messages -> Ready | chat | the game's

Nothing in a body raises out of here: each message of it is dropped by itself and counted by reason, because what stands
behind it was acknowledged with the packet, and does not come again. Not here: what comes before the body (`session`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from engine.errors import ProtocolError
from engine.game import Game
from engine.link.session_channels import MATCH
from engine.server.chat import Chat
from engine.server.inputs import InputRing
from engine.server.peers import Peer, Peers
from engine.server.snapshots import SnapshotStage
from engine.server.telling import Teller
from engine.wire.body import MessageType, split_body
from engine.wire.inputs import decode_inputs, decode_newest
from engine.wire.messages import Ready, Registry, Say
from engine.world.schema import schema_hash

ALL_AT_ONCE = 24
"""Input messages from which on they are read all at once: some forty array operations cost as much."""
UNREAD_MAX = 256
"""Game messages of one player that wait for the owner of the session."""


class Reader:
    """See the module. `drops` counts what was dropped, by reason."""

    def __init__(
        self,
        game: Game,
        messages: Registry,
        peers: Peers,
        inputs: InputRing,
        snapshots: SnapshotStage,
        chat: Chat,
        teller: Teller,
        drops: Counter[str],
    ) -> None:
        self._game = game
        self._schema = schema_hash(game.kinds)
        self._messages = messages
        self._peers = peers
        self._inputs = inputs
        self._snapshots = snapshots
        self._chat = chat
        self._teller = teller
        self._drops = drops
        self._inbox: list[tuple[int, object]] = []
        self._unread: Counter[int] = Counter()

    def read(self, packets: list[tuple[Peer, bytes]], next_tick: int, now: float) -> None:
        """Take what peers say in the bodies of a tick's packets, one peer's in the order they came.

        next_tick: the first tick whose input can still be used.
        """
        inputs: list[tuple[int, list[Any]]] = []
        ready, by_slot = self._peers.ready, self._peers.by_slot
        for peer, body in packets:
            try:
                parts = split_body(body)
            except ProtocolError as error:
                self._drops[error.reason] += 1
                continue
            for kind, array in parts:
                if kind == MessageType.INPUT:
                    inputs.append((peer.slot, array))
                else:
                    self._read_part(peer, kind, array, now)
        # Inputs of who has just said `Ready` count, and those of who has broken its word are no harm.
        self._read_inputs([told for told in inputs if ready[told[0]] and told[0] in by_slot], next_tick)

    def taken(self) -> list[tuple[int, object]]:
        """Return the game's messages since the last call, with the player row of each, as they came."""
        inbox, self._inbox = self._inbox, []
        self._unread.clear()
        return inbox

    def _read_inputs(self, told: list[tuple[int, list[Any]]], next_tick: int) -> None:
        """Take input messages as (slot, array): those that say one new thing all at once, the others one by one."""
        if len(told) >= ALL_AT_ONCE:
            slots = np.array([slot for slot, _ in told], np.int64)
            read, ticks, values = decode_newest(
                [array for _, array in told], self._game.input, self._inputs.known_each(slots)
            )
            # What one peer says several times is taken in its order.
            read &= np.bincount(slots)[slots] == 1
            self._inputs.receive_newest(slots[read], ticks[read], values[:, read], next_tick)
            told = [told[at] for at in np.flatnonzero(~read).tolist()]
        for slot, array in told:
            try:
                new = decode_inputs(array, self._game.input, self._inputs.known(slot))
                self._inputs.receive(slot, new, array[0], next_tick)
            except ProtocolError as error:
                self._drops[error.reason] += 1

    def _read_part(self, peer: Peer, kind: int, array: list[Any], now: float) -> None:
        try:
            if kind != MessageType.CHANNEL:
                raise ProtocolError("unexpected-message", f"type {kind} from a client")
            self._read_channels(peer, array, now)
        except ProtocolError as error:
            self._drops[error.reason] += 1

    def _read_channels(self, peer: Peer, array: list[Any], now: float) -> None:
        try:
            delivered = peer.channels.unpack(array, now)
        finally:
            if peer.channels.broken:
                self._peers.behind.add(peer.slot)
        for _, data in delivered:
            try:
                self._read_message(peer, data, now)
            except ProtocolError as error:
                self._drops[error.reason] += 1

    def _read_message(self, peer: Peer, data: bytes, now: float) -> None:
        message = self._messages.decode(data)
        if isinstance(message, Ready):
            if message.schema != self._schema:
                raise ProtocolError("wrong-schema", f"{message.schema}, ours is {self._schema}")
            self._snapshots.reset(peer.slot)
            self._peers.ready[peer.slot] = True
        elif message is None:
            self._drops["unknown-message"] += 1
        elif not self._peers.ready[peer.slot]:
            raise ProtocolError("unexpected-message", f"{type(message).__name__} before Ready")
        elif isinstance(message, Say):
            self._read_chat(peer, message, now)
        elif self._messages.is_of_game(message) and peer.row >= 0:
            self._unread[peer.row] += 1
            if self._unread[peer.row] > UNREAD_MAX:
                raise ProtocolError("too-many-messages", f"row {peer.row}")
            self._inbox.append((peer.row, message))
        else:
            raise ProtocolError("unexpected-message", type(message).__name__)

    def _read_chat(self, peer: Peer, say: Say, now: float) -> None:
        try:
            said = self._chat.take(peer.voice, peer.name, say, now)
        except ProtocolError as error:
            if error.reason == "chat-flood" and (word := self._chat.word_to_wait(peer.voice)) is not None:
                self._teller.tell([peer], MATCH, word)
            raise
        self._teller.said([each for each in self._peers if self._chat.hears(each.voice, said)], said)
