"""One example of every message, byte for byte. `docs/PROTOCOL.md` explains the same bytes.

Run this file to write `golden/*.json` anew; a change there is a change of the wire, and needs a new PROTOCOL_VERSION.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgpack
import numpy as np
import pytest

from engine.wire.body import MessageType, split_body
from engine.wire.delta import KindDelta
from engine.wire.inputs import InputWriter, StampedInput, decode_inputs
from engine.wire.messages import (
    ENGINE_MESSAGES,
    Farewell,
    Happened,
    Judged,
    Notice,
    PlayerAway,
    PlayerJoined,
    PlayerLeft,
    Ready,
    Resume,
    Said,
    Say,
    Welcome,
)
from engine.wire.snapshot import NONE, decode_snapshot, encode_own, encode_snapshots
from engine.world.history import ABSENT, EXACT, History
from engine.world.picture import View
from engine.world.schema import Field, Kind, Scope

GOLDEN = Path(__file__).parent / "golden"
PROTOCOL = Path(__file__).parents[2] / "docs" / "PROTOCOL.md"

BODY = Kind(
    "body",
    (Field("x", rate="vx"), Field("vx", "int16"), Field("aim", "uint16", wrap=True), Field("ammo", scope=Scope.OWNER)),
    capacity=4,
)
INPUT = Kind("input", (Field("walk", "int8"), Field("aim", "uint16", wrap=True), Field("fire", "bool")), capacity=1)

MESSAGES = {
    "welcome": Welcome(
        game="arena",
        game_version=1,
        schema=0x12345678,
        settings={"map": "yard", "bots": 4},
        tick_hz=60,
        snapshot_every=2,
        history_snapshots=64,
        rewind_limit=0.25,
        max_extrapolation=0.25,
        own_row=3,
        tick=1200,
    ),
    "player_joined": PlayerJoined(row=3, name="Ann", bot=False),
    "player_left": PlayerLeft(row=3, reason="left"),
    "happened": Happened(tick=1234, code=2, args=(3, -40, 70000)),
    "judged": Judged(tick=1234, hit=5, reason="hit", claimed_age=2048, allowed_age=2048, clamped=False),
    "farewell": Farewell(reason="the server is restarting", again=True),
    "ready": Ready(schema=0x12345678),
    "resume": Resume(ticket="0700000000000000" + "5a" * 16, seconds=30.0),
    "player_away": PlayerAway(row=3, away=True),
    "notice": Notice(text="back in five minutes"),
    "say": Say(text="well played", team=False),
    "said": Said(row=3, name="Ann", text="well played", team=False),
}


def histories() -> tuple[History, np.ndarray]:
    """The published world of ticks 100 and 102, and the own rows (row 0) at both, `(owner fields, 2)`."""
    history = History(BODY, BODY.public_count, 8, 2)
    #                  row 0  row 1  row 2  row 3
    then = np.array([[10, 1000, -500, 300], [1, 4, 0, -3], [0, 65530, 9, 1]], np.int32)
    now = np.array([[12, 1008, -500, 294], [1, 4, 0, -3], [5, 4, 9, 1]], np.int32)
    history.push(100, then, np.array([EXACT, EXACT, EXACT, ABSENT]), np.array([1, 1, 1, 1]))
    history.push(102, now, np.array([EXACT, EXACT, ABSENT, EXACT]), np.array([1, 1, 1, 2]))
    return history, np.array([[10, 12], [1, 1], [0, 5], [30, 29]], np.int32)


def snapshots() -> dict[str, bytes]:
    """The first snapshot of a client (tick 100) and the one after it, whose baseline the first is."""
    history, own = histories()
    visible = np.array([[False, True, True, False]])
    nothing = np.zeros((1, 4), np.uint8)
    first = KindDelta(history, 100, visible, np.array([-1]), nothing).sections()
    own_ints, own_counts = encode_own(BODY, own[:, :1], own[:, :1], np.array([0], np.int32))
    header = np.array([[100, 0, NONE, NONE, 0]])
    whole = encode_snapshots(header, own_ints, own_counts, [first])[0]
    slot = history.slot(100)
    delta = KindDelta(history, 102, np.array([[False, True, False, True]]), np.array([slot]), first.status)
    own_ints, own_counts = encode_own(BODY, own[:, 1:], own[:, :1], np.array([2], np.int32))
    header = np.array([[102, 1, 4, 384, 1]])
    return {"snapshot_first": whole, "snapshot": encode_snapshots(header, own_ints, own_counts, [delta.sections()])[0]}


INPUTS = [
    StampedInput(104, (127, 65530, 0), None),
    StampedInput(105, (127, 65530, 0), None),
    StampedInput(106, (127, 4, 1), View(96, 98, 97 * 256 + 64)),
]


def examples() -> dict[str, bytes]:
    """Every message by name."""
    writer = InputWriter(INPUT, 24)
    for entry in INPUTS:
        writer.add(entry)
    typed = {name: ENGINE_MESSAGES.encode(message) for name, message in MESSAGES.items()}
    return {"input": writer.message(), **snapshots(), **typed}


def golden(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((GOLDEN / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("name", sorted(examples()))
def test_bytes_are_the_golden_ones_and_any_msgpack_library_reads_them(name: str) -> None:
    want = golden(name)
    data = bytes.fromhex(str(want["hex"]))
    assert examples()[name] == data
    assert msgpack.unpackb(data) == want["value"]


def test_every_golden_file_has_its_example() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(examples())


@pytest.mark.parametrize("name", sorted(examples()))
def test_the_protocol_page_shows_the_same_bytes(name: str) -> None:
    assert str(golden(name)["hex"]) in PROTOCOL.read_text().split()


def test_golden_messages_are_understood() -> None:
    for name, message in MESSAGES.items():
        assert ENGINE_MESSAGES.decode(bytes.fromhex(str(golden(name)["hex"]))) == message
    assert decode_inputs(golden("input")["value"], INPUT, -1) == INPUTS[::-1]
    body = b"".join(bytes([MessageType.INPUT]) + bytes.fromhex(str(golden("input")["hex"])) for _ in range(2))
    assert split_body(body) == [(1, golden("input")["value"])] * 2


def test_golden_snapshots_are_understood() -> None:
    history, own = histories()
    mine = History(BODY, BODY.public_count, 8, 2)
    own_history: dict[int, np.ndarray] = {}
    for name, tick, rows in (("snapshot_first", 100, [1, 2]), ("snapshot", 102, [1, 3])):
        snapshot = decode_snapshot(golden(name)["value"], [mine], BODY, own_history, True)
        held = snapshot.kinds[0]
        assert snapshot.tick == tick
        assert np.flatnonzero(held.status == EXACT).tolist() == rows
        assert (held.state[:, rows] == history.state[history.slot(tick)][:, rows]).all()
        assert snapshot.own is not None
        assert snapshot.own.tolist() == own[:, (tick - 100) // 2].tolist()
        mine.push(tick, held.state, held.status, held.generation)
        own_history[tick] = snapshot.own
    assert (snapshot.input_tick, snapshot.slack, snapshot.repeated) == (106, 384, 1)


if __name__ == "__main__":
    for name, data in examples().items():
        text = json.dumps({"hex": data.hex(), "value": msgpack.unpackb(data)}, indent=1)
        (GOLDEN / f"{name}.json").write_text(text + "\n")
