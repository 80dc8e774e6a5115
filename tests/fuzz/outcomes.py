"""What becomes of an input: a value, or the reason why not. Counted, they tell how far a fuzzer gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

VALUE = "value"
"""It was read; of a machine: nothing of it was dropped."""
REFUSED = "refused"
"""It was not, by an error that carries words rather than a reason."""

Outcome = str | list[str] | Counter[str]
"""One outcome, or those of everything that an input held."""

Target = Callable[[bytes], Outcome]
"""Reads any bytes, and raises nothing: not even ProtocolError, whose reason it returns."""


def count(tally: Counter[str], outcome: Outcome) -> None:
    """Add `outcome` to `tally`."""
    if isinstance(outcome, str):
        tally[outcome] += 1
    else:
        tally.update(outcome)


def taken(sent: int, drops: Counter[str]) -> Counter[str]:
    """Return the outcomes of `sent` datagrams of which a machine counted `drops`: what it did not drop, it took."""
    return +(drops + Counter({VALUE: max(0, sent - drops.total())}))


def row(name: str, inputs: int, seconds: float, tally: Counter[str], most: int = 6) -> str:
    """Return the table's line of a target: inputs, time for each, and the `most` frequent outcomes by share."""
    whole = max(1, tally.total())
    shares = [f"{reason} {_percent(seen / whole)}" for reason, seen in tally.most_common(most)]
    rest = len(tally) - most
    more = f", {rest} more" if rest > 0 else ""
    return f"{name:<16} {inputs:>8} {seconds / max(1, inputs) * 1e6:>8.1f}  {', '.join(shares)}{more}"


HEAD = f"{'target':<16} {'inputs':>8} {'us each':>8}  outcomes"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "<1%"
