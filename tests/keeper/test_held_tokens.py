"""What a process holds in memory beside what the store holds: which of the two is the newer one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authrecord.core.errors import TryLater
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.naming import token_key
from authrecord.keeper.ports import Claim
from authrecord.record import OAuth2
from tests.canary_watch import Canary
from tests.keeper.bench import Bench

MakeBench = Callable[..., Bench]


def in_memory(one: Bench, canary: Canary, refresh: str, generation: int) -> Token:
    """A token that a process holds, and that has run out."""
    return Token(
        access_token=Secret(canary("held")),
        refresh_token=Secret(refresh),
        obtained_at=one.clock.now - 200,
        life=100.0,
        generation=generation,
    )


def presented(one: Bench) -> list[object]:
    return [dict(request.form or ())["refresh_token"] for request in one.provider.requests]


def test_K5_nobody_goes_back_to_the_stores_token_while_a_newer_one_waits_to_be_written(
    bench: MakeBench, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench()
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("spent"))  # by this clock it lives
    newer = canary("newer")
    held = in_memory(one, canary, newer, 2)
    claim = one.store.claim(token_key(record), seconds=45, patience=0)

    def away(claim: Claim, token: Token) -> Token | None:
        raise TryLater("the store does not answer.", code="store_away")

    monkeypatch.setattr(one.store, "settle", away)
    one.keeper._unsaved.keep(claim, held)
    one.clock.turn(46)
    one.provider.answers.append(one.granted(refresh=canary("next")))
    assert isinstance(record.auth, OAuth2)
    one.keeper._renewal(record, record.auth, token_key(record))(held, None)
    assert presented(one) == [Secret(newer)]


def test_I18_a_token_in_memory_of_a_login_that_was_replaced_elsewhere_is_not_used(
    bench: MakeBench, canary: Canary
) -> None:
    """After a logout and a login in another process generations begin anew."""
    one = bench()
    record = one.record("authorization_code")
    login = canary("new login")
    one.stored(record, refresh=login, age=200)
    one.provider.answers.append(one.granted(refresh=canary("next")))
    assert isinstance(record.auth, OAuth2)
    one.keeper._renewal(record, record.auth, token_key(record))(
        in_memory(one, canary, canary("old login"), 225), None
    )
    assert presented(one) == [Secret(login)]
