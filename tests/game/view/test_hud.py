from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pygame
import pytest

from engine.game import GameEvent
from engine.world.picture import Picture, Seen, View
from game.schema import MATCH, MAX_TEAMS, PLAYER, Event
from game.view.hud import NAME_LETTERS, name_of
from game.view.net_graph import SAMPLE, SAMPLES, NetGraph
from game.view.palette import GOOD, STANDARD, mix
from game.view.renderer import Renderer
from game.view.scene import NetFigures, Scene
from game.view.scoreboard import draw_scoreboard
from game.view.text import KEPT, Text
from game.view.widgets import ARC_STEPS, Widgets

Maker = Callable[..., Picture]
ME = {"x": 1000.0, "y": 700.0}


def pixels(surface: pygame.Surface) -> np.ndarray:
    return pygame.surfarray.array3d(surface).astype(int)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada", "Ada"),
        ("  Ada ", "Ada"),
        ("", "player 7"),
        ("\x00\n\t\u202e", "player 7"),
        ("a\x1bb", "ab"),
        ("x" * NAME_LETTERS, "x" * NAME_LETTERS),
        ("x" * 99, "x" * (NAME_LETTERS - 1) + "…"),
        ("Żółw", "Żółw"),
    ],
)
def test_names_from_the_network_are_made_fit_to_show(name: str, shown: str) -> None:
    assert name_of(Scene(Picture(View(0, None, 0)), {7: name}), 7) == shown


def test_less_health_draws_a_shorter_bar(renderer: Renderer, surface: pygame.Surface, make_picture: Maker) -> None:
    def bright(health: int) -> int:
        for _ in range(30):  # the pale part, what was just lost, has gone
            renderer.draw(
                surface, Scene(make_picture({0: ME | {"health": health}}, own_row=0), own_row=0, time=bright_time())
            )
        corner = pixels(surface)[70:210, 300:355]
        return int((corner.max(axis=2) > 120).sum())

    clock = iter(np.arange(1, 1000) * 0.1)

    def bright_time() -> float:
        return float(next(clock))

    full, half, low = bright(100), bright(50), bright(10)
    assert full > half > low > 0


def test_the_kill_feed_shows_a_kill_and_forgets_it(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker
) -> None:
    scene = Scene(make_picture({0: ME}, own_row=0), {1: "Ann", 2: "Bob"}, own_row=0)
    renderer.draw(surface, scene)
    corner = np.s_[480:, :24]
    before = pixels(surface)[corner]
    scene.events = [GameEvent(1, Event.KILL, (1, 2, 0))]
    renderer.draw(surface, scene)
    assert (pixels(surface)[corner] != before).sum() > 500
    scene.events, scene.time = (), 6.5
    renderer.draw(surface, scene)
    assert (pixels(surface)[corner] == before).all()


def test_the_status_is_over_everything(renderer: Renderer, surface: pygame.Surface, make_picture: Maker) -> None:
    scene = Scene(make_picture({0: ME}, own_row=0), own_row=0)
    renderer.draw(surface, scene)
    clear = pixels(surface).mean()
    scene.status = "lost connection"
    renderer.draw(surface, scene)
    assert pixels(surface).mean() < clear * 0.6
    assert pixels(surface)[200:440, 150:210].max() > 200  # the words


def test_a_wound_reddens_the_edges_for_a_while(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker
) -> None:
    def edge(health: int, time: float) -> float:
        renderer.draw(surface, Scene(make_picture({0: ME | {"health": health}}, own_row=0), own_row=0, time=time))
        strip = pixels(surface)[:3, 100:200]
        return float(strip[..., 0].mean() - strip[..., 1].mean())

    calm = edge(100, 0.0)
    assert edge(55, 0.05) > calm + 30
    assert edge(55, 2.0) == pytest.approx(calm, abs=2)


