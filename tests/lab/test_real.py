"""Virtual time beside real time: one scenario, both ways, within the bands. Loopback only; a few seconds of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.config import ClientConfig, Switches
from engine.errors import UsageError
from engine.lab.match import LabEvent
from engine.lab.real import MAX_REAL_PLAYERS, Band, bands, check_real, run_real
from engine.lab.run import run
from engine.lab.scenario import Scenario, uniform

CABLE = Scenario(players=uniform("cable", 2), seconds=12.0, warmup=1.0)


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (replace(CABLE, game="game.rules:Other"), "plays what server.py plays"),
        (replace(CABLE, players=uniform("lan", MAX_REAL_PLAYERS + 1)), "32 at most"),
        (replace(CABLE, events=(LabEvent(1.0, pause=1.0),)), "can't pause"),
        (replace(CABLE, match={"rewind_limit": 0.1}), "can't set rewind_limit"),
        (replace(CABLE, client=ClientConfig(switches=Switches(prediction=False))), "every mechanism on"),
    ],
)
def test_what_real_sockets_cannot_do_is_refused(scenario: Scenario, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_real(scenario)


def test_a_band_is_a_part_of_the_larger_or_a_least() -> None:
    assert Band("rtt", 20.0, 26.0, 0.25, 1.0).agrees
    assert not Band("rtt", 20.0, 27.0, 0.25, 1.0).agrees
    assert Band("late", 0.0, 3.0, 0.25, 3.0).agrees


@pytest.mark.slow
def test_virtual_and_real_agree_within_the_bands() -> None:
    virtual, real = run(CABLE), run_real(CABLE)
    assert set(real.clients) == {"P01", "P02"}
    assert real.proxied == 2
    found = bands(virtual.all, real)
    differ = [band for band in found if not band.agrees]
    if differ and real.too_busy:
        # It adds to delays and lateness, and takes from no difference: what agrees all the same, agrees.
        pytest.skip(f"this machine is too busy to keep time: sleeps {real.stall_ms} ms late")
    assert not differ, "\n".join(map(str, found))
