"""The parts of menus, driven by events as the devices send them."""

from __future__ import annotations

from collections.abc import Callable

import pygame
import pytest

from game.view.ui import Ui
from game.view.widgets import Widgets

SIZE = (1280, 720)


def key(code: int, mod: int = 0) -> pygame.event.Event:
    return pygame.event.Event(pygame.KEYDOWN, key=code, mod=mod)


def text(words: str) -> pygame.event.Event:
    return pygame.event.Event(pygame.TEXTINPUT, text=words)


def click(at: tuple[int, int]) -> list[pygame.event.Event]:
    return [
        pygame.event.Event(pygame.MOUSEMOTION, pos=at),
        pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=at, button=1),
        pygame.event.Event(pygame.MOUSEBUTTONUP, pos=at, button=1),
    ]


def pad(button: int) -> pygame.event.Event:
    return pygame.event.Event(pygame.CONTROLLERBUTTONDOWN, button=button)


@pytest.fixture
def ui() -> Ui:
    return Ui(Widgets(SIZE))


@pytest.fixture
def surface() -> pygame.Surface:
    return pygame.Surface(SIZE, 0, 32)


Frame = Callable[..., object]


@pytest.fixture
def frame(ui: Ui, surface: pygame.Surface) -> Frame:
    """`frame(draw, *events)`: one frame of `draw(ui)`, with these events; returns what it returns."""

    def run(draw: Callable[[Ui], object], *events: pygame.event.Event) -> object:
        ui.begin(surface, events, 0.0)
        result = draw(ui)
        ui.end()
        return result

    return run


def four(ui: Ui) -> str:
    """A square of buttons a b / c d; tells which was pressed."""
    pressed = ""
    for at, name in enumerate("abcd"):
        if ui.button(name, ui.box(100 + at % 2 * 300, 100 + at // 2 * 100, 200, 50), name):
            pressed += name
    return pressed


def test_a_click_presses_what_is_under_it(frame: Frame) -> None:
    assert frame(four, *click((450, 120))) == "b"
    assert frame(four, *click((50, 120))) == ""


def test_a_press_that_ends_elsewhere_presses_nothing(frame: Frame) -> None:
    press, release = click((450, 120))[1], click((150, 120))[2]
    assert frame(four, press) == ""
    assert frame(four, release) == ""


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], ""),
        (["down"], "a"),  # the first step shows where we are
        (["down", "right"], "b"),
        (["down", "down"], "c"),
        (["down", "right", "down"], "d"),
        (["down", "right", "down", "left", "up"], "a"),
        (["down", "up"], "a"),  # there is nothing above
    ],
)
def test_arrows_and_the_cross_of_a_pad_move_to_the_nearest(
    frame: Frame, ui: Ui, surface: pygame.Surface, steps: list[str], expected: str
) -> None:
    for way in steps:
        frame(four, key(getattr(pygame, f"K_{way.upper()}")))
    assert frame(four, key(pygame.K_RETURN)) == expected
    ui.focus = None
    for way in steps:
        frame(four, pad(getattr(pygame, f"CONTROLLER_BUTTON_DPAD_{way.upper()}")))
    assert frame(four, pad(pygame.CONTROLLER_BUTTON_A)) == expected


def test_tab_goes_round(frame: Frame) -> None:
    for _ in range(5):
        frame(four, key(pygame.K_TAB))
    assert frame(four, key(pygame.K_SPACE)) == "a"
    frame(four, key(pygame.K_TAB, pygame.KMOD_SHIFT))
    assert frame(four, key(pygame.K_RETURN)) == "d"


def test_a_disabled_button_is_not_pressed(frame: Frame) -> None:
    assert not frame(lambda ui: ui.button("x", ui.box(0, 0, 100, 50), "x", enabled=False), *click((20, 20)))


def test_esc_and_the_pads_b_go_back(frame: Frame, ui: Ui) -> None:
    assert not frame(lambda ui: ui.back)
    assert frame(lambda ui: ui.back, key(pygame.K_ESCAPE))
    assert frame(lambda ui: ui.back, pad(pygame.CONTROLLER_BUTTON_B))


