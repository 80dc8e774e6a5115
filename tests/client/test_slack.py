"""Which slack counts on a line, report by report."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from engine.client.slack import SlackWatch

HZ = 30
"""Reports a second."""


def counted(*parts: Iterable[float]) -> list[float]:
    """Return what counted after each report, of all parts one behind the other."""
    watch = SlackWatch()
    reports = [slack for part in parts for slack in part]
    return [watch.take(number / HZ, slack) for number, slack in enumerate(reports)]


def calm(seconds: float, slack: float = 10.0) -> list[float]:
    return [slack] * round(seconds * HZ)


def stall(depth: float) -> list[float]:
    """A third of a second in which everything comes later by up to `depth`, and together."""
    return [10.0 - depth + depth * number / 10 for number in range(10)]


def test_on_a_steady_line_it_is_what_is_reported() -> None:
    assert set(counted(calm(30.0, 7.0))) == {7.0}


def test_one_outlier_moves_nothing_and_a_second_one_does() -> None:
    once = counted(calm(5.0), [4.0], calm(5.0))
    assert once[-1] == 10.0
    twice = counted(calm(5.0), [4.0], calm(5.0), [5.0], calm(5.0))
    assert twice[-1] == 5.0
    assert counted(calm(5.0), [4.0], calm(5.0), [5.0], calm(25.0))[-1] == 10.0


def test_waves_are_followed_for_a_bit_and_where_they_keep_coming_all_the_way() -> None:
    waves = [*stall(20.0), *calm(5.0)]
    told = counted(calm(5.0), waves, waves, waves, calm(40.0))
    begins = [5 * HZ + number * len(waves) for number in range(3)]
    assert told[begins[0] - 1] == 10.0
    assert told[begins[2] - 1] == 1.0  # 9 ticks below the usual, although both were 20
    assert told[begins[2] + len(waves) - 1] == -10.0
    assert told[-1] == -10.0  # for as long as a minute


def test_calm_after_a_storm_is_not_another_schedule() -> None:
    """The lowest that counts is then more ticks below the present than any other schedule would be above the past."""
    waves = [*stall(35.0), *calm(4.0)]
    told = counted(calm(5.0), waves, waves, waves, waves, calm(20.0))
    assert told[-1] == -14.0  # 24 ticks below the usual


@pytest.mark.parametrize("seconds", [3.0, 3.5, 3.9])
def test_another_schedule_is_told_after_eight_reports_wherever_a_second_ends(seconds: float) -> None:
    told = counted(calm(seconds), calm(2.0, 50.0))
    begin = round(seconds * HZ)
    assert told[begin + 6] == 10.0
    assert told[begin + 8] == 50.0


def test_a_line_that_grows_longer_is_followed_within_a_quarter_of_a_second() -> None:
    told = counted(calm(5.0), calm(5.0, -2.0))
    assert told[5 * HZ + 8] == -2.0
    assert told[-1] == -2.0  # and is no rough line for it, wherever in a second it happens
    assert min(counted(calm(4.5), calm(5.0, -2.0))) == -2.0


def test_a_rough_line_is_known_after_two_seconds_by_what_has_not_happened_yet() -> None:
    random = np.random.default_rng(4)

    def lateness(reports: int) -> list[float]:
        """Median 1.2 ticks, one in ten beyond 5, one in a thousand beyond 35."""
        return [10.0 - np.ceil(late) for late in random.lognormal(np.log(1.2), 1.1, reports)]

    told = [counted(lateness(10 * HZ)) for _ in range(20)]
    # The earliest are one tick late at 10, and 36 ticks below them is as far as a line is followed.
    assert {each[-1] for each in told} == {-27.0}
    assert sum(each[2 * HZ + 5] == -27.0 for each in told) > 10
    # What is half as late is told by whole ticks only barely, and waited for as it comes.
    mild = [counted([10.0 - np.ceil((10.0 - slack) / 2) for slack in lateness(10 * HZ)]) for _ in range(20)]
    assert min(each[-1] for each in mild) > -15.0
