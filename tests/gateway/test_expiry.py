"""An expired answer is renewed and the request sent again before the client sees anything: rows G and H."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from authrecord.clients import masking
from authrecord.core.secret import Secret
from authrecord.gateway.service import Settings
from authrecord.grants.settings import Credentials, TokenExchange
from authrecord.record import OAuth2, Record
from authrecord.testing import EXPIRED_ANSWERS, HonestServer, Reply
from authrecord.testing.messages import as_json
from tests.canary_watch import Canary
from tests.gateway.stage import OK, Gateway, Taken, Told, Upstream

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]
OLD = Settings(young_seconds=0.0)
PATTERN = "expired"


@pytest.fixture
def provider(canary: Canary) -> Iterator[HonestServer]:
    with HonestServer(make_secret=canary.make) as server:
        yield server


def record(provider: HonestServer, *origins: str, pattern: str = PATTERN) -> Record:
    client = provider.register_client("client_credentials")
    return Record(
        name="orders",
        allowed_origins=(provider.url, *origins),
        auth=OAuth2(
            grant="client_credentials",
            credentials=Credentials(client_id=client.client_id, client_secret=Secret(client.secret)),
            token_exchange=TokenExchange(url=provider.token_url, expired_pattern=pattern),
        ),
    )


def request(
    through: Gateway, method: str = "GET", target: str = "/api/orders", *lines: str, body: bytes = b""
) -> bytes:
    length = [f"Content-Length: {len(body)}"] if body else []
    head = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{through.port}", "$", *lines, *length]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def outcome(told: Told) -> list[str]:
    return told.values("x-authrecord-outcome")


@pytest.mark.parametrize("how", EXPIRED_ANSWERS)
def test_H1_G14_G16_every_kind_of_expired_answer_is_renewed_and_the_request_sent_again(
    provider: HonestServer, gateway: MakeGateway, how: str
) -> None:
    provider.expired_answer = how
    through = gateway(provider.url, record(provider), settings=OLD)
    with through.connect() as caller:
        assert caller.ask(request(through)).body == b'{"ok": true}'
        provider.expire_all()
        told = caller.ask(request(through))
        assert (told.status, told.body, outcome(told)) == (200, b'{"ok": true}', ["renewed-and-replayed"])
        assert caller.ask(request(through)).status == 200
    assert provider.counters.token_requests == 2
    assert provider.counters.expired_answers == 1
    through.settle()
    metrics = through.service.metrics
    assert (metrics.renewals, metrics.replays, metrics.expired_passed, metrics.requests) == (1, 1, 0, 3)


@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_H2_H5_H9_a_post_that_was_refused_goes_again_with_its_body_and_its_key(
    provider: HonestServer, upstream: Make, gateway: MakeGateway, framing: str
) -> None:
    api = upstream(reply=first_refused())
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    if framing == "sized":
        sent = request(through, "POST", "/x", "Idempotency-Key: 7", body=b"a body")
        wire = b"a body"
    else:
        wire = b"3\r\na b\r\n3\r\nody\r\n0\r\n\r\n"
        sent = request(through, "POST", "/x", "Idempotency-Key: 7", "Transfer-Encoding: chunked") + wire
    assert through.ask(sent).status == 200
    first, second = api.taken
    assert first.line == second.line
    assert [taken.values("idempotency-key") for taken in api.taken] == [["7"], ["7"]]
    assert [taken.values("content-length") for taken in api.taken] == [
        ["6"] if framing == "sized" else []
    ] * 2
    assert [taken.values("transfer-encoding") for taken in api.taken] == [
        [] if framing == "sized" else ["chunked"]
    ] * 2
    bodies = [
        taken.body if framing == "sized" else b"".join(taken.body.split(b"\r\n")[1::2]) for taken in api.taken
    ]
    assert bodies == [b"a body"] * 2
    assert first.values("authorization") != second.values("authorization")


REFUSED = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer error="invalid_token"\r\nContent-Length: 2\r\n\r\nno'


def first_refused(answer: bytes = REFUSED, then: bytes = OK) -> Callable[[Taken], bytes]:
    """An API that refuses the first credential that it sees, and takes every other."""
    seen: list[list[str]] = []

    def reply(taken: Taken) -> bytes:
        credential = taken.values("authorization")
        if not seen:
            seen.append(credential)
        return answer if credential == seen[0] else then

    return reply


def sized(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer."""
    return (
        b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body
    )


def test_H3_a_post_whose_answer_merely_says_expired_is_not_sent_again_and_the_reason_is_told(
    provider: HonestServer, upstream: Make, gateway: MakeGateway
) -> None:
    api = upstream(
        reply=first_refused(sized(b'{"error": "token expired"}', b"Content-Type: application/json"))
    )
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    told = through.ask(request(through, "POST", "/x", body=b"a"))
    assert (told.body, outcome(told)) == (b'{"error": "token expired"}', ["method-not-replayed"])
    assert through.ask(request(through, "POST", "/x", body=b"a")).body == b"ok"
    assert len(api.taken) == 2
    through.settle()
    assert through.service.metrics.outcomes == {"method_not_replayed": 1}
    assert through.service.metrics.expired_passed == 1


