"""Recorded links: delivery opportunities (mahimahi) and delay with loss (CSV).

Both are text, repeat when they reach their end, and are bounded in size. Reading them raises UsageError with
the file, the line and what is wrong.

Sources: mahimahi's mm-link(1) for the delivery trace; Winstein, Sivaraman and Balakrishnan, "Stochastic
Forecasts Achieve High Throughput and Low Delay over Cellular Networks", NSDI 2013, for cellular recordings in
that format.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError

OPPORTUNITY_BYTES = 1500
"""Bytes one delivery opportunity carries (mahimahi's fixed size)."""

MAX_TRACE_LINES = 2_000_000
"""Lines read of a trace: half an hour at 12 Mbit/s, about 100 MB as Python numbers. Longer ones are
refused."""


@dataclass(frozen=True, slots=True)
class RateTrace:
    """When a link could carry 1500 bytes, mahimahi's packet-delivery trace.

    Several small packets share an opportunity, a large one uses several, and what nobody uses is lost. The
    trace starts over after its last stamp, as in mahimahi.
    """

    times: tuple[float, ...]
    """Seconds since the start, ascending; equal ones are separate opportunities."""

    def __post_init__(self) -> None:
        if not self.times or self.times[-1] <= 0.0:
            raise UsageError("rate trace: it needs at least one opportunity later than 0 ms")
        previous = 0.0
        for index, time in enumerate(self.times):
            if not (math.isfinite(time) and time >= previous):
                raise UsageError(f"rate trace: opportunity {index} at {time} s goes back from {previous} s")
            previous = time

    @property
    def period(self) -> float:
        """Seconds after which the trace repeats."""
        return self.times[-1]

    @property
    def mean_bit_s(self) -> float:
        """Mean rate, bit/s."""
        return len(self.times) * OPPORTUNITY_BYTES * 8 / self.period


@dataclass(frozen=True, slots=True)
class DelayTrace:
    """Measured one-way delay and loss over time.

    Between two rows delay is interpolated (so a trace keeps packets in order); a packet is lost when the last
    row before it was. The trace starts over one mean step after its last row.
    """

    times: tuple[float, ...]
    """Seconds, ascending, starting at 0."""
    delays: tuple[float, ...]
    """Seconds."""
    lost: tuple[bool, ...]

    def __post_init__(self) -> None:
        if not self.times or len(self.times) != len(self.delays) or len(self.times) != len(self.lost):
            counts = f"{len(self.times)}, {len(self.delays)} and {len(self.lost)}"
            raise UsageError(f"delay trace: times, delays and lost have {counts} rows")
        if self.times[0] != 0.0:
            raise UsageError(f"delay trace: it starts at {self.times[0]} s, not at 0")
        for before, after in zip(self.times, self.times[1:], strict=False):
            if not (math.isfinite(after) and after > before):
                raise UsageError(f"delay trace: row at {after} s does not come after {before} s")
        for time, delay in zip(self.times, self.delays, strict=True):
            if not (math.isfinite(delay) and delay >= 0.0):
                raise UsageError(f"delay trace: delay {delay} s at {time} s is below 0 or not finite")

    @property
    def period(self) -> float:
        """Seconds after which the trace repeats; 1 for a single row."""
        steps = len(self.times) - 1
        return self.times[-1] * (steps + 1) / steps if steps else 1.0


def read_rate_trace(path: Path) -> RateTrace:
    """Read a mahimahi packet-delivery trace: one integer per line, milliseconds, ascending; `#` starts a
    comment."""
    times: list[float] = []
    for number, line in _lines(path):
        if not (line.isascii() and line.isdigit()):
            raise UsageError(f"{path}:{number}: {line[:40]!r} is not a whole number of milliseconds")
        time = int(line) / 1000.0
        if times and time < times[-1]:
            raise UsageError(f"{path}:{number}: {line} ms goes back from {times[-1] * 1000:.0f} ms")
        times.append(time)
    try:
        return RateTrace(tuple(times))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def read_delay_trace(path: Path) -> DelayTrace:
    """Read a CSV with the header `time_s,delay_ms,lost`; `lost` is 0 or 1, and a lost row may leave its delay
    empty.

    Times may start anywhere; they are moved to start at 0.
    """
    times: list[float] = []
    delays: list[float | None] = []
    lost: list[bool] = []
    header = False
    for number, line in _lines(path):
        cells = [cell.strip() for cell in line.split(",")]
        if not header:
            if cells != ["time_s", "delay_ms", "lost"]:
                raise UsageError(f"{path}:{number}: the header is {line[:60]!r}, not 'time_s,delay_ms,lost'")
            header = True
            continue
        if len(cells) != 3 or cells[2] not in ("0", "1"):
            raise UsageError(f"{path}:{number}: {line[:60]!r} is not time_s,delay_ms,lost with lost 0 or 1")
        is_lost = cells[2] == "1"
        try:
            times.append(float(cells[0]))
            delays.append(None if is_lost and not cells[1] else float(cells[1]) / 1000.0)
        except ValueError:
            raise UsageError(f"{path}:{number}: {line[:60]!r}: time_s and delay_ms must be numbers") from None
        lost.append(is_lost)
    known = [delay for delay in delays if delay is not None]
    if not known:
        raise UsageError(f"{path}: no row has a delay")
    filled: list[float] = []
    last = known[0]
    for delay in delays:
        last = last if delay is None else delay
        filled.append(last)
    try:
        return DelayTrace(tuple(time - times[0] for time in times), tuple(filled), tuple(lost))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return the numbered lines of `path` that hold something, comments removed."""
    found: list[tuple[int, str]] = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                if number > MAX_TRACE_LINES:
                    raise UsageError(f"{path}: more than {MAX_TRACE_LINES} lines")
                line = text.partition("#")[0].strip()
                if line:
                    found.append((number, line))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the trace: {error}") from None
    return found
