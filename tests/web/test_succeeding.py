"""`POST /records/{name}/token` for a caller that has a token: another one when it is due or refused, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import httpx2
import pytest

from authrecord.testing.devserver import DevServer, start
from authrecord.web.api import succeeding
from tests.canary_watch import Canary
from tests.web.stage import Stage, bearer
from tests.web.test_api import machine

ROUTE = "/records/machine/token"


@pytest.fixture
def devserver(canary: Canary) -> Iterator[DevServer]:
    server = start(make_secret=canary.make)
    yield server
    server.server.stop()


@pytest.fixture
def program(web: Stage, devserver: DevServer, monkeypatch: pytest.MonkeyPatch) -> httpx2.Client:
    """A program with a record to use. No token is too young to be refused."""
    monkeypatch.setattr(succeeding, "YOUNG_SECONDS", 0.0)
    web.put(machine(devserver))
    return web.program("tokens:use")


def mark(answer: httpx2.Response) -> str:
    return sha256(answer.json()["access_token"].encode()).hexdigest()


def asked(program: httpx2.Client, **told: Any) -> httpx2.Response:
    answer = program.post(ROUTE, json=told)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_token_that_is_not_due_comes_back(program: httpx2.Client, devserver: DevServer) -> None:
    first = mark(program.post(ROUTE))
    assert mark(asked(program, held=first)) == first
    assert mark(asked(program)) == first
    assert mark(asked(program, refused=True)) == first, "a refusal of what?"
    assert devserver.server.counters.token_requests == 1


def test_H7_a_refused_token_is_renewed_and_an_older_one_costs_nothing(
    program: httpx2.Client, devserver: DevServer
) -> None:
    first = mark(program.post(ROUTE))
    second = mark(asked(program, held=first, refused=True))
    assert second != first
    for held in (first, "0" * 64):
        assert mark(asked(program, held=held, refused=True)) == second
    assert devserver.server.counters.token_requests == 2


def test_a_token_that_is_due_is_renewed_for_who_has_it(web: Stage, canary: Canary) -> None:
    """Others are still given the old one at once, while its renewal runs beside."""
    server = start(make_secret=canary.make, token_life=0.5)
    try:
        web.put(machine(server))
        program = web.program("tokens:use")
        first = mark(program.post(ROUTE))
        assert any(mark(asked(program, held=first)) != first for _ in range(5000))
        assert server.server.counters.token_requests == 2
    finally:
        server.server.stop()


def test_the_answer_tells_how_long_the_token_lives(program: httpx2.Client) -> None:
    answer = program.post(ROUTE).json()
    assert answer["life"] == 60.0
    assert 55 < answer["expires_at"] - answer["asked_at"] <= 61
    assert answer["id_token"] is None


@pytest.mark.parametrize(
    "body", [{"held": "short"}, {"held": "A" * 64}, {"held": 7}, {"refused": "yes"}, {"unknown": 1}, []]
)
def test_N5_what_is_not_understood_is_refused(program: httpx2.Client, body: object) -> None:
    answer = program.post(ROUTE, json=body)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_N13_what_is_handed_out_for_a_refused_token_is_told(web: Stage, program: httpx2.Client) -> None:
    first = mark(program.post(ROUTE))
    asked(program, held=first, refused=True)
    web.site.journal.flush()
    lines = web.site.journal.page("default", name="machine", after=0, limit=100)
    told = [line.entry.detail for line in lines if line.entry.action == "token.release"]
    assert told == ["", "1 more within a minute"]


def test_a_static_credential_is_told_without_a_life(web: Stage, canary: Canary) -> None:
    web.put(bearer(canary))
    answer = web.program("tokens:use").post("/records/orders/token", json={"held": "0" * 64}).json()
    assert (answer["life"], answer["expires_at"], answer["token_type"]) == (None, None, "")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 200),
        (b"", "", 200),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"null", "application/json", 200),
    ],
)
def test_N5_a_body_is_json_or_none(program: httpx2.Client, content: bytes, kind: str, status: int) -> None:
    headers = {"content-type": kind} if kind else {}
    assert program.post(ROUTE, content=content, headers=headers).status_code == status
