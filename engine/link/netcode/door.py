"""The server's door: how a stranger with a connect token becomes a player.

    stranger --request--> pending --response--> admitted
              a token that    the challenge
              proves itself   came back: the address is real

Everything here may come from anyone, so the cheapest test that can refuse goes first, whatever must be decrypted is
paid for before it is (`gate`), nothing is answered with more bytes than it had, and only the holder of a proven token
is answered at all. The state a stranger can cause is one entry per token it holds, in bounded tables that refuse when
full.

Beyond netcode's own library, with the wire unchanged: a token opens one session ever (`history`); a token that may
predate this server's start is refused, for it may have opened one already; a response must bring back the very
challenge its pending entry was given; a repeated request is answered with the same bytes, at most ten times a second.
Why: docs/decisions/netcode.md. Source of the rest: netcode 1.02, STANDARD.md.
"""

from __future__ import annotations

import hmac
from collections import Counter, deque
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from engine.address import Address
from engine.errors import ProtocolError
from engine.link.netcode import packet as wire
from engine.link.netcode.config import NetcodeServerConfig
from engine.link.netcode.gate import DecryptGate
from engine.link.netcode.history import TokenHistory
from engine.link.netcode.packet import PacketKey, Request
from engine.link.netcode.replay import ReplayWindow
from engine.link.netcode.token import KEY_BYTES, PrivateToken, canonical_address, open_private_token

GLOBAL_SEQUENCE_START = 2**63
"""First sequence of challenges and denials. They share the server-to-client key with the session, which starts at 0."""

MAX_ANSWERS_A_SECOND = 10
"""Answers to one address in any second, so that a replayed request makes no flood: as many as an honest client wants.

Counted in a sliding second rather than spaced, because the network bunches what was sent evenly."""

_FROM_PENDING = wire.allow(wire.RESPONSE)


@dataclass(frozen=True, slots=True)
class Admission:
    """A player whose token and address are proven, and the keys of its session."""

    token: PrivateToken
    opening: PacketKey
    sealing: PacketKey


@dataclass(slots=True, kw_only=True)
class _Pending:
    """A proven token whose address is not proven yet."""

    request: bytes
    tag: bytes
    admission: Admission
    challenge_body: bytes
    challenge_packet: bytes
    answered_at: deque[float]
    """When the last ten answers went out."""
    lifetime: float
    """Seconds from the latest request to `expires_at`."""
    expires_at: float
    token_expires_at: float


