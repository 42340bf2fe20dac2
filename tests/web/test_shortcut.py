"""The live token from memory: the same answer as by the whole way, and never one that the whole way would refuse."""

from __future__ import annotations

import time

import httpx2
import pytest

from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.documents import records_from
from authrecord.keeper.naming import token_key
from authrecord.keeper.ports import TokenKey
from authrecord.web.api.shortcut import Shortcut
from tests.canary_watch import Canary
from tests.web.stage import Stage, bearer

ROUTE = "/records/orders/token"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request whether the short way was taken."""
    ways: list[bool] = []
    answer = Shortcut._answer

    def seen(self: Shortcut, scope: dict[str, object]) -> bytes | None:
        body = answer(self, scope)
        ways.append(body is not None)
        return body

    monkeypatch.setattr(Shortcut, "_answer", seen)
    return ways


def orders(canary: Canary) -> dict[str, object]:
    credentials = {"client_id": "web", "client_secret": canary("client secret")}
    auth = {
        "type": "oauth2",
        "grant": "client_credentials",
        "credentials": credentials,
        "token_exchange": {"url": "http://127.0.0.1:9/token"},
    }
    return {"name": "orders", "allowed_origins": ["http://127.0.0.1:9"], "auth": auth}


def with_token(web: Stage, canary: Canary, *, age: float = 0.0) -> TokenKey:
    """A record with a live token."""
    key = token_key(web.put(orders(canary)).record)
    hand_over(web, key, canary, age=age)
    return key


def hand_over(web: Stage, key: TokenKey, canary: Canary, *, age: float = 0.0) -> str:
    """Another process stores a new token."""
    text = canary("access token")
    store = web.store()
    token = Token(access_token=Secret(text), obtained_at=time.time() - age, life=3600.0, scope="orders.read")
    store.settle(store.claim(key, seconds=30, patience=0), token)
    return text


def by_short_way(program: httpx2.Client, taken: list[bool]) -> httpx2.Response:
    """Ask until the answer comes from memory: the first requests write down who asks."""
    for _ in range(10):
        answer = program.post(ROUTE)
        if taken[-1]:
            return answer
    raise AssertionError("the short way was never taken")


def test_the_short_way_answers_as_the_whole_one(web: Stage, canary: Canary, taken: list[bool]) -> None:
    with_token(web, canary)
    program = web.program("tokens:use")
    whole = program.post(ROUTE)
    assert (whole.status_code, taken) == (200, [False])
    short = by_short_way(program, taken)
    one, other = short.json(), whole.json()
    assert one.pop("asked_at") >= other.pop("asked_at")
    assert one == other
    unlike = {"date", "content-length"}  # the number of the moment has more digits, or fewer
    assert {k: v for k, v in short.headers.items() if k not in unlike} == {
        k: v for k, v in whole.headers.items() if k not in unlike
    }


def test_N13_the_release_was_told_before_the_short_way_is_taken(
    web: Stage, canary: Canary, taken: list[bool]
) -> None:
    with_token(web, canary)
    program = web.program("tokens:use")
    program.post(ROUTE)
    assert ("token.release", "ok") in web.told()
    by_short_way(program, taken)
    other = web.program("tokens:use")
    for _ in range(4):
        other.post(ROUTE)
    assert web.told().count(("token.release", "ok")) == 2, "once for each who asked"


def test_N1_only_who_may_gets_it(web: Stage, canary: Canary, taken: list[bool]) -> None:
    with_token(web, canary)
    by_short_way(web.program("tokens:use"), taken)
    assert web.program("records:read").post(ROUTE).status_code == 403
    assert web.program("tokens:use", records=["other"]).post(ROUTE).status_code == 404
    assert web.program("tokens:use", tenant="other").post(ROUTE).status_code == 404
    assert web.plain().post(f"/api/v1{ROUTE}", headers={"authorization": "Bearer ar_x"}).status_code == 401
    assert not any(taken[-4:])


def test_a_revoked_token_gets_nothing_from_memory(web: Stage, canary: Canary, taken: list[bool]) -> None:
    with_token(web, canary)
    program = web.program("tokens:use")
    by_short_way(program, taken)
    web.site.api_tokens.revoke_all("default")
    assert program.post(ROUTE).status_code == 401


def test_a_token_that_was_forgotten_is_not_handed_out_from_memory(
    web: Stage, canary: Canary, taken: list[bool]
) -> None:
    key = with_token(web, canary)
    program = web.program("tokens:use")
    by_short_way(program, taken)
    web.store().forget(key)  # as another process does: the keeper in memory is not told
    assert program.post(ROUTE).status_code == 503, "the provider of this record is not there"


def test_a_token_that_another_process_renewed_is_handed_out(
    web: Stage, canary: Canary, taken: list[bool]
) -> None:
    key = with_token(web, canary)
    program = web.program("tokens:use")
    by_short_way(program, taken)
    renewed = hand_over(web, key, canary)
    assert program.post(ROUTE).json()["access_token"] == renewed


def test_a_changed_record_is_read_anew(web: Stage, canary: Canary, taken: list[bool]) -> None:
    with_token(web, canary)
    program = web.program("tokens:use")
    by_short_way(program, taken)
    record = bearer(canary)
    web.store().update("orders", records_from(record)[0], revision=None)
    assert program.post(ROUTE).json()["access_token"] == record["auth"]["token"]
    assert program.post(ROUTE).status_code == 200
    assert not any(taken[-2:]), "a static credential is resolved each time"
    web.store().delete("orders")
    assert program.post(ROUTE).status_code == 404


def test_what_is_out_of_the_ordinary_goes_the_whole_way(
    web: Stage, canary: Canary, taken: list[bool]
) -> None:
    with_token(web, canary)
    program = web.program("tokens:use")
    by_short_way(program, taken)
    assert program.post(ROUTE, json={}).status_code == 200
    assert program.post(f"{ROUTE}?a=b").status_code == 400, "a query that nobody knows"
    assert program.get(ROUTE).status_code == 405
    twice = [("authorization", program.headers["authorization"])] * 2
    assert web.plain().post(f"/api/v1{ROUTE}", headers=twice).status_code in {200, 401}
    assert web.plain().post(f"/api/v1{ROUTE}").status_code == 401
    assert not any(taken[-5:])


def test_a_token_in_need_of_renewal_goes_the_whole_way(web: Stage, canary: Canary, taken: list[bool]) -> None:
    with_token(web, canary, age=3595.0)
    program = web.program("tokens:use")
    for _ in range(4):
        program.post(ROUTE)
    assert not any(taken)
