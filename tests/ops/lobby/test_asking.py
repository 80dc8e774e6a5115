"""Asking in a thread: nobody waits, one question at a time, and what goes wrong there comes out here."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from engine.errors import UsageError
from engine.ops.lobby.asking import Asking


class Slow:
    """Answers when it is let; `waits` bounds how long a test can hang."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.let = threading.Event()

    def __call__(self, ticket: str) -> Any:
        self.asked.append(ticket)
        assert self.let.wait(10.0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def outcome(asking: Asking[Any]) -> Any:
    for _ in range(1000):
        answer = asking.answer()
        if answer is not None:
            return answer
        threading.Event().wait(0.01)
    raise AssertionError("no answer within ten seconds")


def test_an_answer_comes_once_and_nobody_waits_for_it() -> None:
    slow = Slow(b"token")
    asking: Asking[bytes] = Asking(slow)
    assert asking.answer() is None
    asking.ask("ticket")
    assert asking.answer() is None
    with pytest.raises(UsageError, match="one question at a time"):
        asking.ask("another")
    slow.let.set()
    assert outcome(asking) == b"token"
    assert asking.answer() is None
    assert slow.asked == ["ticket"]
    asking.ask("next")
    assert outcome(asking) == b"token"


def test_what_fails_there_is_raised_here() -> None:
    slow = Slow(ZeroDivisionError("by all means"))
    asking: Asking[bytes] = Asking(slow)
    asking.ask("")
    slow.let.set()
    with pytest.raises(ZeroDivisionError, match="by all means"):
        outcome(asking)
    assert asking.answer() is None
