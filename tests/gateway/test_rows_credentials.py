"""Rows O at the reverse gateway: what is put on a request and on its answer, and what is taken off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authrecord.core.origin import allowed_origins
from authrecord.core.secret import Secret
from authrecord.gateway.rules import OwnCredential, Rule
from authrecord.record import Record
from authrecord.schemes.api_key import ApiKey
from tests.canary_watch import Canary
from tests.gateway.conftest import authorization, token_of
from tests.gateway.stage import Gateway, Taken, Upstream, get

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]


@pytest.mark.parametrize(
    "sent",
    [
        (b"Authorization: Bearer own",),
        (b"authorization: own",),
        (b"AUTHORIZATION: a", b"Authorization: b"),
        (b"Authorization:",),
    ],
)
def test_O1_E14_S63_the_clients_own_credential_is_replaced(
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


def test_O21_caches_beyond_loopback_are_told_and_the_answer_stays_as_it_was_on_loopback(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    from authrecord.core.replay import Reason
    from authrecord.gateway.answering import Answer
    from authrecord.gateway.entrances import Found
    from authrecord.gateway.grammar import Fields, RequestHead, ResponseHead

    api = upstream()
    through = gateway(api.url, bearer(api.url))
    table = through.service.table
    origin = next(iter(through.rules.all[0].origins.exact))
    route = table.route(origin, through.rules.for_origin(origin), "/", "GET")
    request = RequestHead(b"GET", b"/", 1, Fields(b"Host: x"))
    told = {
        (shared, own): Answer(
            request,
            ResponseHead(200, b"OK", 1, Fields(own)),
            Found(route, b"/", None, is_shared=shared),
            None,
        ).rendered(Reason.AUTHENTICATED, closes=False)
        for shared in (False, True)
        for own in (b"Content-Length: 0", b"Content-Length: 0\r\nCache-Control: max-age=9")
    }
    assert list(told.values()) == [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCache-Control: max-age=9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVary: Authorization\r\nCache-Control: private\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCache-Control: max-age=9\r\nVary: Authorization\r\n\r\n",
    ]
