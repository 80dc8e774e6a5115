"""A real match over bad lines, recorded on both sides: read back bit for bit, and not changed by being recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.errors import UsageError
from engine.replay.playback import Playback
from engine.wire.messages import Happened, Judged, PlayerJoined, PlayerLeft, Said
from engine.world.history import ABSENT, STALE


def same(told: Any, read: Any) -> None:
    """Hold one kind as told against it as read: what is absent has no state."""
    (state, status, generation), (state_read, status_read, generation_read) = told, read
    assert (status == status_read).all()
    there = status != ABSENT
    assert (state[:, there] == state_read[:, there]).all()
    assert (generation[there] == generation_read[there]).all()


@pytest.mark.parametrize("source", ["server", "client"])
def test_every_snapshot_is_read_back_bit_for_bit(recorded: Any, source: str) -> None:
    writer, replay = getattr(recorded, source), recorded.replay(source)
    frames = list(replay.frames())
    assert not replay.damage
    assert len(frames) == writer.snapshots == replay.end.snapshots
    assert [frame.tick for frame in frames] == sorted(frame.tick for frame in frames)
    missing = set(writer.told) - {frame.tick for frame in frames}
    assert len(missing) == (writer.late if source == "client" else 0)
    for frame in frames:
        kinds, own = writer.told[frame.tick]
        for one, other in zip(kinds, frame.kinds, strict=True):
            same(one, other)
        assert (own is None) == (frame.own is None)
        assert own is None or (own == frame.own).all()
    assert replay.digest() == writer.digest == replay.end.digest


def test_a_client_sees_less_and_its_own_row_exactly(recorded: Any) -> None:
    server, client = recorded.replay(), recorded.replay("client")
    assert server.header.own_row is None
    row = client.header.own_row
    frame = client.frame_at(client.last_tick)
    assert frame.own is not None
    assert frame.kinds[0][1][row] == ABSENT
    assert len(frame.own) == client.header.player.owner_count
    x = client.columns("player")["x"][-1, row]
    assert x == frame.own[client.header.player.index["x"]] / 64


def test_recording_changes_nothing_of_the_match(recorded: Any) -> None:
    assert recorded.datagrams == recorded.unrecorded


def test_inputs_are_those_that_were_played(recorded: Any) -> None:
    for source in ("server", "client"):
        writer, replay = getattr(recorded, source), recorded.replay(source)
        inputs = replay.inputs()
        kept = {tick: played for tick, played in writer.played.items() if len(played[0])}
        # What is played after the last snapshot has led to nothing that is kept.
        until = replay.last_tick
        ticks = inputs.tick.tolist()
        assert [tick for tick in ticks if tick <= until] == sorted(tick for tick in kept if tick <= until)
        for at, tick in enumerate(ticks):
            rows, state, missing = kept[tick]
            assert np.flatnonzero(inputs.played[at]).tolist() == rows.tolist()
            assert (inputs.state[at][:, rows] == state).all()
            assert (inputs.missing[at, rows] == missing).all()
    assert recorded.replay().inputs().missing.any()


def test_what_was_told_is_read_back(recorded: Any) -> None:
    replay = recorded.replay()
    told = [(tick, to, message) for tick, message, to in recorded.server.messages if tick <= replay.last_tick]
    assert [(each.tick, each.to, each.message) for each in replay.messages()] == sorted(told, key=lambda each: each[0])
    kinds = {type(message) for _, _, message in told}
    assert kinds >= {Happened, Judged, PlayerJoined, PlayerLeft, Said}
    verdicts = replay.verdicts()
    judged = [(message, to) for _, to, message in told if isinstance(message, Judged)]
    assert len(verdicts) == len(judged)
    assert verdicts["shooter"].tolist() == [to for _, to in judged]
    assert verdicts["reason"].tolist() == [message.reason for message, _ in judged]
    assert verdicts["claimed_age"][0] == judged[0][0].claimed_age / 256
    assert sorted(name for names in replay.players().values() for name in names) == ["Bot 1", "P0", "P1", "P2", "guest"]


def test_columns_have_what_the_frames_have(recorded: Any) -> None:
    replay = recorded.replay()
    columns = replay.columns("player")
    frames = list(replay.frames())
    assert columns.tick.tolist() == [frame.tick for frame in frames]
    for at, frame in enumerate(frames):
        state, status, generation = frame.kinds[0]
        rows = np.flatnonzero(status != ABSENT)
        assert np.flatnonzero(columns.alive[at]).tolist() == rows.tolist()
        assert (columns.state[at][:, rows] == state[:, rows]).all()
        assert (columns.generation[at, rows] == generation[rows]).all()
        assert (columns["x"][at, rows] == state[0, rows] / 64).all()
    assert np.isnan(columns["x"][~columns.alive]).all()
    part = replay.columns("player", 60, 120)
    assert (part.tick[0], part.tick[-1]) == (60, 120)
    with pytest.raises(UsageError, match="no kind 'plyer'; there are: player, rocket"):
        replay.columns("plyer")
    with pytest.raises(UsageError, match="no column 'z'; there are: x, y"):
        columns["z"]


def test_what_a_client_did_not_get_in_time_is_stale_there(recorded: Any) -> None:
    stale = recorded.replay("client").columns("player").stale
    told = recorded.client.told
    assert stale.any() == any((kinds[0][1] == STALE).any() for kinds, _ in told.values())


@pytest.mark.parametrize("source", ["server", "client"])
def test_seeking_shows_what_playing_shows(recorded: Any, source: str) -> None:
    played, sought = Playback(recorded.replay(source)), Playback(recorded.replay(source))
    seen = []
    while not played.at_end:
        played.advance(1 / 48)
        picture = played.picture()
        seen.append((played.seconds, picture.view, {name: kind.values.copy() for name, kind in picture.kinds.items()}))
    assert len(seen) > 120
    for seconds, view, values in [*seen[::-7], *seen[::5]]:
        sought.seek(seconds)
        picture = sought.picture()
        assert picture.view == view
        assert all((picture.kinds[name].values == values[name]).all() for name in values)


def test_all_events_pass_once_and_none_after_a_jump(recorded: Any) -> None:
    replay = recorded.replay()
    playback = Playback(replay)
    events, verdicts, said, names = [], 0, [], set()
    while not playback.at_end:
        playback.advance(1 / 60)
        events += playback.events()
        verdicts += len(playback.verdicts())
        said += playback.said()
        names |= set(playback.present().names.values())
    assert events == [event for event in replay.events() if event.tick > replay.first_tick]
    assert verdicts == (replay.verdicts()["tick"] > replay.first_tick).sum()
    assert [(each.name, each.text) for each in said] == [("P1", "hello there")]
    assert names == {"Bot 1", "P0", "P1", "P2", "guest"}
    assert "guest" not in playback.present().names.values()
    playback.seek(2.0)
    assert "guest" in playback.present().names.values()
    assert playback.events() == []
    playback.advance(0.0)
    assert playback.events() == []


def test_speed_and_pause(recorded: Any) -> None:
    playback = Playback(recorded.replay())
    playback.faster(1)
    assert playback.speed == 2.0
    playback.advance(0.5)
    assert playback.seconds == pytest.approx(1.0)
    playback.paused = True
    playback.advance(0.5)
    assert playback.seconds == pytest.approx(1.0)
    playback.faster(9)
    assert playback.speed == 8.0
    playback.faster(-99)
    assert playback.speed == 0.25
    playback.seek(99.0)
    assert playback.at_end
    assert playback.picture().kinds["player"].alive.any()
