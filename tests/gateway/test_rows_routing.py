"""Rows O at the reverse gateway: where a request goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authrecord.core.origin import allowed_origins
from authrecord.gateway.rules import Rule
from authrecord.record import Record
from tests.gateway.conftest import authorization
from tests.gateway.stage import Gateway, Taken, Upstream, get

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]


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


def test_O23_encoded_line_breaks_stay_encoded_on_their_way_into_location(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    def reply(taken: Taken) -> bytes:
        query = taken.line.split(b" ")[1].partition(b"?")[2]
        return b"HTTP/1.1 302 Found\r\nLocation: /?%b\r\nContent-Length: 0\r\n\r\n" % query

    api = upstream(reply=reply)
    through = gateway(api.url, bearer(api.url))
    told = through.ask(get(through, target=b"/?a=%0d%0aSet-Cookie:%20b=c"))
    assert told.values("location") == ["/?a=%0d%0aSet-Cookie:%20b=c"]
    assert told.values("set-cookie") == []
