"""The maps of a keeper do not grow with the number of records."""

from __future__ import annotations

from authrecord.keeper.bounded import Bounded


class Thing:
    def __init__(self, name: str) -> None:
        self.name = name


def test_a_value_is_made_once() -> None:
    kept: Bounded[str, Thing] = Bounded()
    first = kept.get("a", lambda: Thing("a"))
    assert kept.get("a", lambda: Thing("again")) is first
    assert kept.find("a") is first
    assert kept.find("b") is None


def test_beyond_the_bound_the_oldest_goes_unless_somebody_has_it() -> None:
    kept: Bounded[int, Thing] = Bounded(most=3)
    used = kept.get(0, lambda: Thing("used"))
    for number in range(1, 10):
        kept.get(number, lambda: Thing("unused"))
    assert len(kept) == 3
    assert kept.get(0, lambda: Thing("again")) is used
    assert kept.get(1, lambda: Thing("again")).name == "again"
    assert len(kept) == 3


def test_all_that_is_alive_can_be_walked() -> None:
    kept: Bounded[int, Thing] = Bounded(most=1)
    things = [kept.get(number, lambda: Thing("one")) for number in range(3)]
    assert set(kept) == set(things)