def test_H4_a_body_beyond_the_bound_streams_and_is_not_sent_again_but_the_next_request_works(
    provider: HonestServer, upstream: Make, gateway: MakeGateway
) -> None:
    api = upstream(reply=first_refused())
    through = gateway(
        api.url, record(provider, api.url), settings=Settings(young_seconds=0.0, replay_bytes=1000)
    )
    body = b"x" * 300_000
    told = through.ask(request(through, "POST", "/x", body=body))
    assert (told.status, told.body, outcome(told)) == (401, b"no", ["body-not-replayable"])
    assert api.taken[0].body == body
    assert through.ask(request(through, "POST", "/x", body=body)).status == 200
    assert len(api.taken) == 2
    through.settle()
    assert through.service.metrics.outcomes == {"body_not_replayable": 1}


def test_a_refusal_before_the_body_has_come_is_renewed_and_the_body_follows_once(
    provider: HonestServer, gateway: MakeGateway
) -> None:
    through = gateway(provider.url, record(provider), settings=OLD)
    with through.connect() as caller:
        assert caller.ask(request(through)).status == 200
        provider.expire_all()
        caller.send(request(through, "POST", "/api/orders", "Content-Length: 4"))
        caller.send(b"body")
        assert caller.answer().status == 200
    assert provider.api_requests[-1].body == b"body"


def test_H7_two_hundred_requests_that_meet_one_expiry_cost_one_renewal(
    provider: HonestServer, gateway: MakeGateway
) -> None:
    through = gateway(provider.url, record(provider), settings=OLD)
    assert through.ask(request(through)).status == 200
    provider.token_delay = 0.3
    provider.expire_all()
    with ThreadPoolExecutor(50) as pool:
        statuses = list(
            pool.map(lambda _: through.ask(request(through, "POST", body=b"x")).status, range(200))
        )
    assert statuses == [200] * 200
    assert provider.counters.token_requests == 2


@pytest.mark.parametrize("young", [0.0, 60.0])
def test_H8_G13_fifty_refusals_on_purpose_do_not_cost_fifty_renewals(
    provider: HonestServer, gateway: MakeGateway, young: float
) -> None:
    through = gateway(provider.url, record(provider), settings=Settings(young_seconds=young))
    with through.connect() as caller:
        told = [caller.ask(request(through, target="/api/always-401")) for _ in range(50)]
        assert {one.status for one in told} == {401}
        assert outcome(told[-1]) == ["cooling-down"]
        assert caller.ask(request(through)).status == 200
    renewals = provider.counters.token_requests - 1
    assert renewals <= 2 if young == 0.0 else renewals == 0
    assert provider.counters.api_requests <= 53


def test_a_short_life_that_ends_early_is_mended_once_a_quarter_of_it_is_over(
    provider: HonestServer, gateway: MakeGateway
) -> None:
    provider.token_life = 2.0
    through = gateway(provider.url, record(provider))
    with through.connect() as caller:
        assert caller.ask(request(through)).status == 200
        time.sleep(0.6)
        provider.expire_all()
        assert outcome(caller.ask(request(through))) == ["renewed-and-replayed"]


def test_a_credential_that_ran_out_on_the_way_and_cannot_be_renewed_is_no_expired_answer(
    provider: HonestServer, gateway: MakeGateway
) -> None:
    provider.token_life = 0.5
    through = gateway(provider.url, record(provider))
    with through.connect() as caller:
        assert caller.ask(request(through)).status == 200
        provider.failures = [as_json({"error": "invalid_client"}, 401)] * 5
        provider.api.delay = 0.6
        told = caller.ask(request(through))
    assert told.status == 502
    assert told.values("x-authrecord-error") == ["invalid_client"]
    through.settle()
    assert provider.counters.expired_answers == 1
    assert through.service.metrics.expired_passed == 0


def test_what_is_masked_does_not_grow_with_the_tokens_that_have_been(
    provider: HonestServer, gateway: MakeGateway
) -> None:
    through = gateway(provider.url, record(provider), settings=OLD)
    known = []
    with through.connect() as caller:
        for _ in range(9):
            provider.expire_all()
            assert caller.ask(request(through)).status == 200
            known.append(len(masking._KNOWN))
    through.settle()
    assert through.service.metrics.renewals == 8
    one_token = known[1] - known[0]
    assert one_token > 5
    assert max(known[3:]) < known[2] + one_token


def test_H10_a_renewal_goes_on_when_its_caller_has_gone(provider: HonestServer, gateway: MakeGateway) -> None:
    through = gateway(provider.url, record(provider), settings=OLD)
    assert through.ask(request(through)).status == 200
    provider.token_delay = 0.5
    provider.expire_all()
    with through.connect() as caller:
        caller.send(request(through))
        while provider.counters.token_requests < 2:
            threading.Event().wait(0.01)
    assert through.ask(request(through)).status == 200
    assert provider.counters.token_requests == 2