def test_the_scoreboard_orders_by_score_then_deaths(make_picture: Maker, written: list[str]) -> None:
    players = {
        1: ME | {"score": 3, "deaths": 5},
        4: ME | {"score": 9, "deaths": 1},
        6: ME | {"score": 3, "deaths": 2},
        7: ME | {"score": -1},
    }
    names = {1: "Ann", 4: "Bob", 6: "Cid", 7: "Dot"}
    scene = Scene(make_picture(players), names, pings={4: 31})
    draw_scoreboard(pygame.Surface((1280, 720), 0, 32), Widgets((1280, 720)), scene)
    assert [words for words in written if words in names.values()] == ["Bob", "Cid", "Ann", "Dot"]
    assert "31" in written
    assert written.count("–") == 3
    assert "4 players" in written

    # Teams stand apart, the one that is ahead first; each player keeps its place among all.
    written.clear()
    sides = {row: values | {"team": 1 + (row in (4, 6))} for row, values in players.items()}
    picture = make_picture(sides)
    course = Seen(MATCH, np.zeros((MATCH.public_count, 1)), np.ones(1, np.bool_), np.zeros(1, np.int32))
    course.values[MATCH.index["score2"]] = 12
    picture.kinds["match"] = course
    scene = Scene(picture, names)
    draw_scoreboard(pygame.Surface((1280, 720), 0, 32), Widgets((1280, 720)), scene)
    told = [words for words in written if words in names.values() or words.startswith("TEAM")]
    assert told == ["TEAM 2", "Bob", "Cid", "TEAM 1", "Ann", "Dot"]

    # A server that lies names a team that there is not: one order for all.
    written.clear()
    picture["player"].values[PLAYER.index["team"], 6] = MAX_TEAMS + 1
    draw_scoreboard(pygame.Surface((1280, 720), 0, 32), Widgets((1280, 720)), scene)
    told = [words for words in written if words in names.values() or words.startswith("TEAM")]
    assert told == ["Bob", "Cid", "Ann", "Dot"]


def test_words_are_rendered_once_and_the_oldest_are_forgotten() -> None:
    text = Text(1.0)
    first = text.surface("once", 14, GOOD)
    assert text.surface("once", 14, GOOD) is first
    for number in range(KEPT + 5):
        text.surface(str(number), 12, GOOD)
    assert text.surface("once", 14, GOOD) is not first


@pytest.mark.parametrize("words", ["", "\0", "a\0b", "\u0301", "\u200b\u200d", "\U0001f600", "\ud800", "م", "…"])
def test_any_words_can_be_rendered(words: str) -> None:
    assert Text(1.0).surface(words, 12, GOOD).get_height() > 4


def test_arcs_fill_clockwise_from_the_top() -> None:
    widgets = Widgets((1280, 720))
    alphas = [
        pygame.surfarray.array_alpha(widgets.arc(20.0, 4.0, part, GOOD)).astype(int) for part in (0, 0.25, 0.5, 1)
    ]
    sums = [int(alpha.sum()) for alpha in alphas]
    assert sums[0] == 0
    assert sums[0] < sums[1] < sums[2] < sums[3]
    assert sums[2] == pytest.approx(sums[3] / 2, rel=0.1)
    middle = alphas[1].shape[0] // 2
    quarter = alphas[1]
    assert quarter[middle:, : middle + 1].sum() > 0.9 * sums[1]  # the upper right
    assert widgets.arc(20.0, 4.0, 7.0, GOOD) is widgets.arc(20.0, 4.0, 1.0, GOOD)
    assert ARC_STEPS % 4 == 0


def test_colours() -> None:
    assert mix((0, 0, 0), (200, 100, 50), 0.5) == (100, 50, 25)
    assert STANDARD.health(1.0) == GOOD
    assert STANDARD.health(0.1)[0] > STANDARD.health(0.1)[1]


class TestNetGraph:
    def test_it_keeps_samples_by_time_not_by_frames(self) -> None:
        graph = NetGraph(Widgets((640, 360)))
        for frame in range(144):
            graph.record(NetFigures(), frame / 144)
        assert graph.sample_count == pytest.approx(1.0 / SAMPLE, abs=2)

    def test_its_memory_is_bounded(self) -> None:
        graph = NetGraph(Widgets((640, 360)))
        for sample in range(SAMPLES * 3):
            graph.record(NetFigures(), sample * 2 * SAMPLE)
        assert graph.sample_count == SAMPLES

    def test_odd_figures_can_be_drawn(self) -> None:
        graph = NetGraph(Widgets((640, 360)))
        surface = pygame.Surface((640, 360), 0, 32)
        odd = NetFigures(rtt_ms=1e12, jitter_ms=-5.0, snapshot_bytes=2**31, loss_in_percent=300.0, corrections=-4)
        for step in range(5):
            graph.record(odd if step % 2 else NetFigures(corrections=9), float(step))
            graph.draw(surface, odd)
            graph.draw_warning(surface, float(step))

    @pytest.mark.parametrize(
        ("figures", "warns"),
        [
            (NetFigures(rtt_ms=60.0, jitter_ms=8.0, loss_in_percent=0.4), False),
            (NetFigures(rtt_ms=60.0, jitter_ms=40.0), True),
            (NetFigures(rtt_ms=300.0), True),
            (NetFigures(loss_out_percent=5.0), True),
        ],
    )
    def test_it_warns_of_loss_jitter_and_delay(self, figures: NetFigures, warns: bool) -> None:
        graph = NetGraph(Widgets((640, 360)))
        surface = pygame.Surface((640, 360), 0, 32)
        graph.record(figures, 0.0)
        graph.draw_warning(surface, 0.0)
        assert pixels(surface).any() == warns