class TestField:
    @pytest.fixture
    def typed(self, frame: Frame) -> Callable[..., tuple[str, bool]]:
        state = {"value": ""}

        def run(*events: pygame.event.Event) -> tuple[str, bool]:
            def draw(ui: Ui) -> tuple[str, bool]:
                return ui.field("f", ui.box(100, 100, 300, 40), state["value"], "hint", limit=8)

            result = frame(draw, *events)
            assert isinstance(result, tuple)
            state["value"] = result[0]
            return result

        run(*click((120, 120)))
        return run

    def test_letters_go_to_the_caret_and_no_further_than_the_limit(
        self, typed: Callable[..., tuple[str, bool]]
    ) -> None:
        assert typed(text("Ann"))[0] == "Ann"
        typed(key(pygame.K_LEFT))
        assert typed(text("\u00e4x"))[0] == "An\u00e4xn"
        assert typed(key(pygame.K_HOME), text("1"))[0] == "1An\u00e4xn"
        assert typed(text("23456"))[0] == "123An\u00e4xn"

    def test_keys_edit(self, typed: Callable[..., tuple[str, bool]]) -> None:
        typed(text("one two"))
        assert typed(key(pygame.K_BACKSPACE))[0] == "one tw"
        assert typed(key(pygame.K_BACKSPACE, pygame.KMOD_CTRL))[0] == "one "
        typed(key(pygame.K_HOME))
        assert typed(key(pygame.K_DELETE))[0] == "ne "
        typed(key(pygame.K_END))
        assert typed(key(pygame.K_RIGHT), text("!"))[0] == "ne !"

    def test_enter_is_told_and_space_is_a_letter(self, typed: Callable[..., tuple[str, bool]]) -> None:
        assert typed(key(pygame.K_SPACE), text(" ")) == (" ", False)
        assert typed(key(pygame.K_RETURN)) == (" ", True)

    def test_what_can_t_be_shown_is_not_taken(self, typed: Callable[..., tuple[str, bool]]) -> None:
        assert typed(text("a\x00\u202e\nb"))[0] == "ab"


def test_a_slider_follows_keys_and_mouse(frame: Frame) -> None:
    state = {"value": 0.5}

    def draw(ui: Ui) -> float:
        state["value"] = ui.slider("s", ui.box(100, 100, 216, 40), state["value"], step=0.1)
        return state["value"]

    frame(draw, key(pygame.K_DOWN))
    assert frame(draw, key(pygame.K_RIGHT)) == pytest.approx(0.6)
    assert frame(draw, key(pygame.K_LEFT), key(pygame.K_LEFT)) == pytest.approx(0.5)
    press, release = click((208, 120))[1:]
    assert frame(draw, press) == pytest.approx(0.5)
    assert frame(draw, pygame.event.Event(pygame.MOUSEMOTION, pos=(900, 300))) == 1.0
    frame(draw, release)
    assert frame(draw, pygame.event.Event(pygame.MOUSEMOTION, pos=(110, 120))) == 1.0


def test_a_choice_goes_round_and_a_toggle_to_and_fro(frame: Frame) -> None:
    state = {"at": 0}

    def choose(ui: Ui) -> int:
        state["at"] = ui.choice("c", ui.box(100, 100, 300, 40), ("x", "y", "z"), state["at"])
        return state["at"]

    frame(choose, key(pygame.K_DOWN))
    assert frame(choose, key(pygame.K_LEFT)) == 2
    assert frame(choose, key(pygame.K_RETURN)) == 0
    assert frame(choose, *click((380, 120))) == 1
    assert frame(choose, *click((110, 120))) == 0
    assert frame(lambda ui: ui.toggle("t", ui.box(100, 100, 300, 40), True), *click((120, 120))) is False


def test_a_key_is_caught_and_esc_takes_back(frame: Frame) -> None:
    def draw(ui: Ui) -> tuple[str | None, bool]:
        return ui.key("k", ui.box(100, 100, 200, 40), "w"), ui.back

    assert frame(draw, *click((120, 120))) == (None, False)
    assert frame(draw, key(pygame.K_SPACE)) == ("space", False)
    assert frame(draw, key(pygame.K_x)) == (None, False)
    frame(draw, *click((120, 120)))
    assert frame(draw, key(pygame.K_ESCAPE)) == (None, False)
    frame(draw, *click((120, 120)))
    assert frame(draw, *click((120, 120))) == ("mouse 1", False)
    assert frame(draw) == (None, False)


def test_words_are_cut_to_fit(ui: Ui) -> None:
    words = "a rather long line of words"
    cut = ui.fitting(words, 15, 90)
    assert cut.endswith("…")
    assert ui.widgets.text.width(cut, 15) <= 90
    assert ui.fitting(words, 15, 900) == words
