"""What the server remembers of tokens."""

from __future__ import annotations

from engine.link.netcode.history import TokenHistory

HOME, AWAY = ("192.0.2.1", 5000), ("192.0.2.2", 5000)


def test_a_token_is_bound_then_consumed_then_forgotten():
    history = TokenHistory(10)
    assert history.refusal(b"a", HOME) is None
    history.bind(b"a", HOME, 100)
    assert history.refusal(b"a", HOME) is None
    assert history.refusal(b"a", AWAY) == "token-used-elsewhere"
    history.consume(b"a")
    assert history.refusal(b"a", HOME) == history.refusal(b"a", AWAY) == "token-consumed"
    history.forget_expired(99.9)
    assert len(history) == 1
    history.forget_expired(100.0)
    assert len(history) == 0


def test_a_full_history_refuses_new_tokens_and_evicts_none():
    history = TokenHistory(2)
    history.bind(b"a", HOME, 100)
    history.bind(b"b", HOME, 50)
    assert history.refusal(b"c", HOME) == "history-full"
    assert history.refusal(b"a", HOME) is None
    history.forget_expired(50.0)
    assert history.refusal(b"c", HOME) is None


def test_binding_twice_changes_nothing():
    history = TokenHistory(2)
    history.bind(b"a", HOME, 100)
    history.bind(b"a", HOME, 100)
    history.forget_expired(100.0)
    assert len(history) == 0


def test_consuming_a_forgotten_token_does_not_remember_it_for_ever():
    history = TokenHistory(2)
    history.consume(b"gone")
    assert len(history) == 0
