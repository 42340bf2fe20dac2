"""A gate over an issuer: who is asked, what is told of the token in hand, and when it is asked again."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from authrecord.core.errors import StoreFault
from authrecord.core.messages import Request, Response, Stamp
from authrecord.core.secret import Reference, Secret
from authrecord.core.token import Token
from authrecord.grants.settings import Credentials, TokenExchange
from authrecord.keeper.issuing import Issuing
from authrecord.keeper.keeper import Keeper
from authrecord.keeper.live import Live
from authrecord.record import OAuth2, Record
from authrecord.schemes.bearer import Bearer
from authrecord.signing import sign
from authrecord.stores.memory import MemoryStore
from tests.canary_watch import Canary
from tests.stores.contract_parts import TurnedClock

AT_SERVER = Reference("server", "auth.token")
STATIC = Record(name="orders", allowed_origins=("https://api.example.com",), auth=Bearer(token=AT_SERVER))
OBTAINED = replace(
    STATIC,
    auth=OAuth2(
        grant="client_credentials",
        credentials=Credentials(client_id="web", client_secret=AT_SERVER),
        token_exchange=TokenExchange(url="https://id.example.com/token"),
    ),
)


class Desk:
    """An issuer that gives what lies ready, and remembers what it was told."""

    def __init__(self, *ready: Token) -> None:
        self.ready = list(ready)
        self.told: list[tuple[Token | None, bool]] = []

    def issue(self, record: Record, held: Token | None, *, refused: bool) -> Token:
        self.told.append((held, refused))
        return self.ready.pop(0) if len(self.ready) > 1 else self.ready[0]


def issuing(desk: Desk, clock: TurnedClock, record: Record = OBTAINED) -> Issuing:
    return Issuing(desk, record, clock=clock, fraction=lambda: 0.0)


def token(canary: Canary, clock: TurnedClock, *, age: float = 0.0, life: float | None = 100.0) -> Token:
    return Token(access_token=Secret(canary("access token")), obtained_at=clock.time() - age, life=life)


def test_the_issuer_is_told_which_token_is_in_hand_and_whether_it_was_refused(canary: Canary) -> None:
    clock = TurnedClock()
    first, second, third = (token(canary, clock) for _ in range(3))
    desk = Desk(first, second, third)
    obtain = issuing(desk, clock)
    held = obtain(None, None)
    newer = obtain(held, None)
    obtain(newer, newer)
    obtain(newer, held)
    obtain(None, held)
    assert desk.told == [(None, False), (first, False), (second, True), (second, False), (first, True)]


@pytest.mark.parametrize(("age", "pause"), [(92.0, 4.0), (99.0, 0.5), (99.99, 0.05)])
def test_H7_an_issuer_without_another_token_is_asked_again_later(
    canary: Canary, age: float, pause: float
) -> None:
    """Not for every request: half of what is left, and no sooner than that."""
    clock = TurnedClock()
    old = token(canary, clock, age=age)
    live = issuing(Desk(old), clock)(Live(Stamp(), old), None)
    assert live.deadlines.renew_monotonic - clock.monotonic() == pytest.approx(pause)
    assert live.deadlines.end_monotonic - clock.monotonic() == pytest.approx(100.0 - age)
    assert live.deadlines.wait_monotonic >= live.deadlines.renew_monotonic


def test_a_new_token_is_asked_for_in_its_own_time(canary: Canary) -> None:
    clock = TurnedClock()
    live = issuing(Desk(token(canary, clock)), clock)(None, None)
    assert live.deadlines.renew_monotonic - clock.monotonic() == pytest.approx(90.0)


def test_a_static_record_is_stamped_with_what_the_issuer_gives(canary: Canary) -> None:
    clock = TurnedClock()
    given = token(canary, clock)
    live = issuing(Desk(given), clock, STATIC)(None, None)
    assert live.stamp.wire_headers() == [("Authorization", f"Bearer {given.access_token.reveal()}")]
    assert live.is_same(Live(Stamp(), given))


def test_no_provider_is_asked_and_no_reference_resolved_from_here(canary: Canary) -> None:
    clock = TurnedClock()

    def never(reference: Reference) -> Secret:
        raise AssertionError("nothing is looked up from here")

    class Nobody:
        def __call__(self, request: Request) -> Response:
            raise AssertionError("nothing is sent from here")

        def close(self) -> None:
            """Nothing is open."""

    desk = Desk(token(canary, clock))
    keeper = Keeper(MemoryStore(time), send=Nobody(), resolve=never, sign=sign, clock=clock, issuer=desk)
    assert keeper.token(OBTAINED).is_same(desk.ready[0])
    assert keeper.authenticator(STATIC).credential().token is desk.ready[0]
    for deed in (keeper.provider, keeper.log_in_alone):
        with pytest.raises(StoreFault) as caught:
            deed(OBTAINED)
        assert caught.value.code == "at_the_server"
