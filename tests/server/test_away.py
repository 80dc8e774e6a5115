"""Who is waited for: claimed once, by the right account with the right secret, in time."""

from __future__ import annotations

from engine.server.away import AwayPlayer, AwayTable

SECRET = b"s" * 16


def player(row: int = 3, client_id: int = 7, until: float = 30.0, secret: bytes = SECRET) -> AwayPlayer:
    return AwayPlayer(row=row, name="ann", client_id=client_id, address=("1.2.3.4", 5), until=until, secret=secret)


def test_a_claim_succeeds_once() -> None:
    table = AwayTable()
    assert table.keep(player()) is None
    assert (len(table), 3 in table, table.rows) == (1, True, [3])
    claimed = table.claim(7, SECRET, 29.9)
    assert claimed is not None
    assert claimed.row == 3
    assert (len(table), table.claim(7, SECRET, 29.9)) == (0, None)


def test_account_secret_and_time_must_all_be_right() -> None:
    table = AwayTable()
    table.keep(player())
    assert table.claim(8, SECRET, 1.0) is None
    assert table.claim(7, b"t" * 16, 1.0) is None
    assert table.claim(7, b"", 1.0) is None
    assert table.claim(7, SECRET[:15], 1.0) is None
    assert table.claim(7, SECRET, 30.0) is None
    assert len(table) == 1, "a wrong claim takes nothing from its owner"
    assert table.claim(7, SECRET, 1.0) is not None


def test_those_who_stay_away_are_given_up() -> None:
    table = AwayTable()
    table.keep(player(row=1, client_id=1, until=30.0))
    table.keep(player(row=2, client_id=2, until=31.0))
    assert table.expired(29.0) == []
    assert [each.row for each in table.expired(30.0)] == [1]
    assert [each.row for each in table.players] == [2]


def test_an_account_has_one_player_waiting() -> None:
    table = AwayTable()
    table.keep(player(row=1))
    former = table.keep(player(row=2, secret=b"n" * 16))
    assert former is not None
    assert former.row == 1
    assert table.rows == [2]
    assert table.claim(7, SECRET, 1.0) is None
    assert table.remove(2) is not None
    assert table.remove(2) is None


def test_secrets_stay_out_of_a_repr() -> None:
    assert "ssss" not in repr(player())
