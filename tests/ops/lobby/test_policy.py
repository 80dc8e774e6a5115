"""The doors without keys, and which one is in force."""

from __future__ import annotations

import pytest

from engine.errors import UsageError
from engine.ops.lobby.policy import Grant, JoinRequest, OpenDoor, PasswordDoor, Refused, choose, is_private


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", True),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("192.168.1.1", True),
        ("169.254.1.1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:192.168.1.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("203.0.113.7", False),
        ("100.64.0.1", False),  # a provider's NAT is full of strangers
        ("2001:db8::1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_private_addresses(host: str, private: bool) -> None:
    assert is_private(host) is private


def test_the_open_door_is_the_default_on_private_addresses_only() -> None:
    assert choose(host="127.0.0.1") == OpenDoor()
    assert choose(host="192.168.0.9") == OpenDoor()
    for host in ("0.0.0.0", "::", "203.0.113.7"):
        with pytest.raises(UsageError, match=r"--open .* --password-file FILE, or --jwt-key FILE") as caught:
            choose(host=host)
        assert host in str(caught.value)
    assert choose(host="0.0.0.0", open_to_all=True) == OpenDoor()


def test_one_door_at_a_time() -> None:
    assert choose(host="0.0.0.0", password="p") == PasswordDoor("p")
    with pytest.raises(UsageError, match="open and password"):
        choose(host="127.0.0.1", open_to_all=True, password="p")


def test_the_password_door() -> None:
    door = PasswordDoor("pass wörd\ud800")
    assert door.admit(JoinRequest(name="ann", password="pass wörd\ud800"), 0.0) == Grant()
    for wrong in ("", "pass wörd", "Pass wörd\ud800", "pass wörd\ud800 "):
        refused = door.admit(JoinRequest(name="ann", password=wrong), 0.0)
        assert isinstance(refused, Refused)
        assert (refused.status, refused.reason) == (401, "wrong-password")
    missing = door.admit(JoinRequest(name="ann"), 0.0)
    assert isinstance(missing, Refused)
    assert missing.reason == "password-needed"


def test_secrets_stay_out_of_the_repr() -> None:
    assert "hunter2" not in repr(PasswordDoor("hunter2"))
    assert "hunter2" not in repr(JoinRequest(name="ann", password="hunter2", token="hunter2"))
