"""The headers of a record for proxies that already stand there: each asks in its own way."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from authrecord.core.secret import Secret
from authrecord.grants.settings import Credentials, TokenExchange
from authrecord.record import OAuth2, Record
from authrecord.schemes.api_key import ApiKey
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.docs.markdown import ROOT
from tests.gateway.conftest import token_of
from tests.gateway.stage import Gateway, Told
from tests.real.availability import require

MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]
API = "https://api.example.com"


def ask(
    through: Gateway, target: str, *lines: str, method: str = "GET", body: bytes = b"", proof: bool = True
) -> Told:
    head = [
        f"{method} {target} HTTP/1.1",
        f"Host: 127.0.0.1:{through.authorize_port}",
        *(["$"] if proof else []),
        *lines,
    ]
    return through.ask("\r\n".join(head).encode() + b"\r\n\r\n" + body, port=through.authorize_port)


def test_a_record_gives_its_headers_for_an_origin_that_it_allows(
    gateway: MakeGateway, bearer: MakeRecord
) -> None:
    record = bearer(API)
    through = gateway(API, record)
    told = ask(through, f"/authorize/orders?origin={API}")
    assert (told.status, told.body, told.values("authorization")) == (200, b"", [token_of(record)])
    assert told.values("cache-control") == ["no-store"]


# As Envoy's ext_authz asks (the path of the request behind the prefix, its method, no body), as Traefik's
# ForwardAuth does (its client's headers and X-Forwarded-…), as Caddy's forward_auth does (X-Forwarded-…).
KINDS = {
    "envoy": (
        "/authorize/orders/api/orders?a=b",
        ("X-Authrecord-Origin: " + API, "Content-Length: 0"),
        "POST",
    ),
    "traefik": (
        f"/authorize/orders?origin={API}",
        (
            "X-Forwarded-Method: POST",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: evil.example",
            "X-Forwarded-Uri: /authorize/other",
            "X-Forwarded-For: 10.0.0.1",
            "Authorization: Bearer of-the-client",
            "Accept-Encoding: gzip",
        ),
        "GET",
    ),
    "caddy": (
        f"/authorize/orders?origin={API}",
        ("X-Forwarded-Uri: /x", "X-Forwarded-Method: PUT", "X-Forwarded-Host: x", "User-Agent: Go"),
        "GET",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_O8_each_proxy_gets_them_in_its_own_way_and_forwarded_fields_decide_nothing(
    gateway: MakeGateway, bearer: MakeRecord, kind: str
) -> None:
    record = bearer(API)
    through = gateway(API, record)
    target, lines, method = KINDS[kind]
    told = ask(through, target, *lines, method=method)
    assert (told.status, told.values("authorization")) == (200, [token_of(record)])


def test_a_body_is_read_over(gateway: MakeGateway, bearer: MakeRecord) -> None:
    through = gateway(API, bearer(API))
    told = ask(
        through, f"/authorize/orders?origin={API}", "Content-Length: 70000", method="POST", body=b"x" * 70_000
    )
    assert told.status == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/authorize/orders?origin=https://evil.example", 403),
        ("/authorize/orders?origin=http://api.example.com", 403),
        ("/authorize/orders", 400),
        (f"/authorize/orders?origin={API}&origin={API}", 400),
        (f"/authorize/nobody?origin={API}", 404),
        (f"/?origin={API}", 404),
    ],
)
def test_an_origin_that_the_record_does_not_allow_gets_nothing(
    gateway: MakeGateway, bearer: MakeRecord, target: str, status: int
) -> None:
    through = gateway(API, bearer(API))
    told = ask(through, target)
    assert (told.status, told.values("authorization")) == (status, [])


def test_O25_a_stranger_gets_nothing(gateway: MakeGateway, bearer: MakeRecord) -> None:
    through = gateway(API, bearer(API))
    assert ask(through, f"/authorize/orders?origin={API}", proof=False).status == 401


@pytest.mark.parametrize("place", ["query", "cookie"])
def test_a_credential_for_query_or_cookie_comes_in_a_header_of_its_own(
    gateway: MakeGateway, canary: Canary, place: str
) -> None:
    key = canary("api key")
    record = Record(
        name="orders", allowed_origins=(API,), auth=ApiKey(key="k", value=Secret(key), send_in=place)
    )
    told = ask(gateway(API, record), f"/authorize/orders?origin={API}")
    name = "x-authrecord-query" if place == "query" else "cookie"
    assert told.values(name) == [f"k={key}"]


def oauth(provider: HonestServer, *origins: str) -> Record:
    client = provider.register_client("client_credentials")
    return Record(
        name="orders",
        allowed_origins=(provider.url, *origins),
        auth=OAuth2(
            grant="client_credentials",
            credentials=Credentials(client_id=client.client_id, client_secret=Secret(client.secret)),
            token_exchange=TokenExchange(url=provider.token_url),
        ),
    )


def test_G13_what_was_refused_is_renewed_once_and_fifty_complaints_cost_no_fifty_renewals(
    gateway: MakeGateway, canary: Canary
) -> None:
    with HonestServer(make_secret=canary.make) as provider:
        through = gateway(API, oauth(provider, API))
        target = f"/authorize/orders?origin={API}"
        first = ask(through, target)
        mark = first.values("x-authrecord-mark")[0]
        second = ask(through, target, f"X-Authrecord-Refused: {mark}")
        assert second.values("authorization") != first.values("authorization")
        again = ask(through, target, f"X-Authrecord-Refused: {mark}")
        assert again.values("authorization") == second.values("authorization")
        for _ in range(50):
            newest = ask(through, target).values("x-authrecord-mark")[0]
            ask(through, target, f"X-Authrecord-Refused: {newest}")
        assert provider.counters.token_requests <= 25


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Starts the real nginx with the `server` block of a page of ours, and gives its port."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    require("" if program else "nginx is not here: install the Debian package nginx-light.")
    assert program is not None
    started: list[subprocess.Popen[bytes]] = []

    def start(server: str) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        server = server.replace("listen 80;", f"listen 127.0.0.1:{port};")
        user = "user root;" if os.geteuid() == 0 else ""
        paths = "".join(
            f"{name}_temp_path {tmp_path}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = (
            f"{user} daemon off; worker_processes 1; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\n"
            f"events {{ }}\nhttp {{ access_log off; {paths}\n{server}\n}}\n"
        )
        configuration = tmp_path / "nginx.conf"
        configuration.write_text(text)
        started.append(subprocess.Popen([program, "-c", str(configuration), "-p", str(tmp_path)]))
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                assert started[0].poll() is None, (tmp_path / "error.log").read_text()
                time.sleep(0.05)
            else:
                break
        return port

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


def example_of(page: str, language: str) -> str:
    """The block of a language on a page of ours."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return text.partition(f"```{language}\n")[2].partition("\n```")[0]


@pytest.mark.nginx
def test_nginx_gets_the_headers_by_auth_request_and_asks_again_when_they_were_refused(
    gateway: MakeGateway, canary: Canary, nginx: Callable[[str], int], tmp_path: Path
) -> None:
    """The example of docs/gateway.md, as it stands there."""
    with HonestServer(make_secret=canary.make) as provider:
        through = gateway(API, oauth(provider))
        canary.allow(through.password, sink="file:nginx.conf")
        server = (
            example_of("gateway.md", "nginx")
            .replace("127.0.0.1:9080", f"127.0.0.1:{through.authorize_port}")
            .replace("https://api.example.com", provider.url)
            .replace("PASSWORD", through.password)
        )
        port = nginx(server)

        def get() -> Told:
            return through.ask(
                b"GET /api/orders HTTP/1.1\r\nHost: x\r\nAuthorization: own\r\n\r\n", port=port
            )

        assert [get().status for _ in range(3)] == [200] * 3
        provider.expire_all()
        told = get()
        assert (told.status, told.body) == (200, b'{"ok": true}')
        assert provider.counters.token_requests == 2
