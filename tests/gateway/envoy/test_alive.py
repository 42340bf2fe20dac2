"""Tokens stay alive: renewed ahead of their end, and once more when an answer says "expired"."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from authrecord.record import Record
from authrecord.testing import EXPIRED_ANSWERS, HonestServer
from tests.gateway.conftest import authorization
from tests.gateway.envoy.stage import Make, client_record, request_for
from tests.gateway.stage import OK, Taken, Upstream

MakeUpstream = Callable[..., Upstream]
MakeRecord = Callable[..., Record]

PATTERN = "token (has )?expired|session_expired"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"


def token_requests(provider: HonestServer) -> int:
    """How often the provider was asked for a token."""
    return provider.counters.token_requests


def test_H1_G14_G16_every_way_of_saying_expired_is_mended_before_the_caller_sees_it(
    envoy: Make, provider: HonestServer
) -> None:
    through = envoy(provider.url, client_record(provider, pattern=PATTERN))
    for count, how in enumerate(EXPIRED_ANSWERS, start=1):
        provider.expired_answer = how
        provider.expire_all()
        told = through.get("/api/orders")
        assert (told.status, told.body) == (200, b'{"ok": true}'), how
        assert told.values("x-authrecord-outcome") == ["renewed-and-replayed"]
        assert token_requests(provider) == 1 + count


def test_H7_a_thousand_requests_that_were_refused_at_once_cost_one_renewal(
    envoy: Make, provider: HonestServer
) -> None:
    provider.expired_answer = "200_body"
    through = envoy(provider.url, client_record(provider, pattern=PATTERN))
    provider.expire_all()
    begin = threading.Barrier(200)

    def ask() -> bytes:
        with through.connect() as caller:
            begin.wait()
            return caller.ask(request_for("GET", "/api/orders")).body

    with ThreadPoolExecutor(200) as pool:
        bodies = [future.result() for future in [pool.submit(ask) for _ in range(200)]]
    assert set(bodies) == {b'{"ok": true}'}
    assert token_requests(provider) == 2


def test_H2_a_refused_post_is_sent_again_with_the_same_body(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord, provider: HonestServer
) -> None:
    api = upstream(reply=refusing_the_first_token())
    through = envoy(api.url, provider_record(api.url))
    provider.expire_all()
    body = bytes(range(256)) * 2000
    told = through.ask(request_for("POST", "/orders?a=1", "X-Mine: 1", "Idempotency-Key: k", body=body))
    assert told.status == 200
    assert [taken.body for taken in api.taken] == [body, body]
    first, second = api.taken
    assert first.line == second.line
    assert first.values("idempotency-key") == second.values("idempotency-key") == ["k"]
    assert authorization(first) != authorization(second)
    assert len(first.lines) == len(second.lines)


def test_H8_a_refused_renewed_token_ends_the_matter_after_exactly_one_replay(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord, provider: HonestServer
) -> None:
    api = upstream(reply=lambda taken: REFUSED)
    through = envoy(api.url, provider_record(api.url))
    provider.expire_all()
    told = through.get()
    assert (told.status, told.body) == (401, b"no")
    assert told.values("x-authrecord-outcome") == ["renewed-token-refused"]
    assert len(api.taken) == 2
    assert token_requests(provider) == 2


def test_H7_fifty_refusals_that_a_scanner_provokes_do_not_cost_fifty_renewals(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord, provider: HonestServer
) -> None:
    api = upstream(reply=lambda taken: REFUSED)
    through = envoy(api.url, provider_record(api.url))
    provider.expire_all()
    outcomes = {through.get().values("x-authrecord-outcome")[0] for _ in range(50)}
    assert token_requests(provider) <= 4
    assert outcomes == {"renewed-token-refused", "cooling-down"}


def test_a_credential_that_is_a_moment_old_is_refused_and_not_expired(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord, provider: HonestServer
) -> None:
    api = upstream(reply=lambda taken: REFUSED)
    told = envoy(api.url, provider_record(api.url), young=600.0).get()
    assert told.values("x-authrecord-outcome") == ["cooling-down"]
    assert (len(api.taken), token_requests(provider)) == (1, 1)


def test_G15_an_insufficient_scope_is_no_expiry(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord, provider: HonestServer
) -> None:
    challenge = b'WWW-Authenticate: Bearer error="insufficient_scope"'
    api = upstream(reply=lambda taken: b"HTTP/1.1 401 No\r\n" + challenge + b"\r\nContent-Length: 0\r\n\r\n")
    through = envoy(api.url, provider_record(api.url))
    provider.expire_all()
    told = through.get()
    assert told.status == 401
    assert told.values("x-authrecord-outcome") == []
    assert len(api.taken) == 1
    assert token_requests(provider) == 1


def test_H3_a_post_whose_answer_merely_says_expired_is_not_repeated(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord, provider: HonestServer
) -> None:
    said = b'{"error": "token expired"}'
    reply = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(said) + said
    )
    api = upstream(reply=lambda taken: reply)
    through = envoy(api.url, provider_record(api.url, pattern=PATTERN))
    provider.expire_all()
    told = through.ask(request_for("POST", "/", body=b"x"))
    assert (told.status, told.body) == (200, said)
    assert told.values("x-authrecord-outcome") == ["method-not-replayed"]
    assert len(api.taken) == 1
    assert token_requests(provider) == 2


def test_H4_a_body_beyond_the_bound_passes_and_the_reason_stands_in_a_header(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord, provider: HonestServer
) -> None:
    api = upstream(reply=refusing_the_first_token())
    through = envoy(api.url, provider_record(api.url))
    provider.expire_all()
    body = bytes(1_500_000)
    told = through.ask(request_for("POST", "/", body=body))
    assert told.status == 401
    assert told.values("x-authrecord-outcome") == ["body-not-replayable"]
    assert [taken.body for taken in api.taken] == [body]
    # The token was renewed, so that a later request works: Envoy has it soon after its control process.
    end = time.monotonic() + 10.0
    while through.ask(request_for("POST", "/", body=body)).status != 200:
        assert time.monotonic() < end
    assert token_requests(provider) == 2


@pytest.mark.parametrize(
    ("bound", "size", "status"), [(0, 3, 401), (0, 0, 200), (3 * 1024 * 1024, 2_500_000, 200)]
)
def test_H4_the_bound_of_a_body_can_be_moved(
    upstream: MakeUpstream,
    envoy: Make,
    provider_record: MakeRecord,
    provider: HonestServer,
    bound: int,
    size: int,
    status: int,
) -> None:
    api = upstream(reply=refusing_the_first_token())
    through = envoy(api.url, provider_record(api.url), replay_bytes=bound)
    provider.expire_all()
    body = bytes(size)
    assert through.ask(request_for("PUT", "/", body=body)).status == status
    assert [taken.body for taken in api.taken] == [body] * (1 if status == 401 else 2)


def test_G7_an_answer_of_unknown_length_is_judged_by_its_head_alone(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord
) -> None:
    said = b"1a\r\n" + b'{"error": "token expired"}' + b"\r\n0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    api = upstream(reply=lambda taken: head + said)
    through = envoy(api.url, provider_record(api.url, pattern=PATTERN))
    assert through.get().body == b'{"error": "token expired"}'
    assert len(api.taken) == 1


def test_G9_an_api_that_would_pack_its_answers_is_asked_not_to(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord
) -> None:
    api = upstream()
    through = envoy(api.url, provider_record(api.url, pattern=PATTERN))
    assert through.get("/", "Accept-Encoding: gzip").status == 200
    assert api.taken[0].values("accept-encoding") == ["identity"]
    assert through.get().status == 200
    assert api.taken[1].values("accept-encoding") == [], "who asks for no coding sends what it sent"


def test_tokens_that_live_a_second_are_renewed_ahead_without_one_failure(
    envoy: Make, provider: HonestServer
) -> None:
    provider.token_life = 1.0
    through = envoy(provider.url, client_record(provider))
    with through.connect() as caller:
        statuses = set()
        while token_requests(provider) < 4:
            statuses.add(caller.ask(request_for("GET", "/api/orders")).status)
    assert statuses == {200}


@pytest.mark.parametrize(
    ("coding", "is_read"), [("", True), ("identity", True), ("gzip", False), ("made up", False)]
)
def test_G9_a_body_is_read_where_it_is_not_packed(
    upstream: MakeUpstream,
    envoy: Make,
    provider_record: MakeRecord,
    provider: HonestServer,
    coding: str,
    is_read: bool,
) -> None:
    said = b'{"error": "token expired"}'
    line = f"Content-Encoding: {coding}\r\n" if coding else ""
    head = f"HTTP/1.1 200 OK\r\n{line}Content-Length: {len(said)}\r\n\r\n".encode()
    api = upstream(reply=refusing_the_first_token(head + said))
    through = envoy(api.url, provider_record(api.url, pattern=PATTERN))
    provider.expire_all()
    assert (through.get().body == said) is not is_read
    assert len(api.taken) == (2 if is_read else 1)


def refusing_the_first_token(refusal: bytes = REFUSED) -> Callable[[Taken], bytes]:
    """An API that has ended the first token that it sees."""
    ended: list[str] = []

    def reply(taken: Taken) -> bytes:
        token = authorization(taken)[0]
        if not ended:
            ended.append(token)
        return refusal if token in ended else OK

    return reply


@pytest.mark.parametrize("place", ["query", "header"])
def test_a_renewed_credential_takes_the_place_of_the_refused_one(
    upstream: MakeUpstream, envoy: Make, provider: HonestServer, place: str
) -> None:
    seen: list[str] = []

    def reply(taken: Taken) -> bytes:
        seen.append(
            taken.line.decode() + authorization(taken)[0] if place == "header" else taken.line.decode()
        )
        return REFUSED if len(seen) == 1 else OK

    api = upstream(reply=reply)
    through = envoy(api.url, client_record(provider, api.url, add_to=place))
    provider.expire_all()
    assert through.get("/p%20q/%2e%2e//x?access_token=mine&q=%27&z").status == 200
    first, second = seen
    assert first != second
    assert first.count("access_token=") == second.count("access_token=") == 1
    kept = "/p%20q/%2e%2e//x?q=%27&z" if place == "query" else "/p%20q/%2e%2e//x?access_token=mine&q=%27&z"
    assert f"GET {kept}" in first
    assert f"GET {kept}" in second


def test_H8_a_renewed_token_that_ran_out_on_its_way_is_renewed_once_more(
    upstream: MakeUpstream, envoy: Make, provider: HonestServer
) -> None:
    provider.token_life = 0.6
    seen: list[str] = []

    def reply(taken: Taken) -> bytes:
        seen.append(authorization(taken)[0])
        if len(seen) == 2:
            time.sleep(0.8)  # longer than the token lives
        return OK if len(seen) == 3 else REFUSED

    api = upstream(reply=reply)
    through = envoy(api.url, client_record(provider, api.url))
    provider.expire_all()
    told = through.get()
    assert told.status == 200
    assert told.values("x-authrecord-outcome") == ["renewed-and-replayed"]
    assert len(seen) == len(set(seen)) == 3
