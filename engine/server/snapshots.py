"""From the true world to each peer's snapshot: publish, interest, delta, budget, encode, all peers at once.

    world -> publish -> history -> interest -> delta -> budget -> bytes per peer

The published world is what everybody but the owner of a row sees; the owner's own row travels beside it, exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.config import MatchConfig
from engine.errors import UsageError
from engine.game import Game, WeighingGame
from engine.server.budget import Budget, near_first
from engine.server.inputs import InputRing
from engine.server.sharing import alike
from engine.server.views import ViewTable
from engine.wire import msgints
from engine.wire.delta import KindDelta
from engine.wire.recorder import Published
from engine.wire.snapshot import NONE, encode_own, encode_snapshots
from engine.world.dead_reckoning import coarsened, publish
from engine.world.history import ABSENT, EXACT, History
from engine.world.schema import Kind
from engine.world.table import World

_COUNT_BYTES = 3
"""A section's count of entries at most."""


@dataclass(slots=True)
class Batch:
    """One snapshot for n peers: its messages, and the view each peer has once its own arrives, `(n, rows)` per kind."""

    messages: list[bytes]
    status: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Why:
    """What became of one row in the last snapshot for one peer.

    code: "none" (no snapshot yet), "own" (it travels apart, exact), "absent" (not alive), "interest" (outside what the
    game lets the peer know), "told", "expected" (dead reckoning gives it, so it costs nothing) or "waits" (it did not
    fit the budget).
    """

    tick: int
    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


@dataclass(frozen=True, slots=True)
class _Told:
    """A batch, kept for `why`. own_rows, room: `(n,)`, as `build` was given them; deltas, alive: one per kind."""

    tick: int
    own_rows: np.ndarray
    room: np.ndarray
    deltas: list[KindDelta]
    alive: list[np.ndarray]


