"""What strangers may cost: every attempt to decrypt something of theirs is paid from two token buckets.

Opening a forged request costs a server twenty times what sending it cost, and sources can be forged. So attempts are
rationed per source prefix, since whoever owns one address of a /24 (IPv4) or /48 (IPv6) tends to own them all, and in
total, since whoever forges sources owns every prefix. So a flood can keep other strangers out while it lasts, but it
cannot take the tick's time; players who are connected do not pass here at all.

A bucket is one number, the time at which its attempts so far are repaid (the generic cell rate algorithm), so a
prefix that owes nothing needs no entry and forgetting it loses nothing.
"""

from __future__ import annotations


class DecryptGate:
    """Two levels of token buckets: one per source prefix and one for all."""

    def __init__(
        self, *, prefix_hz: float, prefix_burst: int, global_hz: float, global_burst: int, max_prefixes: int
    ) -> None:
        self._prefix_cost = 1.0 / prefix_hz
        self._global_cost = 1.0 / global_hz
        # Half a cost of slack keeps rounding from granting or denying the last attempt of a burst.
        self._prefix_depth = (prefix_burst - 0.5) * self._prefix_cost
        self._global_depth = (global_burst - 0.5) * self._global_cost
        self._max_prefixes = max_prefixes
        self._repaid_at: dict[str, float] = {}
        self._all_repaid_at = float("-inf")

    def refusal(self, host: str, now: float) -> str | None:
        """Pay for one attempt by `host` and return None, or return why it is refused, which costs nothing."""
        all_repaid_at = max(self._all_repaid_at, now)
        if all_repaid_at - now > self._global_depth:
            return "decrypts-spent"
        prefix = source_prefix(host)
        repaid_at = self._repaid_at.get(prefix)
        if repaid_at is None:
            if len(self._repaid_at) >= self._max_prefixes:
                return "prefixes-full"
            repaid_at = now
        repaid_at = max(repaid_at, now)
        if repaid_at - now > self._prefix_depth:
            return "prefix-decrypts-spent"
        self._all_repaid_at = all_repaid_at + self._global_cost
        self._repaid_at[prefix] = repaid_at + self._prefix_cost
        return None

    def forget_repaid(self, now: float) -> None:
        """Drop the entries of prefixes that owe nothing; call it a few times a second."""
        self._repaid_at = {prefix: at for prefix, at in self._repaid_at.items() if at > now}


def source_prefix(host: str) -> str:
    """Return what stands for the network of `host`: an IPv4's /24, an IPv6's /48. Takes any text without raising.

    String work, as it runs per attempt and sockets report hosts in one spelling. IPv4 within IPv6 (::ffff:1.2.3.4, what
    a dual-stack socket reports, or NAT64) counts as the IPv4 network: else all of IPv4 would be one /48.
    """
    if "." in host:
        return host.rpartition(":")[2].rpartition(".")[0]
    groups = host.partition("::")[0].split(":")[:3]
    return ":".join([group or "0" for group in groups] + ["0"] * (3 - len(groups)))
