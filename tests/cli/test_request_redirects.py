"""`authrecord request` and other hosts: whatever the placement, nothing of the credential goes there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authrecord.testing import HonestServer, HostileServer
from tests.canary_watch import Canary
from tests.cli.desk import Desk

PLACES = {
    "bearer": "{type: bearer, token: '${env:KEY}'}",
    "bearer_custom": "{type: bearer, token: '${env:KEY}', prefix: Token}",
    "header": "{type: api_key, key: X-API-Key, value: '${env:KEY}', send_in: header}",
    "query": "{type: api_key, key: api_key, value: '${env:KEY}', send_in: query}",
    "cookie": "{type: api_key, key: session, value: '${env:KEY}', send_in: cookie}",
}


@pytest.fixture
def foreign() -> Iterator[HostileServer]:
    """Another origin. It records every byte."""
    with HostileServer() as one:
        yield one


def prepared(desk: Desk, server: HonestServer, canary: Canary, place: str) -> str:
    """The document with one record, whose key is a canary."""
    key = canary("key")
    desk.set("KEY", key)
    desk.write(f"records: [{{name: one, allowed_origins: ['{server.url}'], auth: {PLACES[place]}}}]\n")
    return key


@pytest.mark.parametrize("place", PLACES)
def test_a_redirect_to_another_origin_carries_nothing(
    desk: Desk, server: HonestServer, foreign: HostileServer, canary: Canary, place: str
) -> None:
    key = prepared(desk, server, canary, place)
    ended = desk.run("request", "one", "GET", f"{server.url}/redirect?to={foreign.url}/stolen", "-L")
    assert ended.code == 0
    assert foreign.requests[-1].path == "/stolen"
    canary.scan(foreign.bytes_received, "the foreign server")
    first = next(one for one in server.requests if one.path == "/redirect")
    assert key in f"{first.target} {first.headers}"


@pytest.mark.parametrize("place", PLACES)
def test_a_foreign_url_is_refused_and_nothing_is_sent(
    desk: Desk, server: HonestServer, foreign: HostileServer, canary: Canary, place: str
) -> None:
    """Who asks for an authenticated request must not get a bare one, and a login page with exit code 0."""
    prepared(desk, server, canary, place)
    ended = desk.run("request", "one", "GET", f"{foreign.url}/home")
    assert ended.code == 3
    assert "does not allow" in ended.err
    assert len(foreign.requests) == 0


def test_without_follow_the_redirect_itself_is_the_answer(
    desk: Desk, server: HonestServer, foreign: HostileServer, canary: Canary
) -> None:
    prepared(desk, server, canary, "bearer")
    ended = desk.run("request", "one", "GET", f"{server.url}/redirect?to={foreign.url}/stolen", "-i")
    assert ended.out.startswith("HTTP/1.1 302")
    assert len(foreign.requests) == 0


def test_a_redirect_within_the_origin_keeps_the_credential(
    desk: Desk, server: HonestServer, canary: Canary
) -> None:
    key = prepared(desk, server, canary, "bearer")
    ended = desk.run("request", "one", "GET", f"{server.url}/redirect?to=/echo", "-L", "-o", "/dev/null")
    assert ended.code == 0
    assert server.requests[-1].header("authorization") == f"Bearer {key}"


@pytest.mark.parametrize("place", PLACES)
def test_headers_refuse_a_foreign_url(
    desk: Desk, server: HonestServer, foreign: HostileServer, canary: Canary, place: str
) -> None:
    prepared(desk, server, canary, place)
    ended = desk.run("headers", "one", f"{foreign.url}/home")
    assert (ended.code, ended.out) == (3, "")
    assert foreign.url in ended.err


def test_the_url_of_the_json_answer_holds_no_query_key(
    desk: Desk, server: HonestServer, canary: Canary
) -> None:
    """The query is where the key goes; what a script logs is the URL without it."""
    prepared(desk, server, canary, "query")
    found = desk.run("request", "one", "GET", f"{server.url}/bytes/3?page=1", "--json").data
    assert found["status"] == 200
    assert "page=1" in found["url"]
    assert "api_key" not in found["url"] or "••••" in found["url"]
