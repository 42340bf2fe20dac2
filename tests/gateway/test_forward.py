"""The forward proxy: absolute targets, `CONNECT`, and what is opened of HTTPS."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from authrecord.clients.egress import permits_for
from authrecord.core.origin import allowed_origins
from authrecord.gateway.rules import Rule, Unmatched
from authrecord.record import Record
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.gateway.conftest import authorization, token_of
from tests.gateway.stage import Gateway, Upstream

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]


def plain(
    through: Gateway, url: str, *lines: str, host: str = "", method: str = "GET", proof: bool = True
) -> bytes:
    """An absolute request, as a client sends it to a proxy."""
    authority = url.partition("://")[2].partition("/")[0].partition("?")[0]
    secret = b64encode(f"any:{through.password}".encode()).decode()
    proved = [f"Proxy-Authorization: Basic {secret}"] if proof else []
    return "\r\n".join(
        [f"{method} {url} HTTP/1.1", f"Host: {host or authority}", *proved, *lines, "", ""]
    ).encode()


class Secure:
    """An API behind TLS, and the file of its authority."""

    def __init__(self, server: HonestServer, ca_file: Path, name: str) -> None:
        self.server = server
        self.ca_file = str(ca_file)
        port = server.url.rpartition(":")[2]
        self.authority = f"{name}:{port}"
        self.url = f"https://{self.authority}"
        self.name = name


@pytest.fixture(params=["localhost", "127.0.0.1"])
def secure(request: pytest.FixtureRequest, canary: Canary, tmp_path: Path) -> Iterator[Secure]:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "upstream-ca.pem")
    with HonestServer(tls=context, make_secret=canary.make) as server:
        yield Secure(server, tmp_path / "upstream-ca.pem", request.param)


def record_for(secure: Secure, canary: Canary, name: str = "orders") -> Record:
    from authrecord.core.secret import Secret
    from authrecord.schemes.bearer import Bearer

    token = secure.server.issue_token()
    return Record(name=name, allowed_origins=(secure.url,), auth=Bearer(token=Secret(token)))


def test_a_plain_request_gets_the_credential_of_the_host_that_is_dialled(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    record = bearer(api.url)
    through = gateway(api.url, record)
    with through.connect(through.forward_port) as caller:
        for target in ("/p%20q/%2e%2e//x?q=%27%00&z", "", "?a=b"):
            assert caller.ask(plain(through, api.url + target)).status == 200
    lines = [taken.line for taken in api.taken]
    assert lines == [b"GET /p%20q/%2e%2e//x?q=%27%00&z HTTP/1.1", b"GET / HTTP/1.1", b"GET /?a=b HTTP/1.1"]
    assert {tuple(authorization(taken)) for taken in api.taken} == {(token_of(record),)}
    assert not any(taken.values("proxy-authorization") for taken in api.taken)


@pytest.mark.parametrize("unmatched", list(Unmatched))
def test_O18_a_host_of_no_rule_gets_nothing_and_is_refused_unless_it_may_pass(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, unmatched: Unmatched
) -> None:
    api, other = upstream(), upstream()
    through = gateway(api.url, bearer(api.url), unmatched=unmatched)
    told = through.ask(plain(through, other.url + "/x"), port=through.forward_port)
    connected, caller = through.through_proxy(other.host)
    if unmatched is Unmatched.REFUSE:
        assert (told.status, connected.status, other.connections) == (404, 403, 0)
    else:
        assert (told.status, connected.status) == (200, 200)
        caller.send(b"GET /tunnelled HTTP/1.1\r\nHost: anything\r\nX-Authrecord-Bypass: kept\r\n\r\n")
        assert caller.answer().status == 200
        assert other.taken[1].lines == [b"Host: anything", b"X-Authrecord-Bypass: kept"]
        assert [authorization(taken) for taken in other.taken] == [[], []]
    caller.socket.close()


def test_O10_host_and_the_dialled_host_must_agree(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api, other = upstream(), upstream()
    through = gateway(api.url, bearer(api.url), unmatched=Unmatched.PASS)
    for dialled, named in ((api, other), (other, api)):
        told = through.ask(plain(through, dialled.url + "/", host=named.host), port=through.forward_port)
        assert told.status == 421
    assert (api.taken, other.taken) == ([], [])


@pytest.mark.parametrize(
    "target",
    [
        "/x",
        "https://127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://a@127.0.0.1/",
        "http:///x",
        "http://127.0.0.1:x/",
        "*",
    ],
)
def test_O6_a_target_that_is_not_absolute_http_is_refused(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, target: str
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url), unmatched=Unmatched.PASS)
    request = plain(through, api.url, host=api.host).replace(api.url.encode(), target.encode(), 1)
    assert through.ask(request, port=through.forward_port).status == 400


def test_O25_a_stranger_gets_407_for_every_kind_of_request(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url), unmatched=Unmatched.PASS)
    for request in (
        plain(through, api.url + "/", proof=False),
        plain(through, api.url + "/", "Authorization: Basic x", proof=False),
        f"CONNECT {api.host} HTTP/1.1\r\nHost: {api.host}\r\n\r\n".encode(),
    ):
        told = through.ask(request, port=through.forward_port)
        assert (told.status, told.values("proxy-authenticate")) == (407, ['Basic realm="authrecord"'])
    assert api.connections == 0


def test_https_to_a_records_host_is_opened_and_authenticated(
    secure: Secure, gateway: MakeGateway, canary: Canary
) -> None:
    through = gateway(secure.url, record_for(secure, canary), ca_file=secure.ca_file)
    told, caller = through.through_proxy(secure.authority, server_name=secure.name)
    assert told.status == 200
    host = f"Host: {secure.authority}\r\n\r\n".encode()
    with caller:
        for _ in range(3):
            assert caller.ask(b"GET /api/orders HTTP/1.1\r\n" + host).body == b'{"ok": true}'
        assert (
            caller.ask(b"POST /api/orders?a=%20 HTTP/1.1\r\nContent-Length: 2\r\n" + host + b"hi").status
            == 200
        )
    assert secure.server.api_requests[-1].target == "/api/orders?a=%20"
    assert secure.server.counters.expired_answers == 0


@pytest.mark.parametrize("host", ["evil.example", "localhost:1", "127.0.0.1:1", ""])
def test_O10_inside_of_connect_host_must_be_the_dialled_one(
    secure: Secure, gateway: MakeGateway, canary: Canary, host: str
) -> None:
    through = gateway(secure.url, record_for(secure, canary), ca_file=secure.ca_file)
    _, caller = through.through_proxy(secure.authority, server_name=secure.name)
    with caller:
        assert caller.ask(f"GET /api/orders HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == 421
    assert secure.server.api_requests == []


def test_O10_the_tls_server_name_must_be_the_dialled_host(
    secure: Secure, gateway: MakeGateway, canary: Canary
) -> None:
    through = gateway(secure.url, record_for(secure, canary), ca_file=secure.ca_file)
    with pytest.raises(ssl.SSLError):
        through.through_proxy(secure.authority, server_name="evil.example")
    through.settle()
    assert "handshake_failed" in through.service.metrics.refusals
    assert secure.server.api_requests == []


def test_O10_connect_and_its_host_must_agree(secure: Secure, gateway: MakeGateway, canary: Canary) -> None:
    through = gateway(secure.url, record_for(secure, canary), ca_file=secure.ca_file)
    for extra in (b"Host: evil.example:443\r\n", b"Content-Length: 3\r\n\r\nabc"):
        told, caller = through.through_proxy(secure.authority, extra=extra)
        caller.socket.close()
        assert told.status in (400, 421)


def test_M13_the_certificate_of_the_upstream_is_checked_for_the_name_that_was_asked_for(
    secure: Secure, gateway: MakeGateway, canary: Canary
) -> None:
    through = gateway(secure.url, record_for(secure, canary))  # it does not trust the upstream's authority
    _, caller = through.through_proxy(secure.authority, server_name=secure.name)
    with caller:
        told = caller.ask(f"GET /api/orders HTTP/1.1\r\nHost: {secure.authority}\r\n\r\n".encode())
    assert (told.status, told.values("x-authrecord-error")) == (502, ["certificate_refused"])
    assert secure.server.api_requests == []


@pytest.mark.parametrize(
    "target", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "a@b:443", "http://x:1"]
)
def test_a_connect_to_what_is_no_authority_is_400(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, target: str
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url), unmatched=Unmatched.PASS)
    told, caller = through.through_proxy(target)
    caller.socket.close()
    assert told.status == 400


def test_a_plain_origin_may_be_reached_by_connect_as_browsers_do_for_websockets(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    record = bearer(api.url)
    through = gateway(api.url, record)
    told, caller = through.through_proxy(api.host)
    with caller:
        assert told.status == 200
        assert caller.ask(f"GET /ws HTTP/1.1\r\nHost: {api.host}\r\n\r\n".encode()).status == 200
    assert authorization(api.taken[0]) == [token_of(record)]


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "0.0.0.0",
        "[64:ff9b::a9fe:a9fe]",
    ],
)
def test_M12_addresses_of_metadata_services_are_never_dialled(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, address: str
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url), unmatched=Unmatched.PASS)
    told = through.ask(plain(through, f"http://{address}/latest/meta-data/"), port=through.forward_port)
    connected, caller = through.through_proxy(f"{address}:80")
    caller.socket.close()
    assert [one.values("x-authrecord-error") for one in (told, connected)] == [["address_refused"]] * 2


def test_M12_a_shared_gateway_dials_no_private_address_unless_it_is_told_to(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    closed = gateway(api.url, bearer(api.url), permits=permits_for(local=False))
    allowed = permits_for(local=False, allowed=("127.0.0.0/8",))
    opened = gateway(api.url, bearer(api.url, "other"), permits=allowed)
    assert closed.ask(plain(closed, api.url + "/"), port=closed.forward_port).status == 403
    assert opened.ask(plain(opened, api.url + "/"), port=opened.forward_port).status == 200


def test_M13_a_name_is_resolved_once_and_the_judged_address_is_dialled(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = upstream()
    port = int(api.host.rpartition(":")[2])
    url = f"http://rebinding.example:{port}"
    answers = ["127.0.0.1", "169.254.169.254"]
    asked: list[str] = []

    real = socket.getaddrinfo

    def resolve(host: str, *rest: Any, **options: Any) -> Any:
        if host != "rebinding.example":
            return real(host, *rest, **options)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[len(asked) - 1], port))]

    through = gateway(url, bearer(url))
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *a, **o: resolve(host) if host == "rebinding.example" else real(host, *a, **o),
    )
    first = through.ask(plain(through, url + "/", "Connection: close"), port=through.forward_port)
    through.service.pool.close()
    second = through.ask(plain(through, url + "/"), port=through.forward_port)
    assert (first.status, second.status) == (200, 403)
    assert asked == ["rebinding.example"] * 2
    assert len(api.taken) == 1


def test_an_api_token_opens_its_records_hosts_only(
    secure: Secure, upstream: Make, gateway: MakeGateway, canary: Canary
) -> None:
    good = canary("api token")

    class Store:
        def may_use(self, token: str, record: str) -> bool:
            return token == good and record == "orders"

    other = upstream()
    rules = [
        Rule(records=("orders",), origins=allowed_origins([secure.url]), path="/api/orders"),
        Rule(records=("admin",), origins=allowed_origins([secure.url])),
    ]
    records = [record_for(secure, canary), record_for(secure, canary, "admin")]
    through = gateway(
        secure.url, *records, rules=rules, tokens=Store(), ca_file=secure.ca_file, unmatched=Unmatched.PASS
    )
    own, through.password = through.password, good
    told, caller = through.through_proxy(secure.authority, server_name=secure.name)
    refused, elsewhere = through.through_proxy(other.host)
    through.password = own
    elsewhere.socket.close()
    assert (told.status, refused.status) == (200, 403)
    with caller:
        host = f" HTTP/1.1\r\nHost: {secure.authority}\r\n\r\n".encode()
        answers = [caller.ask(b"GET " + path + host) for path in (b"/api/orders", b"/api/admin")]
    assert [one.status for one in answers] == [200, 403]
