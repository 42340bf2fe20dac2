"""Which refusal is one of a young credential."""

from __future__ import annotations

import pytest

from authrecord.core.messages import Stamp
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.live import Live
from authrecord.keeper.trust import Trust
from authrecord.keeper.young import YOUNG_SECONDS, refused_young
from tests.canary_watch import Canary

BORN = 1_800_000_000.0


class Record:
    """What of an authenticator is looked at."""

    def __init__(self, held: Live | None) -> None:
        self.held = held
        self.trust = Trust(lambda: 0.0, lambda: 1.0)


@pytest.mark.parametrize(
    ("life", "age", "young"),
    [
        (3600.0, 4.9, True),
        (3600.0, 5.1, False),
        (5.0, 1.2, True),
        (5.0, 1.3, False),
        (2.0, 0.4, True),
        (2.0, 0.6, False),
        (None, 0.9, True),
        (None, 1.1, False),
        (0.0, 0.9, True),
        (3600.0, -10.0, False),
    ],
)
def test_young_is_some_seconds_and_never_more_than_a_part_of_the_life(
    canary: Canary, life: float | None, age: float, young: bool
) -> None:
    token = Token(access_token=Secret(canary("a young token")), obtained_at=BORN, life=life)
    live = Live(Stamp(), token)
    holder = Record(live)
    assert refused_young(holder, live, now=BORN + age, most=YOUNG_SECONDS) is young
    assert holder.trust.is_cooling is young


def test_a_credential_that_was_replaced_or_that_no_clock_ends_is_not_called_young(canary: Canary) -> None:
    old = Live(Stamp(), Token(access_token=Secret(canary("the old one")), obtained_at=BORN, life=60.0))
    new = Live(Stamp(), Token(access_token=Secret(canary("the new one")), obtained_at=BORN, life=60.0))
    static = Live(Stamp())
    for held, live in ((new, old), (None, old), (static, static)):
        holder = Record(held)
        assert not refused_young(holder, live, now=BORN, most=YOUNG_SECONDS)
        assert not holder.trust.is_cooling
