"""The forward proxy of the Envoy engine: HTTPS to a record's host is opened, everything else is not looked into."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from authrecord.core.origin import allowed_origins
from authrecord.gateway.listening import Listen
from authrecord.gateway.rules import Rule, Rules, Unmatched
from authrecord.record import Record
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.gateway.conftest import authorization, token_of
from tests.gateway.envoy.stage import EnvoyGateway, Make, client_record, request_for
from tests.gateway.envoy.test_engine import until
from tests.gateway.stage import Caller, Loop, Told, Upstream

ANYWHERE = Listen("127.0.0.1", 0)
PATTERN = "token (has )?expired"
MakeUpstream = Callable[..., Upstream]


@pytest.fixture
def api(canary: Canary, tmp_path: Path) -> Iterator[HonestServer]:
    """A provider and API under TLS, with a certificate of an authority in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    with HonestServer(tls=context, make_secret=canary.make) as server:
        yield server


@pytest.fixture
def proxy(envoy: Make, canary: Canary, tmp_path: Path) -> Callable[..., EnvoyGateway]:
    """Makes forward proxies before an API under TLS whose tokens come from it too."""

    def make(server: HonestServer, *, unmatched: Unmatched = Unmatched.REFUSE) -> EnvoyGateway:
        named = server.url.replace("127.0.0.1", "localhost")
        record = client_record(server, named, server.url, pattern=PATTERN)
        rules = Rules([Rule(records=("orders",), origins=allowed_origins([named]))], unmatched=unmatched)
        settings = {"listen": None, "proxy": ANYWHERE, "hosts": ("localhost",)}
        return envoy(named, record, rules=rules, ca_file=str(tmp_path / "ca.pem"), **settings)

    return make


def place_of(server: HonestServer, host: str = "localhost") -> str:
    """What `CONNECT` says of an API."""
    return f"{host}:{server.url.rpartition(':')[2]}"


def get(caller: Caller, host: str, target: str = "/api/orders") -> Told:
    """A GET inside of a tunnel."""
    return caller.ask(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())


def test_O10_https_to_the_host_of_a_record_is_opened_and_gets_the_credential(
    api: HonestServer, proxy: Callable[..., EnvoyGateway]
) -> None:
    through, place = proxy(api), place_of(api)
    with through.open(place, "localhost") as caller:
        for how in ("401", "200_body"):
            api.expired_answer = how
            api.expire_all()
            told = get(caller, place)
            assert (told.status, told.body) == (200, b'{"ok": true}')
            assert told.values("x-authrecord-outcome") == ["renewed-and-replayed"]
        assert get(caller, "evil.example").status == 421
        assert get(caller, "127.0.0.1").status == 421
    assert api.counters.token_requests == 3
    names = {name.lower() for request in api.api_requests for name, _ in request.headers}
    assert not names & {"proxy-authorization", "x-authrecord-token"}


def test_O10_a_server_name_other_than_the_host_of_connect_ends_the_handshake(
    api: HonestServer, proxy: Callable[..., EnvoyGateway]
) -> None:
    through, place = proxy(api), place_of(api)
    careless = ssl.create_default_context()
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    for name in ("other.example", "localhost.evil.example", "local"):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            through.open(place, name, careless).socket.close()
    with through.open(place, None) as caller:
        assert get(caller, place).status == 200


def test_a_host_of_no_rule_is_refused_or_passes_as_a_tunnel_that_nobody_looks_into(
    api: HonestServer, proxy: Callable[..., EnvoyGateway], tmp_path: Path
) -> None:
    other = place_of(api, "127.0.0.1")
    told, caller = proxy(api).tunnel(other)
    with caller:
        assert told.status == 403
    through = proxy(api, unmatched=Unmatched.PASS)
    theirs = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with through.open(other, "127.0.0.1", theirs) as caller:
        # `Host` of the record inside of a tunnel to another: no credential.
        assert get(caller, place_of(api)).status == 401
    with through.open(place_of(api), "localhost") as caller:
        assert get(caller, place_of(api)).status == 200


def test_O2_O25_M12_the_proxy_asks_who_is_calling_and_dials_no_service_of_clouds(
    api: HonestServer, proxy: Callable[..., EnvoyGateway]
) -> None:
    through = proxy(api, unmatched=Unmatched.PASS)

    def status(target: str, *proof: str) -> int:
        told, caller = through.tunnel(target, *proof)
        caller.socket.close()
        return told.status

    for target in (place_of(api), place_of(api, "127.0.0.1")):
        assert status(target, "Proxy-Authorization: Basic eDp5") == 407
    hosts = ("169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]")
    assert [status(f"{host}:80") for host in hosts] == [403] * len(hosts)
    assert api.api_requests == []


def test_plain_http_and_connect_to_it_get_the_credential_too(
    upstream: MakeUpstream, envoy: Make, bearer: Callable[..., Record]
) -> None:
    first, other = upstream(), upstream()
    record = bearer(first.url)
    rules = Rules([Rule(records=("orders",), origins=allowed_origins([first.url]))], unmatched=Unmatched.PASS)
    through = envoy(first.url, record, rules=rules, listen=None, proxy=ANYWHERE)
    told, caller = through.tunnel(first.host)
    with caller:
        assert told.status == 200
        assert get(caller, first.host, "/a%20b?x=%26").status == 200
        assert get(caller, other.host).status == 421
    for api in (first, other):
        with Caller(through.engine.ports["forward"], caller._password) as plain:
            assert plain.ask(request_for("GET", f"{api.url}/b")).status == 200
    assert [taken.line for taken in first.taken] == [b"GET /a%20b?x=%26 HTTP/1.1", b"GET /b HTTP/1.1"]
    assert [authorization(taken) for taken in first.taken] == [[token_of(record)]] * 2
    assert [authorization(taken) for taken in other.taken] == [[]]
    assert all(b"authorization: basic" not in taken.head.lower() for taken in (*first.taken, *other.taken))


def test_K14_certificates_are_renewed_while_envoy_runs_and_their_keys_stand_on_no_disk(
    api: HonestServer, proxy: Callable[..., EnvoyGateway], loop: Loop
) -> None:
    through, place = proxy(api), place_of(api)

    def serial() -> object:
        with through.open(place, "localhost") as caller:
            assert isinstance(caller.socket, ssl.SSLSocket)
            shown = caller.socket.getpeercert()
            assert shown is not None
            return shown["serialNumber"]

    first = serial()

    async def renew() -> None:
        through.engine.hub.board.renew_leaves()

    loop.run(renew())
    until(lambda: serial() != first)
    written = "".join(path.read_text() for path in through.engine.files.folder.glob("*.json"))
    assert f"inside@https://{place}" in written
    assert "PRIVATE KEY" not in written
