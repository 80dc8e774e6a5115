"""Asking the lobby while the game is on the screen: one question at a time, in a thread of its own.

The thread does nothing but wait for the network, so no frame waits for it; it ends with its question, and does not keep
the process from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from engine.errors import UsageError

Answer = TypeVar("Answer")


class Asking(Generic[Answer]):
    """Calls `fetch(resume_ticket)`, which may block, for whoever must not: see `engine.client.reconnect.Asker`.

    `fetch` returns its answer and runs in another thread, one call at a time. What it raises, `answer` raises.
    """

    def __init__(self, fetch: Callable[[str], Answer]) -> None:
        self._fetch = fetch
        self._thread: threading.Thread | None = None
        self._outcome: list[Answer | BaseException] = []

    def ask(self, resume_ticket: str) -> None:
        """Begin to ask. Raises UsageError while the answer before has not been taken."""
        if self._thread is not None:
            raise UsageError("one question at a time: the last one's answer has not been taken")
        outcome: list[Answer | BaseException] = []
        self._outcome = outcome
        fetch = self._fetch

        def run() -> None:
            try:
                outcome.append(fetch(resume_ticket))
            except BaseException as error:
                outcome.append(error)

        self._thread = threading.Thread(target=run, name="lobby-question", daemon=True)
        self._thread.start()

    def answer(self) -> Answer | None:
        """Return the answer, once; None while there is none. Never waits."""
        if self._thread is None or not self._outcome:
            return None
        self._thread = None
        answer = self._outcome.pop()
        if isinstance(answer, BaseException):
            raise answer
        return answer