class Door:
    """Takes strangers' datagrams, returns what to answer or whom to admit. `drops` is the server's counter."""

    def __init__(
        self,
        *,
        protocol_id: int,
        private_key: bytes,
        addresses: Sequence[Address],
        now: float,
        unix_time: float,
        entropy: Callable[[int], bytes],
        config: NetcodeServerConfig,
        drops: Counter[str],
    ) -> None:
        self._protocol_id = protocol_id
        self._private_key = private_key
        self._addresses = frozenset(canonical_address(address) for address in addresses)
        self._started_at = now
        self._unix_start = unix_time
        self._config = config
        self._drops = drops
        self._associated = wire.packet_associated_data(protocol_id)
        self._challenge_cipher = ChaCha20Poly1305(entropy(KEY_BYTES))
        self._challenge_sequence = 0
        self._global_sequence = GLOBAL_SEQUENCE_START
        self._gate = DecryptGate(
            prefix_hz=config.prefix_decrypts_hz,
            prefix_burst=config.prefix_decrypts_burst,
            global_hz=config.global_decrypts_hz,
            global_burst=config.global_decrypts_burst,
            max_prefixes=config.max_prefixes,
        )
        self._history = TokenHistory(config.max_tokens)
        self.pending: dict[Address, _Pending] = {}
        """Proven tokens whose address is not proven yet."""
        self._no_window = ReplayWindow()
        """Stands where `PacketKey.open` wants one; responses, the only packets opened here, do not pass it."""

    def is_noise(self, datagram: bytes, address: Address) -> bool:
        """Tell whether a datagram is neither a request nor from an address that may respond: most of a flood."""
        return datagram[:1] != b"\x00" and address not in self.pending

    def receive(
        self, datagram: bytes, address: Address, now: float, connected_ids: Container[int], full: bool
    ) -> bytes | Admission:
        """Return the datagram to answer with, or the admission of a player. Raises ProtocolError to drop.

        The datagram is not noise. `connected_ids` are the client ids connected; `full` says that no slot is free, so
        the answer is a denial.
        """
        if datagram[:1] == b"\x00":
            return self._receive_request(datagram, address, now, connected_ids, full)
        return self._receive_response(datagram, address, self.pending[address], now, connected_ids, full)

    def forget_expired(self, now: float) -> None:
        """Drop entries whose time is over; call it a few times a second."""
        for address in [address for address, entry in self.pending.items() if entry.expires_at <= now]:
            del self.pending[address]
        self._history.forget_expired(self._unix_at(now))
        self._gate.forget_repaid(now)

    def _receive_request(
        self, datagram: bytes, address: Address, now: float, connected_ids: Container[int], full: bool
    ) -> bytes:
        request = wire.decode_request(datagram)
        self._check_in_the_clear(request, address, now)
        pending = self.pending.get(address)
        if pending is None or pending.request != datagram:
            pending = self._prove(datagram, request, address, pending, now, connected_ids)
        elif pending.admission.token.client_id in connected_ids:
            raise ProtocolError("client-id-connected", f"{pending.admission.token.client_id}")
        pending.expires_at = min(now + pending.lifetime, pending.token_expires_at)
        answered_at = pending.answered_at
        if len(answered_at) == MAX_ANSWERS_A_SECOND and now - answered_at[0] < 1.0:
            raise ProtocolError("answer-rate", f"{address} got {len(answered_at)} in {now - answered_at[0]} s")
        answered_at.append(now)
        return self._deny(pending) if full else pending.challenge_packet

    def _check_in_the_clear(self, request: Request, address: Address, now: float) -> None:
        """Refuse by what a request says unsealed, before anything is decrypted."""
        if request.protocol_id != self._protocol_id:
            raise ProtocolError("wrong-protocol", f"{request.protocol_id:#x}")
        expire, unix_now, lifetime = request.expire_timestamp, self._unix_at(now), self._config.token_lifetime
        if expire <= unix_now:
            raise ProtocolError("token-expired", f"at {expire}, now {unix_now}")
        if expire > unix_now + lifetime + self._config.clock_skew:
            raise ProtocolError("token-outlives-lifetime", f"expires at {expire}, now {unix_now}")
        if expire < self._unix_start + lifetime and not self._config.key_made_at_start:
            raise ProtocolError("token-predates-start", f"expires at {expire}, started {self._unix_start}")
        refusal = self._history.refusal(request.token_tag, address)
        if refusal is not None:
            raise ProtocolError(refusal)

    def _prove(
        self,
        datagram: bytes,
        request: Request,
        address: Address,
        former: _Pending | None,
        now: float,
        connected_ids: Container[int],
    ) -> _Pending:
        """Open the token and keep a pending entry for it, in place of the `former` one of its address.

        A former entry gives way because a player who restarts on the same port comes with a new token; it passes on
        the times of its answers, so that two tokens do not double them.
        """
        if former is None and len(self.pending) >= self._config.max_pending:
            raise ProtocolError("pending-full", f"{len(self.pending)} entries")
        self._pay_for_decrypt(address, now)
        expire = request.expire_timestamp
        token = open_private_token(request.sealed_private, self._private_key, self._protocol_id, expire, request.nonce)
        if self._addresses.isdisjoint(token.addresses):
            raise ProtocolError("wrong-address", f"the token is for {token.addresses}")
        if token.client_id in connected_ids:
            raise ProtocolError("client-id-connected", f"{token.client_id}")
        self._history.bind(request.token_tag, address, expire)
        sealing = PacketKey(token.server_to_client_key, self._associated)
        challenge = wire.seal_challenge(
            self._challenge_cipher, self._challenge_sequence, token.client_id, token.user_data
        )
        self._challenge_sequence += 1
        lifetime = token.timeout_seconds if token.timeout_seconds > 0 else self._config.default_pending_timeout
        pending = _Pending(
            request=datagram,
            tag=request.token_tag,
            admission=Admission(
                token=token, opening=PacketKey(token.client_to_server_key, self._associated), sealing=sealing
            ),
            challenge_body=challenge,
            challenge_packet=sealing.seal(wire.CHALLENGE, self._next_sequence(), challenge),
            answered_at=deque(maxlen=MAX_ANSWERS_A_SECOND) if former is None else former.answered_at,
            lifetime=min(lifetime, self._config.max_pending_timeout),
            expires_at=now,
            token_expires_at=self._started_at + (expire - self._unix_start),
        )
        self.pending[address] = pending
        return pending

    def _receive_response(
        self,
        datagram: bytes,
        address: Address,
        pending: _Pending,
        now: float,
        connected_ids: Container[int],
        full: bool,
    ) -> bytes | Admission:
        if len(datagram) < wire.CHALLENGE_BYTES + wire.MIN_PACKET_BYTES:
            raise ProtocolError("short", f"{len(datagram)} bytes")
        self._pay_for_decrypt(address, now)
        _, _, body = pending.admission.opening.open(datagram, _FROM_PENDING, self._no_window)
        if not hmac.compare_digest(body, pending.challenge_body):
            raise ProtocolError("wrong-challenge", f"from {address}")
        if pending.admission.token.client_id in connected_ids:
            raise ProtocolError("client-id-connected", f"{pending.admission.token.client_id}")
        if full:
            return self._deny(pending)
        del self.pending[address]
        self._history.consume(pending.tag)
        return pending.admission

    def _deny(self, pending: _Pending) -> bytes:
        self._drops["server-full"] += 1
        return pending.admission.sealing.seal(wire.DENIED, self._next_sequence(), b"")

    def _pay_for_decrypt(self, address: Address, now: float) -> None:
        refusal = self._gate.refusal(address[0], now)
        if refusal is not None:
            raise ProtocolError(refusal)  # without details, for it is what a flood of requests comes to

    def _next_sequence(self) -> int:
        sequence = self._global_sequence
        self._global_sequence += 1
        return sequence

    def _unix_at(self, now: float) -> float:
        return self._unix_start + (now - self._started_at)
