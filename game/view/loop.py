"""What the screens need of the client around them: a loop that plays, and a door to get in by. `client.py` has both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from engine.client.session import ClientSession
from engine.clock import SystemClock
from engine.world.picture import Picture

if TYPE_CHECKING:  # they import pygame
    from game.view.chat import SendChat
    from game.view.keeping import Keeper
    from game.view.start import Join, ServerLine


class Line(Protocol):
    """A line of chat. row: the speaker's; -1 of a spectator. team: only the own team hears it."""

    @property
    def row(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def team(self) -> bool: ...


class Loop(Protocol):
    """A client in a match. `frame` receives, plays and sends; the screen draws the picture it returns."""

    clock: SystemClock
    started: float
    notice: str

    @property
    def session(self) -> ClientSession: ...

    @property
    def words(self) -> str:
        """What goes on while the server is lost; "" while it is not."""
        ...

    @property
    def over(self) -> bool: ...

    @property
    def plays_itself(self) -> bool: ...

    @property
    def link(self) -> str:
        """The simulated link under the match."""
        ...

    @property
    def links(self) -> Mapping[str, str]:
        """The links there are, and what each is like; empty where none can be put under it."""
        ...

    @property
    def pings(self) -> Mapping[int, int]:
        """Everyone's round trip time as the server has told it, in milliseconds, by player row."""
        ...

    @property
    def send_chat(self) -> SendChat | None:
        """Sends a line of chat; None while there is no way to."""
        ...

    @property
    def keeper(self) -> Keeper | None:
        """Keeps the match in a file, if wanted; None where there is no place for one."""
        ...

    def set_link(self, name: str) -> None: ...

    def said(self) -> Sequence[Line]:
        """Return the chat since the last call."""
        ...

    def frame(self, controls: Callable[[Picture | None], Sequence[int]] | None) -> Picture | None: ...

    def wait(self, until: float) -> None: ...

    def close(self) -> None:
        """Say good-bye, and let go of the network."""
        ...


class Doors(Protocol):
    """The way in, for the start screen. Nothing here waits."""

    clock: SystemClock

    def servers(self, known: Sequence[str]) -> Sequence[ServerLine]:
        """Return the servers there are: of this network, and those of `known`. Called every frame."""
        ...

    def refresh(self) -> None:
        """Look for servers at once."""
        ...

    def knock(self, join: Join) -> None:
        """Begin to ask a server to let us in. Raises NetError for an address that is none."""
        ...

    def answer(self) -> Loop | None:
        """Return the match, once it lets us in; None while it has not answered. Raises NetError saying why not."""
        ...

    def give_up(self) -> None:
        """Forget whom we asked."""
        ...
