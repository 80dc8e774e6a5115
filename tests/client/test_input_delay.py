"""The input delay: what is chosen holds after a slew, and by itself it follows the corrections."""

from __future__ import annotations

import pytest

from engine.client.input_delay import AUTOMATIC, InputDelay
from engine.config import ClientConfig
from engine.errors import UsageError
from engine.lab.match import PlayerSpec, VirtualMatch
from engine.transport.impairment import load_profile
from game.rules import Arena

HZ = 60.0


def after(delay: InputDelay, begin: float, seconds: float, corrections: int, each_second: int = 0) -> tuple[float, int]:
    """Let `seconds` pass from `begin` on; return the time and the corrections then."""
    for frame in range(round(seconds * HZ)):
        delay.advance(begin + frame / HZ, HZ, corrections + each_second * int(frame / HZ))
    return begin + seconds, corrections + each_second * int(seconds)


def test_what_is_chosen_comes_without_a_jump() -> None:
    delay = InputDelay(0)
    now, _ = after(delay, 5.0, 1.0, 0)
    assert delay.ticks == 0.0
    delay.choice = 2
    before = delay.ticks
    for frame in range(30):
        delay.advance(now + frame / HZ, HZ, 0)
        assert 0.0 <= delay.ticks - before <= 0.1 + 1e-9
        before = delay.ticks
    assert delay.ticks == 2.0


def test_it_begins_with_what_was_chosen() -> None:
    assert InputDelay(3).ticks == 3.0
    assert InputDelay(AUTOMATIC).ticks == 0.0


@pytest.mark.parametrize("choice", [-2, 4])
def test_other_choices_are_refused(choice: int) -> None:
    with pytest.raises(UsageError, match=str(choice)):
        InputDelay(choice)


def test_by_itself_it_grows_with_corrections_and_goes_again() -> None:
    delay = InputDelay(AUTOMATIC)
    now, count = after(delay, 0.0, 60.0, 0)
    assert delay.ticks == 0.0
    now, count = after(delay, now, 2.0, count + 1)
    assert delay.ticks == 0.0  # one is no trend
    now, count = after(delay, now, 10.0, count, each_second=1)
    assert delay.ticks == 3.0
    now, count = after(delay, now, 20.0, count)
    assert delay.ticks == 3.0
    now, count = after(delay, now, 100.0, count)
    assert delay.ticks == 0.0


def played(link: str, choice: int, seconds: float) -> VirtualMatch:
    specs = [PlayerSpec(f"P{number}", load_profile(link)) for number in range(2)]
    match = VirtualMatch(Arena.factory, specs, client=ClientConfig(input_delay=choice), settings={"max_players": 2})
    match.run(seconds)
    match.finish()
    return match


@pytest.mark.parametrize("ticks", [0, 1, 3])
def test_the_own_row_answers_that_many_ticks_later_and_inputs_come_earlier(ticks: int) -> None:
    match = played("cable", ticks, 10.0)
    for player in match.players:
        figures = player.session.figures(match.now)
        assert (figures.prediction.corrections, figures.input_delay_ticks) == (0, ticks)
        assert player.truth.own_delay_ms.quantile(0.5) == pytest.approx((1 + ticks) * 1000.0 / HZ)
        slack = figures.lead_ticks
        assert slack > 3.0 + ticks


def test_a_bad_line_raises_it_by_itself() -> None:
    match = played("awful", AUTOMATIC, 25.0)
    assert all(player.session.input_delay.ticks > 0.5 for player in match.players)
