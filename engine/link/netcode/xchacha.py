"""XChaCha20-Poly1305 (IETF), the cipher of connect tokens, which `cryptography` does not offer.

Built from the two parts it does offer. HChaCha20 is the ChaCha20 block function without its last step, the addition of
the initial state; so a raw ChaCha20 key-stream block minus that state is it. The subkey it derives from the key and the
first 16 nonce bytes then keys ordinary ChaCha20-Poly1305 with the last 8. The 24-byte nonce is long enough to draw at
random for every token.

Source: draft-irtf-cfrg-xchacha-03, whose test vectors are our tests. It is for tokens only, one per join: a packet is
sealed with the key object it keeps (`packet.PacketKey`).
"""

from __future__ import annotations

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from engine.errors import ProtocolError

XNONCE_BYTES = 24

_CONSTANT = b"expand 32-byte k"
_STATE = struct.Struct("<16I")
_SUBKEY = struct.Struct("<8I")
_SUBKEY_WORDS = (0, 1, 2, 3, 12, 13, 14, 15)


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Return the 32-byte subkey that HChaCha20 derives from `key` (32 bytes) and `nonce` (16 bytes)."""
    block = _STATE.unpack(Cipher(algorithms.ChaCha20(key, nonce), None).encryptor().update(bytes(64)))
    initial = _STATE.unpack(_CONSTANT + key + nonce)
    return _SUBKEY.pack(*[(block[word] - initial[word]) & 0xFFFFFFFF for word in _SUBKEY_WORDS])


def seal_xchacha(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    """Return `plain` sealed under `key` and the 24-byte `nonce`: the ciphertext and its 16-byte tag."""
    cipher = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
    return cipher.encrypt(bytes(4) + nonce[16:], plain, associated)


def open_xchacha(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Return what `seal_xchacha` sealed. Raises ProtocolError("bad-seal") when any of it was changed."""
    cipher = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
    try:
        return cipher.decrypt(bytes(4) + nonce[16:], sealed, associated)
    except InvalidTag:
        raise ProtocolError("bad-seal", f"{len(sealed)} sealed bytes do not open under this key") from None