def test_O20_without_a_token_the_request_is_not_sent_and_no_word_of_the_provider_is_passed_on(
    provider: HonestServer, gateway: MakeGateway, canary: Canary
) -> None:
    secret = canary("what the provider says")
    body = b'{"error": "invalid_grant", "error_description": "' + secret.encode() + b'"}'
    provider.failures = [Reply(400, (("content-type", "application/json"),), body)] * 3
    through = gateway(provider.url, record(provider))
    told = through.ask(request(through))
    assert told.status == 502
    assert told.values("x-authrecord-error") != []
    assert secret.encode() not in told.body
    assert provider.counters.api_requests == 0


def test_G15_a_missing_right_is_not_expired(provider: HonestServer, gateway: MakeGateway) -> None:
    through = gateway(provider.url, record(provider, pattern=""), settings=OLD)
    told = through.ask(request(through, target="/api/forbidden"))
    assert (told.status, outcome(told)) == (403, [])
    assert (provider.counters.token_requests, provider.counters.api_requests) == (1, 1)


BINARY = bytes(range(256)) * 20 + b"token expired" + b"\xff\xfe"


@pytest.mark.parametrize("coding", ["identity", "gzip", "in chunks"])
def test_G6_G9_the_pattern_sees_bytes_out_of_their_coding_and_the_body_stays_as_it_was(
    provider: HonestServer, upstream: Make, gateway: MakeGateway, coding: str
) -> None:
    body = gzip.compress(BINARY) if coding == "gzip" else BINARY
    lines = [b"Content-Encoding: gzip"] if coding == "gzip" else []
    answer = sized(body, *lines)
    if coding == "in chunks":
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer += (
            b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:9], body[9:])) + b"0\r\n\r\n"
        )
    api = upstream(reply=first_refused(answer, answer.replace(b"200 OK", b"201 OK")))
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    told = through.ask(request(through))
    assert (told.status, told.body, len(api.taken)) == (201, body, 2)
    assert outcome(told) == ["renewed-token-refused"]


def test_G9_an_unknown_coding_matches_nothing_and_passes(
    provider: HonestServer, upstream: Make, gateway: MakeGateway
) -> None:
    api = upstream(reply=lambda taken: sized(b"token expired", b"Content-Encoding: rot13"))
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    assert through.ask(request(through)).body == b"token expired"
    assert len(api.taken) == 1


def test_G7_G8_only_the_beginning_of_a_large_body_is_looked_at_and_all_of_it_arrives(
    provider: HonestServer, upstream: Make, gateway: MakeGateway
) -> None:
    body = b"x" * (64 * 1024) + b"token expired" + b"y" * 2_000_000
    api = upstream(reply=lambda taken: sized(body))
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    assert through.ask(request(through)).body == body
    assert len(api.taken) == 1


def test_G7_an_event_stream_is_judged_by_its_head_and_each_event_arrives_at_once(
    provider: HonestServer, upstream: Make, gateway: MakeGateway
) -> None:
    go_on = threading.Event()

    def serve(connection: object, server: Upstream) -> None:
        connection.recv(65536)  # type: ignore[attr-defined]  # it is the socket that the stage hands over
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        connection.sendall(head + b"data: token expired\n\n")  # type: ignore[attr-defined]  # see above
        assert go_on.wait(10)
        connection.sendall(b"data: 2\n\n")  # type: ignore[attr-defined]  # see above

    api = upstream(serve=serve)
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    with through.connect() as caller:
        caller.send(request(through))
        caller.head()
        assert caller.take(4 + 21 + 2) == b"15\r\ndata: token expired\n\n\r\n"
        go_on.set()
        assert caller.take(19) == b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"


def test_a_slow_body_is_held_back_for_its_pattern_for_a_moment_only(
    provider: HonestServer, upstream: Make, gateway: MakeGateway
) -> None:
    seen = threading.Event()

    def serve(connection: object, server: Upstream) -> None:
        connection.recv(65536)  # type: ignore[attr-defined]  # it is the socket that the stage hands over
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")  # type: ignore[attr-defined]  # see above
        assert seen.wait(10)
        connection.sendall(b"two")  # type: ignore[attr-defined]  # see above

    api = upstream(serve=serve)
    through = gateway(api.url, record(provider, api.url), settings=OLD)
    with through.connect() as caller:
        caller.send(request(through))
        caller.head()
        assert caller.take(3) == b"one"
        seen.set()
        assert caller.take(3) == b"two"


def test_a_token_that_has_run_out_by_the_clock_is_renewed_before_anything_is_sent(
    provider: HonestServer, gateway: MakeGateway
) -> None:
    provider.token_life = 0.3
    through = gateway(provider.url, record(provider))
    with through.connect() as caller:
        for _ in range(20):
            assert caller.ask(request(through)).status == 200
            threading.Event().wait(0.05)
    assert provider.counters.expired_answers == 0
    assert provider.counters.token_requests > 2
