"""Rows O at the reverse gateway: who calls, what they may send, and what is noted of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from authrecord.core.errors import TryLater
from authrecord.core.origin import allowed_origins
from authrecord.gateway.rules import Rule
from authrecord.gateway.service import Settings
from authrecord.record import Record
from tests.canary_watch import Canary
from tests.gateway.stage import Gateway, Told, Upstream, get

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]


def test_O9_no_path_and_no_user_agent_opens_the_gateway(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    for target in (b"/health", b"/metrics", b"/favicon.ico"):
        request = get(through, b"User-Agent: kube-probe/1.30", target=target, password=False)
        assert through.ask(request).status == 401
    with through.connect(through.metrics_port) as caller:
        told = caller.ask(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % through.metrics_port)
    assert (told.status, told.body) == (200, b"alive\n")
    assert api.taken == []


def test_O17_a_body_that_is_too_large_is_413_before_a_credential_is_used(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url), settings=Settings(most_body_bytes=10))
    too_much = get(through, b"Content-Length: 11", b"Expect: 100-continue", method=b"POST")
    told = through.ask(too_much)
    assert (told.status, api.connections) == (413, 0)
    assert through.ask(get(through, b"Content-Length: 10", method=b"POST") + b"0123456789").status == 200


def test_O17_a_chunked_body_beyond_the_bound_is_cut(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url), settings=Settings(most_body_bytes=10))
    told = through.ask(
        get(through, b"Transfer-Encoding: chunked", method=b"POST") + b"b\r\n01234567890\r\n0\r\n\r\n"
    )
    assert told.status == 413
    assert api.taken == []


def test_expect_100_continue_asks_the_upstream_before_the_body_is_sent(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    def serve(connection: object, server: Upstream) -> None:
        connection.recv(65536)  # type: ignore[attr-defined]  # it is the socket that the stage hands over
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")  # type: ignore[attr-defined]  # see above
        body = connection.recv(65536)  # type: ignore[attr-defined]  # see above
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))  # type: ignore[attr-defined]  # see above

    api = upstream(serve=serve)
    through = gateway(api.url, bearer(api.url))
    with through.connect() as caller:
        caller.send(get(through, b"Content-Length: 4", b"Expect: 100-continue", method=b"POST"))
        assert caller.head() == b"HTTP/1.1 100 Continue"
        caller.send(b"body")
        assert caller.answer().body == b"body"


def test_O19_N8_an_api_token_opens_the_records_that_it_is_for_and_no_others(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, canary: Canary
) -> None:
    class Store:
        asked = 0

        def may_use(self, token: str, record: str) -> bool:
            self.asked += 1
            return token == good and record == "orders"

    good, other = canary("api token"), canary("another api token")
    api = upstream()
    orders, admin = bearer(api.url, "orders"), bearer(api.url, "admin")
    rules = [
        Rule(records=names, origins=allowed_origins([api.url]), path=path)
        for path, names in (("/orders", ("orders",)), ("/both", ("orders", "admin")), ("/none", ()))
    ]
    store = Store()
    through = gateway(api.url, orders, admin, rules=rules, tokens=store)

    def ask(token: str, target: bytes) -> int:
        line = b"X-Authrecord-Token: " + token.encode()
        return through.ask(get(through, line, target=target, password=False)).status

    assert [ask(good, target) for target in (b"/orders", b"/both", b"/none")] == [200, 403, 403]
    assert [ask(other, target) for target in (b"/orders", b"/both", b"/none")] == [403, 403, 403]
    assert through.ask(get(through, target=b"/orders", password=False)).status == 401
    assert len(api.taken) == 1
    assert good.encode() not in api.taken[0].head
    before = store.asked
    assert ask(good, b"/orders") == 200
    assert store.asked == before


def test_N8_while_the_store_is_away_who_was_let_in_a_moment_ago_goes_on_and_nobody_else(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Store:
        is_away = False

        def may_use(self, token: str, record: str) -> bool:
            if self.is_away:
                raise TryLater("the store does not answer.", code="store_away")
            return token == good

    monkeypatch.setattr("authrecord.gateway.callers.REMEMBERED_SECONDS", 0.0)
    good, other = canary("api token"), canary("another api token")
    api, store = upstream(), Store()
    through = gateway(api.url, bearer(api.url), tokens=store)

    def ask(token: str) -> Told:
        return through.ask(get(through, b"Authorization: Bearer " + token.encode(), password=False))

    assert [ask(good).status, ask(other).status] == [200, 403]
    store.is_away = True
    unknown = ask(canary("a third api token"))
    assert [ask(good).status, ask(other).status, unknown.status] == [200, 403, 503]
    assert unknown.values("x-authrecord-error") == ["store_away"]
    monkeypatch.setattr("authrecord.gateway.callers.AWAY_SECONDS", 0.0)
    assert ask(good).status == 503
    store.is_away = False
    assert ask(good).status == 200


def test_a_hundred_requests_at_once_ask_the_store_about_their_token_once(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, canary: Canary
) -> None:
    class Store:
        asked = 0
        goes_on = threading.Event()

        def may_use(self, token: str, record: str) -> bool:
            self.asked += 1
            assert self.goes_on.wait(20)
            return True

    api, store = upstream(), Store()
    through = gateway(api.url, bearer(api.url), tokens=store)
    line = b"Authorization: Bearer " + canary("api token").encode()
    callers = [through.connect() for _ in range(100)]
    for caller in callers:
        caller.send(get(through, line, password=False))
    while through.service.metrics.open_connections < 100:
        through.settle()
    store.goes_on.set()
    assert [caller.answer().status for caller in callers] == [200] * 100
    for caller in callers:
        caller.socket.close()
    assert store.asked == 1


def test_O22_no_header_and_no_query_changes_where_a_request_goes(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api, other = upstream(), upstream()
    through = gateway(api.url, bearer(api.url))
    sent = [
        b"X-Authrecord-Upstream: " + other.url.encode(),
        b"Base-Url-Override: " + other.url.encode(),
        b"Proxy-Connection: keep-alive",
    ]
    assert through.ask(get(through, *sent, target=b"/?base_url=" + other.url.encode())).status == 200
    assert (len(api.taken), other.connections) == (1, 0)
    assert api.taken[0].values("x-authrecord-upstream") == []


def test_O25_nobody_gets_in_without_the_password_not_even_on_loopback(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, canary: Canary
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url), bare=True)
    wrong = canary("wrong password").encode()
    for line in (
        b"X: y",
        b"X-Authrecord-Token: " + wrong,
        b"Authorization: Basic %%%",
        b"Authorization: Basic " + wrong,
    ):
        for port in (through.port, through.bare_port):
            request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%b\r\n\r\n" % (port, line)
            told = through.ask(request, port=port)
            assert told.status == 401
            assert told.values("www-authenticate") == ['Basic realm="authrecord"']
            assert json.loads(told.body)["code"] == "unknown_caller"
    assert api.connections == 0


def test_F5_the_access_log_holds_no_query_no_header_and_no_body(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, canary: Canary
) -> None:
    secret = canary("a secret of the client").encode()
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    through.ask(
        get(through, b"Cookie: " + secret, b"Content-Length: 32", target=b"/a%0Ab?t=" + secret) + secret[:32]
    )
    through.settle()
    line = json.loads(through.log[0])
    assert (line["method"], line["path"], line["status"], line["records"]) == (
        "GET",
        "/a%0Ab",
        200,
        ["orders"],
    )
    assert secret.decode() not in "".join(through.log)


def test_O16_a_caller_that_goes_away_takes_its_request_to_the_upstream_with_it(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    gone = threading.Event()

    def serve(connection: object, server: Upstream) -> None:
        connection.recv(65536)  # type: ignore[attr-defined]  # it is the socket that the stage hands over
        with suppress(ConnectionResetError):  # the other way to say it
            assert connection.recv(65536) == b""  # type: ignore[attr-defined]  # see above
        gone.set()

    api = upstream(serve=serve)
    through = gateway(api.url, bearer(api.url))
    with through.connect() as caller:
        caller.send(get(through))
        while not api.connections:
            continue
    assert gone.wait(10)


def test_P18_no_label_of_a_metric_comes_from_a_client(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, canary: Canary
) -> None:
    secret = canary("a secret of a client").encode()
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    through.ask(get(through, b"X: " + secret, target=b"/" + secret, method=b"M" + secret))
    through.ask(b"GET /" + secret + b" HTTP/1.1\r\nHost: " + secret + b"\r\n\r\n")
    with through.connect(through.metrics_port) as caller:
        told = caller.ask(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % through.metrics_port)
    assert told.values("content-type") == ["application/openmetrics-text; version=1.0.0; charset=utf-8"]
    assert told.body.endswith(b"# EOF\n")
    assert secret not in told.body
    labels = {line.partition(b"{")[2].partition(b"}")[0] for line in told.body.splitlines() if b"{" in line}
    buckets = {label for label in labels if label.startswith(b"le=")}
    assert labels - buckets == {b'status="200"', b'status="421"', b'code="wrong_host"'}