class SnapshotStage:
    """Holds the published history, and turns it into snapshots."""

    def __init__(self, config: MatchConfig, game: Game, peers: int, dead_reckoning: bool = True) -> None:
        self._every = config.snapshot_every
        self._dead_reckoning = dead_reckoning
        self._weights = game.weights if isinstance(game, WeighingGame) else None
        self._kinds = kinds = game.kinds
        self._player = player = game.player
        depth = config.history_snapshots
        self.histories = {kind.name: History(kind, kind.public_count, depth, self._every) for kind in kinds}
        self._own = History(player, player.owner_count, depth, self._every)
        self.views = ViewTable(kinds, peers, depth, self._every)
        self.budget = Budget(kinds, peers)
        self.section_bytes = {name: np.zeros(peers, np.int64) for name in ("own", *(kind.name for kind in kinds))}
        """Snapshot bytes told to each peer slot since the start, by kind; "own": the header and the own row."""
        self._told: dict[int, tuple[_Told, int]] = {}  # each peer's last batch, and its place in it
        # What each peer was told of last, for the kinds that are not told to all.
        self._interests = {
            kind.name: (interest, np.zeros((peers if interest else 0, kind.capacity), np.bool_))
            for kind in kinds
            for interest in (game.interest(kind),)
        }

    def reset(self, peer: int) -> None:
        """Forget what a peer slot holds; its next snapshot is whole."""
        self.views.reset(peer)
        self.budget.reset(peer)
        self._told.pop(peer, None)
        for interest, seen in self._interests.values():
            if interest is not None:
                seen[peer] = False

    def publish(self, world: World) -> None:
        """Publish the world as it is now and push it into the history."""
        for kind in self._kinds:
            table, history = world[kind.name], self.histories[kind.name]
            before = history.slot(history.newest)
            state = table.state[: kind.public_count]
            if before is not None and self._dead_reckoning:
                known = (history.status[before] != ABSENT) & (history.generation[before] == table.generation)
                state = publish(kind, history.state[before], known, world.tick - history.newest, state)
            else:
                state = coarsened(kind, state)
            history.push(world.tick, state, np.where(table.alive, EXACT, ABSENT), table.generation)
        table = world[self._player.name]
        self._own.push(
            world.tick, table.state[: self._player.owner_count], np.where(table.alive, EXACT, ABSENT), table.generation
        )

    def published(self, tick: int) -> list[Published]:
        """Return each kind's rows as published at `tick`, which must be held; they are the history's own arrays."""
        slot = self._own.slot(tick)
        return [(each.state[slot], each.status[slot], each.generation[slot]) for each in self.histories.values()]

    def own_state(self, tick: int, row: int) -> np.ndarray | None:
        """Return a player row as its owner is told it at `tick`, `(owner_fields,) int32`; None when it is not held."""
        slot = self._own.slot(tick)
        return None if slot is None else self._own.state[slot, :, row]

    def build(
        self, world: World, peers: np.ndarray, own_rows: np.ndarray, inputs: InputRing, room: np.ndarray
    ) -> Batch:
        """Return the snapshot of `world`, which must be published, for the peer slots `peers`, `(n,)`.

        own_rows: `(n,) int`, -1 for a peer that only watches. room: `(n,) int`, bytes each message may take.
        """
        visible = [self._interest(kind, world, peers, own_rows) for kind in self._kinds]
        slots = self.views.base_slots(peers, world.tick)
        told, of = self._shared(peers, own_rows, inputs, room, slots, visible)
        everyone = peers
        peers, own_rows, room, slots = peers[told], own_rows[told], room[told], slots[told]
        visible = [seen[told] for seen in visible]
        header, own, own_counts, deltas, beyond = self._against(world, peers, own_rows, inputs, room, slots, visible)
        if beyond.any():
            # So much left or changed at once that even naming it does not fit: these begin anew, without a baseline.
            slots[beyond] = -1
            header, own, own_counts, deltas, _ = self._against(world, peers, own_rows, inputs, room, slots, visible)
        sections = [delta.sections() for delta in deltas]
        messages = encode_snapshots(header, own, own_counts, sections)
        rest = np.fromiter(map(len, messages), np.int64, len(messages))
        for kind, part in zip(self._kinds, sections, strict=True):
            size = np.diff(part.starts)
            self.section_bytes[kind.name][everyone] += size[of]
            rest -= size
        self.section_bytes["own"][everyone] += rest[of]
        status_by_kind = {kind.name: part.status for kind, part in zip(self._kinds, sections, strict=True)}
        if len(everyone) > len(peers):
            messages = [messages[at] for at in of.tolist()]
            status_by_kind = {name: status[of] for name, status in status_by_kind.items()}
            self.budget.share(everyone, peers[of])
            for peer, by in zip(everyone.tolist(), peers[of].tolist(), strict=True):
                self._told[peer] = self._told[by]
        return Batch(messages, status_by_kind)

    def _shared(
        self,
        peers: np.ndarray,
        own_rows: np.ndarray,
        inputs: InputRing,
        room: np.ndarray,
        slots: np.ndarray,
        visible: list[np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return whose snapshot is made, `(m,) int`, and whose of them each peer is told, `(n,) int`."""
        if (own_rows >= 0).all():
            return np.arange(len(peers)), np.arange(len(peers))
        header = [column[peers] for column in (inputs.newest, inputs.slack, inputs.repeated)]
        held = [self.views.base_status(kind, peers, slots) for kind in self._kinds]
        return alike(own_rows, [room, slots, *header, *held, *visible])

    def _against(
        self,
        world: World,
        peers: np.ndarray,
        own_rows: np.ndarray,
        inputs: InputRing,
        room: np.ndarray,
        slots: np.ndarray,
        visible: list[np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[KindDelta], np.ndarray]:
        """Return header, own rows and deltas against the baselines in `slots`, cut to `room`; and who is beyond it."""
        tick = world.tick
        header = np.empty((len(peers), 5), np.int64)
        header[:, 0] = tick
        header[:, 1] = np.where(slots < 0, 0, (tick - self.views.baseline[peers]) // self._every)
        newest = inputs.newest[peers]
        header[:, 2] = np.where(newest < 0, NONE, np.maximum(newest - tick, NONE + 1))
        header[:, 3] = inputs.slack[peers]
        header[:, 4] = inputs.repeated[peers]
        own, own_counts = self._own_rows(tick, slots, own_rows)
        distinct = np.unique(slots, return_inverse=True)
        deltas = [
            KindDelta(
                self.histories[kind.name], tick, seen, slots, self.views.base_status(kind, peers, slots), distinct
            )
            for kind, seen in zip(self._kinds, visible, strict=True)
        ]
        own_bytes = np.add.reduceat(msgints.widths(own), np.cumsum(own_counts) - own_counts)
        head_bytes = msgints.ARRAY_HEADER_BYTES + msgints.widths(header).sum(axis=1) + _COUNT_BYTES * len(deltas)
        room = room - head_bytes - own_bytes
        told = _Told(tick, own_rows, room, deltas, [world[kind.name].alive.copy() for kind in self._kinds])
        self._told.update((peer, (told, at)) for at, peer in enumerate(peers.tolist()))

        def weigh(kind: int, at: int, rows: np.ndarray) -> np.ndarray:
            own = int(own_rows[at])
            if self._weights is not None:
                return self._weights(world, self._kinds[kind], own, rows)
            return near_first(world, self._kinds[kind], self._player, own, rows)

        return header, own, own_counts, deltas, self.budget.fit(peers, deltas, room, weigh)

    def why(self, peer: int, kind_name: str, row: int) -> Why:
        """Explain what became of `row` of a kind in the last snapshot for a peer slot.

        Raises UsageError for a kind or a row that there is not.
        """
        number = next((at for at, kind in enumerate(self._kinds) if kind.name == kind_name), None)
        if number is None or not 0 <= row < self._kinds[number].capacity:
            kinds = ", ".join(f"{kind.name} 0..{kind.capacity - 1}" for kind in self._kinds)
            raise UsageError(f"there is no {kind_name} {row}: rows are {kinds}")
        if peer not in self._told:
            return Why(-1, "none", "no snapshot has been made for it")
        told, at = self._told[peer]
        said, size = told.deltas[number].said(at, row)
        if self._kinds[number] is self._player and told.own_rows[at] == row:
            return Why(told.tick, "own", "its own row travels apart, exact")
        if said in ("full", "residual"):
            return Why(told.tick, "told", f"{said}, {size} bytes")
        if not told.alive[number][row]:
            return Why(told.tick, "absent", "not alive" + (", and it was told so" if said == "leave" else ""))
        if said in ("unseen", "leave") and self._interests[kind_name][0] is not None:
            return Why(
                told.tick, "interest", "the game does not let it know" + (" any more" if said == "leave" else "")
            )
        urgency = self.budget.urgency(number, peer, row)
        if urgency > 0:
            return Why(
                told.tick,
                "waits",
                f"others were more urgent for the {max(int(told.room[at]), 0)} bytes of room; its urgency is now"
                f" {urgency:.1f}, and " + ("it is held as stale" if said == "hold" else "not known there as it is"),
            )
        return Why(told.tick, "expected", "as dead reckoning has it: nothing needs to be said")

    def _interest(self, kind: Kind, world: World, peers: np.ndarray, own_rows: np.ndarray) -> np.ndarray:
        """Return which rows of `kind` each peer shall see, `(n, rows) bool`; never its own."""
        alive = world[kind.name].alive
        interest, seen = self._interests[kind.name]
        if interest is None:
            visible: np.ndarray = np.repeat(alive[None], len(peers), axis=0)
        else:
            visible = interest.sees(world, kind, self._player, own_rows, seen[peers])
            visible &= alive
            seen[peers] = visible
        if kind is self._player:
            owners = np.flatnonzero(own_rows >= 0)
            visible[owners, own_rows[owners]] = False
        return visible

    def _own_rows(self, tick: int, base_slots: np.ndarray, own_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the integers of the own rows, and how many each peer has; a watcher has the one integer 0."""
        slot = self._own.slot(tick)
        owners = own_rows >= 0
        row = np.where(owners, own_rows, 0)
        now = self._own.state[slot][:, row]
        base = self._own.state[base_slots, :, row].T
        # A row that changed hands since the baseline is told whole, like one without a baseline.
        same = (base_slots >= 0) & (self._own.generation[base_slots, row] == self._own.generation[slot, row])
        apart = np.where(same, tick - self._own.tick[base_slots], 0).astype(np.int32)
        now[:, ~owners] = 0
        base[:, ~owners] = 0
        apart[~owners] = self._every
        return encode_own(self._player, now, base, apart)
