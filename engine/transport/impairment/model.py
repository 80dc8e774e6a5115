"""What one direction of a network path does to datagrams, as numbers.

`LinkModel` is the whole description: no state, no randomness. `link.Link` plays it with a seed. A path has
two directions, each with a model of its own (`profiles.Profile`), because real paths differ up and down.

What the model holds true of real paths, and where it comes from:

- delay has a floor (propagation) and a right-skewed, correlated rest (queues, retries, scheduling): Bolot,
  "Characterizing End-to-End Packet Delay and Loss in the Internet", 1993. So jitter is only ever added, is
  log-normal or gamma, and may come in waves (`jitter_time`).
- loss comes in bursts: Gilbert 1960, Elliott 1963; measured on the Internet by Yajnik, Moon, Kurose and
  Towsley, "Measurement and Modelling of the Temporal Dependence in Packet Loss", 1999.
- load makes delay before it makes loss: a rate with a bounded queue in front of it (Gettys, "Bufferbloat",
  2011).
- order is kept. A path is a chain of queues, and a queue does not let a late packet overtake: drawing an
  independent delay for each packet and delivering in order of arrival (what netem's plain jitter does) would
  reorder far more than any real path, and test the reordering code instead of the game. So a slow packet
  holds up those behind it, and reordering happens only where `reorder` asks for it.

It does not model: a route change that lets new packets overtake old ones (use `reorder`), congestion control
of the other traffic (`load_bit_s` is a plain flow), or IP fragmentation (what exceeds the MTU is dropped, as
with DF set).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from engine.errors import UsageError
from engine.transport.impairment.jitter import jitter_quantile
from engine.transport.impairment.traces import DelayTrace, RateTrace

MIN_QUEUE_BYTES = 1528
"""Bytes; smallest queue: one 1500-byte payload and its headers. A smaller one would drop every full-sized
packet."""

LOAD_FILL = 0.9
"""Share of the queue that `load_bit_s` may fill. A loss-based sender backs off when the queue overflows, so a
loaded queue hovers just below full (CUBIC goes down to 0.7 and back): our packets then meet delay, and hardly
any tail drop."""


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """A change that takes place at a given time on the link; what is None stays as it was."""

    time: float
    """Seconds since the link's start."""
    blackout: float | None = None
    """Seconds during which everything sent is lost."""
    delay: float | None = None
    """New base delay, seconds: the route changed."""
    rate_bit_s: float | None = None
    """New bottleneck rate, bit/s."""
    load_bit_s: float | None = None
    """New background load, bit/s."""


