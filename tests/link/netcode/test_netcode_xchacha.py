"""The test vectors of draft-irtf-cfrg-xchacha-03."""

from __future__ import annotations

import pytest

from engine.errors import ProtocolError
from engine.link.netcode.xchacha import hchacha20, open_xchacha, seal_xchacha

KEY = bytes(range(0x80, 0xA0))
NONCE = bytes(range(0x40, 0x58))
ASSOCIATED = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
PLAIN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you "
    b"only one tip for the future, sunscreen would be it."
)
TAG = bytes.fromhex("c0875924c1c7987947deafd8780acf49")


def test_hchacha20_of_section_2_2_1():
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    assert (
        hchacha20(bytes(range(32)), nonce).hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    )


def test_aead_of_appendix_a_3_1():
    sealed = seal_xchacha(KEY, NONCE, PLAIN, ASSOCIATED)
    assert sealed[:8].hex() == "bd6d179d3e83d43b"
    assert sealed[-16:] == TAG
    assert open_xchacha(KEY, NONCE, sealed, ASSOCIATED) == PLAIN


@pytest.mark.parametrize("at", [0, 50, -1])
def test_a_changed_byte_does_not_open(at):
    sealed = bytearray(seal_xchacha(KEY, NONCE, PLAIN, ASSOCIATED))
    sealed[at] ^= 1
    with pytest.raises(ProtocolError, match="bad-seal"):
        open_xchacha(KEY, NONCE, bytes(sealed), ASSOCIATED)
