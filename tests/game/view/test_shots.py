from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from engine.world.picture import Picture, Seen, View
from game.view.shots import FRAMES_KEPT, SHOTS_KEPT, ShotBook

Maker = Callable[..., Picture]


@dataclass
class Told:
    tick: int = 100
    hit: int = -1
    reason: str = "miss"
    claimed_age: int = 8 * 256
    allowed_age: int = 8 * 256
    clamped: bool = False


@pytest.fixture
def picture(make_picture: Maker) -> Picture:
    """Row 0 stands at (500, 500) and aims right; row 3 stands on that line but for 30 px, row 5 far beside it."""
    players = {0: {"x": 500, "y": 500}, 3: {"x": 900, "y": 530}, 5: {"x": 700, "y": 900}, 6: {"x": 100, "y": 500}}
    return make_picture(players, own_row=0)


def judge(book: ShotBook, told: Told, seen: Seen | None = None) -> list[View]:
    asked: list[View] = []

    def sample(view: View) -> Seen | None:
        asked.append(view)
        return seen

    book.judged([told], 0, 5.0, 2, sample)
    return asked


def test_a_hit_shows_its_target_where_it_was_drawn(picture: Picture) -> None:
    book = ShotBook()
    book.drew(picture, 99)
    assert judge(book, Told(hit=5, reason="hit")) == []
    (shot,) = book.shots
    assert (shot.target, shot.drawn, shot.judged) == (5, (700, 900), (700, 900))
    assert (shot.verdict.claimed_age, shot.verdict.hit, shot.shown) == (8.0, 5, 5.0)


def test_a_miss_shows_who_was_nearest_to_its_line_ahead(picture: Picture) -> None:
    book = ShotBook()
    book.drew(picture, 99)
    judge(book, Told())
    assert book.shots[0].target == 3


def test_a_shot_at_nobody_is_told_in_words_alone(make_picture: Maker) -> None:
    book = ShotBook()
    book.drew(make_picture({0: {"x": 500, "y": 500}, 5: {"x": 700, "y": 900}}, own_row=0), 99)
    judge(book, Told())
    assert (book.shots[0].target, book.shots[0].drawn) == (None, None)


def test_the_picture_is_the_one_its_input_was_made_in(make_picture: Maker) -> None:
    book = ShotBook()
    for frame, tick in enumerate((98, 99, 99, 101, 102)):
        book.drew(make_picture({0: {"x": 500, "y": 500}, 3: {"x": 800 + frame, "y": 500}}, own_row=0), tick)
    judge(book, Told(tick=100))
    assert book.shots[0].drawn == (802, 500)


def test_a_clamped_shot_is_sampled_at_the_limit(picture: Picture, make_picture: Maker) -> None:
    book = ShotBook()
    book.drew(picture, 99)
    then = make_picture({3: {"x": 950, "y": 530}})["player"]
    asked = judge(book, Told(hit=3, claimed_age=30 * 256, allowed_age=15 * 256, clamped=True), then)
    assert asked == [View(84, 86, 85 * 256)]
    assert (book.shots[0].drawn, book.shots[0].judged) == ((900, 530), (950, 530))


def test_a_refused_view_is_sampled_in_the_present_and_may_be_gone(picture: Picture) -> None:
    book = ShotBook()
    book.drew(picture, 100)
    assert judge(book, Told(tick=101, hit=3, allowed_age=0, reason="hit, unseen")) == [View(100, None, 101 * 256)]
    assert (book.shots[0].drawn, book.shots[0].judged) == ((900, 530), None)


def test_rows_that_are_none_harm_nobody_and_memory_is_bounded(picture: Picture) -> None:
    book = ShotBook()
    book.drew(None, 1)
    for tick in range(FRAMES_KEPT + 10):
        book.drew(picture, tick)
    for _ in range(SHOTS_KEPT + 5):
        judge(book, Told(hit=10_000))
    assert len(book.shots) == SHOTS_KEPT
    assert book.shots[-1].target is None