@dataclass(frozen=True, slots=True)
class LinkModel:
    """One direction of a link. The default is a perfect one: no delay, no loss, no limit.

    All times are seconds, all probabilities 0 to 1. Delays add up: `delay` + jitter + trace + time in the
    queue. Raises UsageError, naming the field and its value, for anything out of range.
    """

    delay: float = 0.0
    """Base one-way delay, seconds."""

    jitter_p50: float = 0.0
    """Median of the added delay, seconds. 0: no jitter."""
    jitter_p99: float = 0.0
    """99th percentile of the added delay, seconds. With `jitter_p50` it fixes both parameters of the
    distribution, in the form in which measurements are published. The tail ends at the 99.9th percentile
    (`jitter.TOP`)."""
    jitter_shape: Literal["lognormal", "gamma"] = "lognormal"
    """Distribution of the added delay. Gamma has the lighter tail."""
    jitter_time: float = 0.0
    """Correlation time, seconds: the delays of two packets sent this far apart correlate by 1/e (in the
    normal scores). 0: independent. Around 0.1 jitter comes in waves that span several packets."""

    loss: float = 0.0
    """Probability that a packet is lost, each for itself."""
    p_good_to_bad: float = 0.0
    """Gilbert-Elliott: probability per packet of going from the good to the bad state. 0: no bursts."""
    p_bad_to_good: float = 1.0
    """Probability per packet of leaving the bad state: the mean stay there is its reciprocal, in packets."""
    loss_good: float = 0.0
    """Loss in the good state, on top of `loss`."""
    loss_bad: float = 1.0
    """Loss in the bad state, on top of `loss`."""
    loss_delay_correlation: float = 0.0
    """Correlation (normal scores) of a packet's loss with its jitter: near 1, packets are lost when delay is
    at its worst. Leaves the loss ratio as it is. With `jitter_time` it makes losses bursty too."""

    rate_bit_s: float | None = None
    """Bottleneck rate, bit/s, IP and UDP headers included. None: unlimited."""
    queue_bytes: int = 65_536
    """Bytes the queue before the bottleneck holds; a packet that would not fit is dropped (tail drop)."""
    load_bit_s: float = 0.0
    """Other traffic through the same queue, bit/s; above `rate_bit_s` it fills `LOAD_FILL` of the queue and
    keeps it so."""
    rate_trace: RateTrace | None = None
    """Recorded delivery opportunities, in place of `rate_bit_s`; `queue_bytes` applies."""
    delay_trace: DelayTrace | None = None
    """Recorded delay and loss, on top of the rest."""

    reorder: float = 0.0
    """Probability that a packet is held back by `reorder_extra` while later ones overtake it."""
    reorder_extra: float = 0.02
    """Seconds a reordered packet is held back."""
    duplicate: float = 0.0
    """Probability that a packet arrives twice."""
    duplicate_extra: float = 0.001
    """Seconds between a packet and its duplicate."""
    corrupt: float = 0.0
    """Probability that one to four bits of a packet are flipped."""
    mtu_bytes: int | None = None
    """Largest IP packet carried, headers included; larger ones are dropped. None: unlimited."""

    events: tuple[LinkEvent, ...] = ()
    """Changes in order of time."""
    events_period: float | None = None
    """Seconds after which the events start over from the model as given. None: they happen once."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise UsageError(f"link model: {field.name} is {value}, not a finite number")
        for name in ("delay", "jitter_p50", "jitter_p99", "jitter_time", "load_bit_s"):
            _require(name, getattr(self, name), 0.0)
        for name in ("reorder_extra", "duplicate_extra"):
            _require(name, getattr(self, name), 0.0)
        for name in ("loss", "p_good_to_bad", "p_bad_to_good", "loss_good", "loss_bad", "reorder", "duplicate"):
            _require(name, getattr(self, name), 0.0, 1.0)
        for name in ("corrupt", "loss_delay_correlation"):
            _require(name, getattr(self, name), 0.0, 1.0)
        if self.jitter_shape not in ("lognormal", "gamma"):
            raise UsageError(f"link model: jitter_shape is {self.jitter_shape!r}; it is 'lognormal' or 'gamma'")
        if self.jitter_p99 < self.jitter_p50:
            raise UsageError(f"link model: jitter_p99 {self.jitter_p99} is below jitter_p50 {self.jitter_p50}")
        if self.jitter_p99 > 0.0 and self.jitter_p50 < self.jitter_p99 / 1000.0:
            raise UsageError(
                f"link model: jitter_p50 {self.jitter_p50} is below 1/1000 of jitter_p99 {self.jitter_p99}"
            )
        if self.p_good_to_bad > 0.0 and self.p_bad_to_good == 0.0:
            raise UsageError("link model: p_bad_to_good is 0, so the first burst would never end")
        if self.rate_bit_s is not None and self.rate_trace is not None:
            raise UsageError("link model: rate_bit_s and rate_trace are both given; take one")
        if self.rate_bit_s is not None:
            _require("rate_bit_s", self.rate_bit_s, 1000.0)
        if self.load_bit_s > 0.0 and self.rate_bit_s is None:
            raise UsageError("link model: load_bit_s needs rate_bit_s, the bottleneck it fills")
        _require("queue_bytes", self.queue_bytes, MIN_QUEUE_BYTES)
        if self.mtu_bytes is not None:
            _require("mtu_bytes", self.mtu_bytes, 576)  # RFC 791: the least every host must take
        self._check_events()

    def _check_events(self) -> None:
        previous = 0.0
        for event in self.events:
            if not math.isfinite(event.time) or event.time < previous:
                raise UsageError(f"link model: event at {event.time} s: times must start at 0 and not go back")
            previous = event.time
            changes = (event.blackout, event.delay, event.rate_bit_s, event.load_bit_s)
            if all(change is None for change in changes):
                raise UsageError(f"link model: the event at {event.time} s changes nothing")
            for name, change in zip(("blackout", "delay", "rate_bit_s", "load_bit_s"), changes, strict=True):
                if change is not None and not (math.isfinite(change) and change >= 0.0):
                    raise UsageError(f"link model: event at {event.time} s: {name} is {change}, below 0 or not finite")
            if event.rate_bit_s is not None and event.rate_bit_s < 1000.0:
                raise UsageError(f"link model: event at {event.time} s: rate_bit_s {event.rate_bit_s} is below 1000")
            if (event.rate_bit_s is not None or event.load_bit_s is not None) and self.rate_bit_s is None:
                raise UsageError(
                    f"link model: event at {event.time} s changes rate or load, but rate_bit_s is not given"
                )
        if self.events_period is not None and not self.events_period > previous:
            raise UsageError(
                f"link model: events_period {self.events_period} s does not exceed the last event {previous} s"
            )

    @property
    def mean_loss(self) -> float:
        """Share of packets lost in the long run by chance (random loss and bursts; not blackouts, queue, trace)."""
        bad = self.p_good_to_bad / (self.p_good_to_bad + self.p_bad_to_good) if self.p_good_to_bad else 0.0
        kept = (1.0 - self.loss) * ((1.0 - bad) * (1.0 - self.loss_good) + bad * (1.0 - self.loss_bad))
        return 1.0 - kept

    @property
    def mean_bad_packets(self) -> float:
        """Mean stay in the bad state, packets; 0 without bursts."""
        return 1.0 / self.p_bad_to_good if self.p_good_to_bad else 0.0

    def jitter(self, quantile: float) -> float:
        """Added delay at `quantile` (0 to 1), seconds."""
        return jitter_quantile(self.jitter_shape, self.jitter_p50, self.jitter_p99, quantile)


def _require(name: str, value: float, low: float, high: float = math.inf) -> None:
    if not low <= value <= high:
        bounds = f"{low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
        raise UsageError(f"link model: {name} is {value:g}; it must be {bounds}")
