from __future__ import annotations

import pygame
import pytest

from game.view.chat import LETTERS, LIFE, LINES_KEPT, Chat
from game.view.ui import Ui
from game.view.widgets import Widgets


def key(code: int) -> pygame.event.Event:
    return pygame.event.Event(pygame.KEYDOWN, key=code, mod=0)


def text(words: str) -> pygame.event.Event:
    return pygame.event.Event(pygame.TEXTINPUT, text=words)


@pytest.fixture
def sent() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
def chat(sent: list[tuple[str, bool]]) -> Chat:
    return Chat(lambda words, team: sent.append((words, team)))


class Drawn:
    def __init__(self, chat: Chat) -> None:
        self.ui, self.surface, self.chat = Ui(Widgets((1280, 720))), pygame.Surface((1280, 720), 0, 32), chat

    def __call__(self, *events: pygame.event.Event, time: float = 0.0) -> int:
        """Draw a frame; return how many pixels are lit."""
        self.surface.fill((0, 0, 0))
        self.ui.begin(self.surface, events, time)
        self.chat.draw(self.ui)
        self.ui.end()
        return int((pygame.surfarray.array2d(self.surface) & 0xFFFFFF).astype(bool).sum())


def test_a_line_is_typed_and_sent(chat: Chat, sent: list[tuple[str, bool]]) -> None:
    draw = Drawn(chat)
    chat.open(team=True)
    draw()
    draw(text("gg "))
    draw(key(pygame.K_RETURN))
    assert sent == [("gg", True)]
    assert not chat.typing


def test_esc_gives_up_and_an_empty_line_is_not_sent(chat: Chat, sent: list[tuple[str, bool]]) -> None:
    draw = Drawn(chat)
    chat.open(team=False)
    draw(text("no"))
    draw(key(pygame.K_ESCAPE))
    chat.open(team=False)
    draw()
    draw(key(pygame.K_RETURN))
    assert (sent, chat.typing) == ([], False)


def test_without_a_way_to_send_nothing_opens() -> None:
    chat = Chat()
    chat.open(team=False)
    assert not chat.typing


def test_lines_are_seen_for_a_while_and_all_again_while_typing(chat: Chat) -> None:
    draw = Drawn(chat)
    chat.said(0.0, "Ann", "hello", (96, 190, 245), team=True)
    chat.told(0.0, "Bob has joined")
    seen = draw(time=1.0)
    assert seen > 500
    assert draw(time=LIFE + 0.1) == 0
    chat.open(team=False)
    assert draw(time=LIFE + 0.1) > seen


def test_memory_and_width_are_bounded(chat: Chat) -> None:
    for number in range(LINES_KEPT + 9):
        chat.said(0.0, "Ann" * 50, "x" * (LETTERS + number))
    assert len(chat.lines) == LINES_KEPT
    assert max(len(line.words) for line in chat.lines) == LETTERS
    Drawn(chat)(time=1.0)
