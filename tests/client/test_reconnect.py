"""The decisions of a client that lost its server: when it tries, when it stops, and what it says meanwhile."""

from __future__ import annotations

import pytest

from engine.client.reconnect import Reconnect, ReconnectConfig, Refusal, State
from engine.errors import UsageError

NO_CHANCE = bytes(2)
"""Chance takes nothing away from a wait."""


def make(chance: bytes = NO_CHANCE, **config: float) -> Reconnect:
    return Reconnect(lambda count: chance[:count], ReconnectConfig(**config))


def test_waits_double_up_to_a_cap_and_are_told() -> None:
    machine = make()
    assert (machine.state, machine.words(0.0)) == (State.IN, "")
    machine.lost("nothing came", True, 100.0)
    waits, now = [], 100.0
    for _ in range(6):
        assert not machine.due(now)
        left = next(step / 4 for step in range(1, 100) if machine.due(now + step / 4))
        assert machine.state is State.ASKING
        assert not machine.due(now + left), "only once"
        waits.append(left)
        now += left
        machine.refused(Refusal("no server at 1.2.3.4", retry=True), now)
    assert waits == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


def test_words_say_what_goes_on() -> None:
    machine = make()
    machine.lost("nothing came", True, 0.0)
    assert machine.words(0.0) == "nothing came: trying again in 1 s"
    machine.refused(Refusal("no server at 1.2.3.4", retry=True), 1.0)
    assert machine.words(1.0) == "no server at 1.2.3.4: trying again in 2 s"
    assert machine.due(3.0)
    assert machine.words(3.0) == "no server at 1.2.3.4: coming back ..."
    machine.granted()
    assert (machine.state, machine.words(3.0)) == (State.JOINING, "no server at 1.2.3.4: coming back ...")
    machine.joined(3.5)
    assert (machine.state, machine.words(3.5), machine.returns) == (State.IN, "", 1)


@pytest.mark.parametrize(("chance", "wait"), [(b"\x00\x00", 1.0), (b"\x00\x80", 0.75), (b"\xff\xff", 0.5)])
def test_chance_takes_up_to_half_of_a_wait(chance: bytes, wait: float) -> None:
    machine = make(chance)
    machine.lost("gone", True, 0.0)
    assert not machine.due(wait - 0.001)
    assert machine.due(wait + 0.001)


def test_a_lobby_that_wants_more_time_gets_it() -> None:
    machine = make()
    machine.lost("gone", True, 0.0)
    assert machine.due(1.0)
    machine.refused(Refusal("the server is full", retry=True, retry_after=5.0), 1.0)
    assert not machine.due(5.9)
    assert machine.due(6.0)
    machine.refused(Refusal("wait a little", retry=True, retry_after=0.1), 6.0)
    assert not machine.due(9.9), "less than the backoff changes nothing"


def test_a_no_is_final() -> None:
    machine = make()
    machine.lost("gone", True, 0.0)
    assert machine.due(1.0)
    machine.refused(Refusal("wrong password", retry=False), 1.0)
    assert (machine.state, machine.words(50.0)) == (State.OVER, "wrong password")
    assert not machine.due(50.0)
    kicked = make()
    kicked.lost("kicked: spamming", False, 0.0)
    assert (kicked.state, kicked.message) == (State.OVER, "kicked: spamming")


def test_it_gives_up_in_the_end() -> None:
    machine, now = make(), 0.0
    machine.lost("gone", True, now)
    while machine.state is not State.OVER:
        now += 0.25
        if machine.due(now):
            machine.refused(Refusal("no server at 1.2.3.4", retry=True), now)
    assert 105.0 <= now <= 120.0
    assert machine.message == f"no server at 1.2.3.4 (gave up after {now:.0f} s)"


def test_a_good_connection_makes_the_next_loss_a_new_one_and_a_bad_one_does_not() -> None:
    machine = make()
    machine.lost("gone", True, 0.0)
    assert machine.due(1.0)
    machine.granted()
    machine.lost("the server does not answer", True, 11.0)
    assert machine.due(13.0)
    machine.granted()
    machine.joined(13.5)
    machine.lost("gone", True, 14.0)  # half a second: the third attempt of the same loss
    assert not machine.due(17.9)
    assert machine.due(18.0)
    machine.granted()
    machine.joined(18.5)
    machine.lost("gone", True, 200.0)  # long after: begins anew, with all its time
    assert machine.due(201.0)
    assert machine.returns == 2


def test_a_config_that_can_not_wait_is_refused() -> None:
    for bad in ({"first_wait": 0.0}, {"first_wait": 20.0}, {"jitter": 1.0}, {"give_up": 0.0}):
        with pytest.raises(UsageError, match="no way to wait"):
            make(**bad)
