"""Rows O of the attack catalogue at the reverse gateway, through its real listener with raw sockets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from authrecord.core.origin import allowed_origins
from authrecord.core.secret import Secret
from authrecord.gateway.rules import OwnCredential, Rule
from authrecord.gateway.service import Settings
from authrecord.record import Record
from authrecord.schemes.api_key import ApiKey
from tests.canary_watch import Canary
from tests.gateway.conftest import authorization, token_of
from tests.gateway.stage import Gateway, Taken, Upstream

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]


def get(
    through: Gateway, *lines: bytes, target: bytes = b"/", method: bytes = b"GET", password: bool = True
) -> bytes:
    """A raw request."""
    own = (b"$",) if password else ()
    head = (b"%b %b HTTP/1.1" % (method, target), b"Host: 127.0.0.1:%d" % through.port, *own, *lines)
    return b"\r\n".join(head) + b"\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        (b"Authorization: Bearer own",),
        (b"authorization: own",),
        (b"AUTHORIZATION: a", b"Authorization: b"),
        (b"Authorization:",),
    ],
)
def test_O1_E14_the_clients_own_credential_is_replaced(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, sent: tuple[bytes, ...]
) -> None:
    api = upstream()
    record = bearer(api.url)
    through = gateway(api.url, record)
    assert through.ask(get(through, *sent)).status == 200
    assert authorization(api.taken[0]) == [token_of(record)]


@pytest.mark.parametrize("name", [b"X-API-Key", b"X_API_KEY", b"x-api_key", b"x-api-key"])
def test_O1_a_key_under_any_spelling_that_a_lax_server_takes_is_replaced(
    upstream: Make, gateway: MakeGateway, canary: Canary, name: bytes
) -> None:
    api = upstream()
    key = canary("api key")
    record = Record(name="key", allowed_origins=(api.url,), auth=ApiKey(key="X-API-Key", value=Secret(key)))
    through = gateway(api.url, record)
    assert through.ask(get(through, name + b": own")).status == 200
    keys = [line for line in api.taken[0].lines if line.lower().replace(b"_", b"-").startswith(b"x-api-key")]
    assert keys == [b"X-API-Key: " + key.encode()]


@pytest.mark.parametrize("place", ["query", "cookie"])
def test_O1_a_credential_in_query_or_cookie_takes_the_place_of_the_clients(
    upstream: Make, gateway: MakeGateway, canary: Canary, place: str
) -> None:
    api = upstream()
    key = canary("api key", alphabet="hard") if place == "query" else canary("api key")
    auth = ApiKey(key="k", value=Secret(key), send_in=place)
    through = gateway(api.url, Record(name="key", allowed_origins=(api.url,), auth=auth))
    told = through.ask(get(through, b"Cookie: a=1; k=own", b"Cookie: b=2", target=b"/x?a=%26&k=own&&b=%zz"))
    assert told.status == 200
    taken = api.taken[0]
    if place == "query":
        from urllib.parse import quote

        assert taken.line == f"GET /x?a=%26&&b=%zz&k={quote(key, safe='')} HTTP/1.1".encode()
        assert taken.values("cookie") == ["a=1; k=own", "b=2"]
    else:
        assert taken.line == b"GET /x?a=%26&k=own&&b=%zz HTTP/1.1"
        assert taken.values("cookie") == [f"a=1; b=2; k={key}"]


def test_the_rule_may_keep_or_refuse_the_clients_own_credential(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    record = bearer(api.url)
    rules = [
        Rule(records=("orders",), origins=allowed_origins([api.url]), path=path, own_credential=own)
        for path, own in (("/keep", OwnCredential.KEEP), ("/refuse", OwnCredential.REFUSE))
    ]
    through = gateway(api.url, record, rules=rules)
    own = b"Authorization: Bearer own"
    assert through.ask(get(through, own, target=b"/keep")).status == 200
    assert through.ask(get(through, target=b"/keep")).status == 200
    assert through.ask(get(through, own, target=b"/refuse")).status == 403
    assert through.ask(get(through, target=b"/refuse")).status == 200
    assert [authorization(taken) for taken in api.taken] == [["Bearer own"], *[[token_of(record)]] * 2]


@pytest.mark.parametrize("place", ["X-Authrecord-Token", "Proxy-Authorization", "Authorization"])
@pytest.mark.parametrize("form", ["basic", "bearer"])
def test_O2_the_callers_own_proof_never_reaches_the_upstream(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, place: str, form: str
) -> None:
    from base64 import b64encode

    api = upstream()
    record = bearer(api.url)
    rule = Rule(records=("orders",), origins=allowed_origins([api.url]), own_credential=OwnCredential.KEEP)
    through = gateway(api.url, record, rules=[rule])
    proof = {
        "basic": b"Basic " + b64encode(b"any:" + through.password.encode()),
        "bearer": b"Bearer " + through.password.encode(),
    }[form]
    assert through.ask(get(through, place.encode() + b": " + proof, password=False)).status == 200
    taken = api.taken[0]
    assert proof not in taken.head
    assert authorization(taken) == [token_of(record)]


@pytest.mark.parametrize(
    "named", [b"Authorization", b"X-API-Key, close", b"content-length", b"host", b"transfer-encoding"]
)
def test_O3_what_connection_names_is_taken_from_the_clients_fields_only(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, named: bytes
) -> None:
    api = upstream()
    record = bearer(api.url)
    through = gateway(api.url, record)
    told = through.ask(
        get(through, b"Connection: " + named, b"X-API-Key: own", b"Content-Length: 3", method=b"POST")
        + b"abc"
    )
    assert told.status == 200
    taken = api.taken[0]
    assert authorization(taken) == [token_of(record)]
    assert taken.values("host") == [api.host]
    assert taken.body == b"abc"
    assert taken.values("connection") == []
    assert ("x-api-key" in named.decode().lower()) == (taken.values("x-api-key") == [])


def test_O4_trailers_are_dropped_both_ways(upstream: Make, gateway: MakeGateway, bearer: MakeRecord) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
    answer += b"2\r\nok\r\n0\r\nX: a\r\nSet-Cookie: b\r\n\r\n"
    api = upstream(reply=lambda taken: answer)
    through = gateway(api.url, bearer(api.url))
    request = get(through, b"Transfer-Encoding: chunked", b"Trailer: Authorization", method=b"POST")
    with through.connect() as caller:
        caller.send(request + b"2\r\nhi\r\n0\r\nAuthorization: evil\r\n\r\n")
        assert caller.answer().body == b"ok"
        caller.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            caller.socket.recv(1)
    taken = api.taken[0]
    assert taken.body == b"2\r\nhi\r\n0\r\n\r\n"
    assert taken.values("trailer") == []


@pytest.mark.parametrize(
    "target",
    [b"http://evil.example/x", b"https://127.0.0.1/", b"evil", b"@evil/", b"?x", b"*", b"\\\\evil", b"/a#b"],
)
def test_O6_a_target_that_is_no_path_is_refused(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, target: bytes
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    assert through.ask(get(through, target=target)).status == 400
    assert api.taken == []


@pytest.mark.parametrize("target", [b"//evil.example/x", b"/\\evil", b"/@evil/", b"/.//evil", b"/%2f%2fevil"])
def test_O6_a_path_that_looks_like_a_host_goes_to_the_upstream_of_the_route(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, target: bytes
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    assert through.ask(get(through, target=target)).status == 200
    assert api.taken[0].line == b"GET " + target + b" HTTP/1.1"
    assert api.taken[0].values("host") == [api.host]


def test_O7_O18_an_ambiguous_path_is_400_and_one_without_a_rule_404(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    rule = Rule(records=("orders",), origins=allowed_origins([api.url]), path="/public")
    through = gateway(api.url, bearer(api.url), rules=[rule])
    statuses = {
        target: through.ask(get(through, target=target)).status
        for target in (
            b"/public/x?/../y",
            b"/public/../admin",
            b"/public/%2e%2e/admin",
            b"/admin",
            b"/public%2f..",
        )
    }
    assert list(statuses.values()) == [200, 400, 400, 404, 400]
    assert len(api.taken) == 1


def test_O8_forwarded_fields_decide_nothing_and_pass(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    sent = [
        b"X-Forwarded-Host: evil.example",
        b"X-Forwarded-Proto: https",
        b"X-Original-URL: /admin",
        b"Forwarded: host=evil.example",
        b"X-HTTP-Method-Override: DELETE",
    ]
    assert through.ask(get(through, *sent)).status == 200
    assert api.taken[0].values("host") == [api.host]
    assert all(line in api.taken[0].lines for line in sent)


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


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"evil.example:$PORT",
        b"127.0.0.1",
        b"127.0.0.1:1",
        b"127.0.0.1:$PORT:1",
        b"",
        b"localhost.:$PORT",
    ],
)
def test_O10_M1_a_host_that_is_not_the_gateways_is_421_on_every_listener(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, host: bytes
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    for port in (through.port, through.metrics_port):
        named = host.replace(b"$PORT", b"%d" % port)
        told = through.ask(b"GET /metrics HTTP/1.1\r\nHost: " + named + b"\r\n$\r\n\r\n", port=port)
        assert told.status == 421
    for lines in (b"", b"Host: localhost:%d\r\nHost: localhost:%d\r\n" % (through.port, through.port)):
        assert through.ask(b"GET / HTTP/1.1\r\n" + lines + b"$\r\n\r\n").status == 400
    assert api.taken == []


def test_O11_connect_is_refused_trace_goes_without_a_credential_only_and_h2c_is_not_taken_up(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    record = bearer(api.url)
    through = gateway(api.url, record)
    assert through.ask(get(through, method=b"CONNECT", target=b"evil.example:443")).status == 405
    assert through.ask(get(through, method=b"TRACE")).status == 405
    assert api.taken == []
    assert through.ask(get(through, b"X-Authrecord-Bypass: 1", method=b"TRACE")).status == 200
    upgrade = (
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    )
    assert through.ask(get(through, *upgrade)).status == 200
    assert authorization(api.taken[0]) == []
    taken = api.taken[1]
    assert [taken.values(name) for name in ("upgrade", "connection", "http2-settings")] == [[], [], []]


def test_O12_E1_E7_a_redirect_is_passed_on_and_not_followed_and_carries_no_credential(
    upstream: Make, gateway: MakeGateway, canary: Canary
) -> None:
    def reply(taken: Taken) -> bytes:
        query = taken.line.split(b" ")[1].partition(b"?")[2]
        return (
            b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/?%b\r\nRefresh: 0\r\nContent-Length: 0\r\n\r\n"
            % query
        )

    api = upstream(reply=reply)
    auth = ApiKey(key="key", value=Secret(canary("api key")), send_in="query")
    through = gateway(api.url, Record(name="key", allowed_origins=(api.url,), auth=auth))
    told = through.ask(get(through, target=b"/?a=%27"))
    assert (told.status, told.values("location")) == (302, ["https://evil.example/?a=%27"])
    assert len(api.taken) == 1


def test_O14_cookies_of_the_upstream_are_dropped_where_the_rule_says_so(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream(
        reply=lambda taken: b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nX: y\r\nContent-Length: 0\r\n\r\n"
    )
    rule = Rule(records=("orders",), origins=allowed_origins([api.url]), passes_cookies=False)
    through = gateway(api.url, bearer(api.url), rules=[rule])
    told = through.ask(get(through))
    assert (told.values("set-cookie"), told.values("x")) == ([], ["y"])


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


def test_a_request_may_ask_for_no_credential_and_a_second_port_gives_none(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url), bare=True)
    own = b"Authorization: Bearer own"
    assert through.ask(get(through, own, b"x-authrecord-bypass: 1")).status == 200
    bare = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n$\r\n%b\r\n\r\n" % (through.bare_port, own)
    assert through.ask(bare, port=through.bare_port).status == 200
    assert [authorization(taken) for taken in api.taken] == [["Bearer own"]] * 2
    assert not any(b"authrecord" in taken.head.lower() for taken in api.taken)


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


def test_E11_two_records_never_share_a_connection(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    first, second = bearer(api.url, "first"), bearer(api.url, "second")
    rules = [
        Rule(records=(name,), origins=allowed_origins([api.url]), path=f"/{name}")
        for name in ("first", "second")
    ]
    through = gateway(api.url, first, second, rules=rules)
    with through.connect() as caller:
        for _ in range(3):
            for name in (b"first", b"second"):
                assert caller.ask(get(through, target=b"/" + name)).status == 200
    assert api.connections == 2


def test_several_records_go_on_one_request(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, canary: Canary
) -> None:
    api = upstream()
    orders = bearer(api.url)
    tenant = Record(
        name="tenant",
        allowed_origins=(api.url,),
        auth=ApiKey(key="X-Tenant", value=Secret(canary("tenant key"))),
    )
    through = gateway(api.url, orders, tenant)
    assert through.ask(get(through)).status == 200
    taken = api.taken[0]
    assert authorization(taken) == [token_of(orders)]
    assert len(taken.values("x-tenant")) == 1


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
