"""What whoever runs a server may type at its terminal, one line at a time.

    list                          who is here, from where, with what round-trip time
    say WORDS                     show words to everyone
    kick NAME [REASON]            put somebody out; it may join again
    ban NAME|NETWORK [REASON]     put out and keep out, until the server ends (docs/LOBBY.md: --access-file for longer)
    why NAME ROW [KIND]           what became of a row (of the players, or of KIND) in the last snapshot for a player
    bots N                        let bots fill the match up to N players
    quit                          end the match
    help

A name may hold spaces: the longest name that the line begins with is meant, and quotes make it certain. Pure: a line
in, lines out. Where lines come from is `terminal`'s business.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.address import format_address
from engine.errors import UsageError
from engine.ops.access import parse_network
from engine.ops.warden import Warden, network_of
from engine.server.filling import BotFill
from engine.server.members import Member
from engine.server.session import ServerSession
from engine.text import printable

MAX_WORDS = 200
"""Characters of a reason or of what is said: one line on a player's screen."""

_HELP = """\
list                        who is here
say WORDS                   show words to everyone
kick NAME [REASON]          put somebody out
ban NAME|NETWORK [REASON]   put out and keep out until the server ends
why NAME ROW [KIND]         what became of a row in a player's last snapshot
bots N                      fill the match up to N players
quit                        end the match"""


class Console:
    """See the module. `quit` is called when the match is to end. bots: what fills it; None: nothing does."""

    def __init__(
        self, session: ServerSession, warden: Warden, quit: Callable[[], None], bots: BotFill | None = None
    ) -> None:
        self._session = session
        self._warden = warden
        self._quit = quit
        self._bots = bots
        self._commands: dict[str, Callable[[str, float], list[str]]] = {
            "list": self._list,
            "say": self._say,
            "kick": self._kick,
            "ban": self._ban,
            "why": self._explain,
            "bots": self._fill,
            "quit": self._stop,
            "help": lambda rest, now: _HELP.split("\n"),
        }

    def run(self, line: str, now: float) -> list[str]:
        """Do what `line` says and return what to print. Never raises for what was typed."""
        word, _, rest = line.strip().partition(" ")
        if not word:
            return []
        command = self._commands.get(word.lower())
        if command is None:
            return [f"there is no command {printable(word[:40])!r}: type help"]
        try:
            return command(rest.strip(), now)
        except UsageError as error:
            return [printable(str(error))]

    def _list(self, rest: str, now: float) -> list[str]:
        lines = []
        for member in self._session.members(now):
            where = format_address(member.address) if member.address else ""
            rtt = "" if member.rtt is None else f"{member.rtt * 1000:.0f} ms"
            lines.append(f"{member.name:<24}  {member.kind:<9}  {where:<21}  {rtt}".rstrip())
        return lines or ["nobody is here"]

    def _say(self, rest: str, now: float) -> list[str]:
        if not rest:
            raise UsageError("say what?")
        self._session.say(rest[:MAX_WORDS])
        return []

    def _kick(self, rest: str, now: float) -> list[str]:
        member, reason = self._find(rest, now)
        self._session.expel(member, _why("kicked", reason), now)
        return [f"{member.name} is out"]

    def _ban(self, rest: str, now: float) -> list[str]:
        first, _, reason = rest.partition(" ")
        try:
            network = str(parse_network(first))
        except UsageError:
            member, reason = self._find(rest, now)
            if member.address is None:
                raise UsageError(f"{member.name} is a bot: kick it") from None
            network = network_of(member.address[0])
        gone = self._warden.ban(network, _why("banned", reason), now)
        return [f"{network} is kept out" + (f"; {', '.join(gone)}: out" if gone else "")]

    def _explain(self, rest: str, now: float) -> list[str]:
        member, what = self._find(rest, now)
        row, _, kind = what.partition(" ")
        if not (row.isascii() and row.isdigit() and len(row) < 6):
            raise UsageError("why what? why NAME ROW [KIND]")
        return [self._session.why(member.row, kind.strip() or self._session.game.player.name, int(row))]

    def _fill(self, rest: str, now: float) -> list[str]:
        most = self._session.config.max_players
        if self._bots is None:
            raise UsageError("no bots fill this match")
        if not (rest.isascii() and rest.isdigit() and len(rest) < 5 and int(rest) <= most):
            raise UsageError(f"bots fill the match up to how many players? 0 to {most}")
        self._bots.size = int(rest)
        self._bots.fill()
        return []

    def _stop(self, rest: str, now: float) -> list[str]:
        self._quit()
        return []

    def _find(self, text: str, now: float) -> tuple[Member, str]:
        """Return who is named at the start of `text`, and the rest. Raises UsageError when nobody here is."""
        quoted = text.startswith('"')
        if quoted:
            text, _, rest = text[1:].partition('"')
        found: list[tuple[int, Member]] = []
        for member in self._session.members(now):
            size = len(member.name)
            ends = len(text) == size if quoted else text[size : size + 1] in ("", " ")
            if ends and text[:size].casefold() == member.name.casefold():
                found.append((size, member))
        if not found:
            raise UsageError(f"nobody here is called {text[:40]!r}: type list" if text else "whom? type list")
        size, member = max(found, key=lambda each: each[0])
        return member, (rest if quoted else text[size:]).strip()


def _why(what: str, reason: str) -> str:
    return f"{what}: {reason[:MAX_WORDS]}" if reason else what
