"""A gateway that other machines reach: TLS and API tokens, asked by a real curl; rows O19, O25, N8, M12, M13."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from authrecord.core.secret import Secret
from authrecord.gateway.envoy.binary import find_envoy
from authrecord.stores.sql.api_tokens import GATEWAY_USE, ApiTokens
from authrecord.stores.sql.store import SqlStore
from authrecord.testing import HonestServer
from authrecord.wiring import Settings, find_source, open_store
from tests.cli.desk import Desk, Shop
from tests.cli.test_envoy import ports
from tests.cli.test_gateway import begun, end, until
from tests.real.availability import require

EVERYWHERE = "0.0.0.0:0"
ALLOWED = ("--allow-network", "127.0.0.0/8")


@dataclass
class Site:
    """A certificate for `localhost`, and the store whose tokens open the gateway."""

    desk: Desk
    shop: Shop
    authority: Path
    certificate: Path
    key: Path
    store: SqlStore

    def issue(self, *scopes: str, records: list[str] | None = None) -> tuple[str, str]:
        """A new API token: its identity and its text."""
        tokens = ApiTokens(self.store.backend)
        token, text = tokens.issue(
            tenant=self.store.tenant,
            label="test",
            scopes=scopes or (GATEWAY_USE,),
            records=records,
            days=1,
            created_by="test",
        )
        return token.identity, self.shop.canary.watch(text.reveal(), "api_token")

    def revoke(self, identity: str) -> None:
        """The token is revoked, as the page does it."""
        assert ApiTokens(self.store.backend).revoke(identity, tenant=self.store.tenant)

    @property
    def tls(self) -> tuple[str, ...]:
        """The options of a gateway with this certificate."""
        files = ("--tls-certificate", str(self.certificate), "--tls-key", str(self.key))
        return (*files, "--host", "localhost")

    def curl(
        self, url: str, *options: str, lines: tuple[str, ...] = (), read_as: str = "--header"
    ) -> tuple[int, str]:
        """Status and body. `lines`: headers, handed over where no other process reads them."""
        words = ["curl", "--silent", "--max-time", "20", "--cacert", str(self.authority), read_as, "@-"]
        ended = subprocess.run(
            [*words, "--write-out", "\n%{http_code}", *options, url],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            env=self.desk.environment({"NO_PROXY": "", "HTTP_PROXY": "", "HTTPS_PROXY": ""}),
            check=False,
        )
        body, _, status = ended.stdout.rpartition("\n")
        return int(status), body


def bearer(text: str) -> tuple[str, ...]:
    return (f"Authorization: Bearer {text}",)


@pytest.fixture
def site(desk: Desk, shop: Shop, tmp_path: Path) -> Iterator[Site]:
    require("" if shutil.which("curl") else "curl is not installed.")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    trusted, chain, key = (tmp_path / name for name in ("authority.pem", "chain.pem", "key.pem"))
    authority.cert_pem.write_to_path(trusted)
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    settings = Settings.read()
    store = open_store(settings, find_source(settings, start=Path.cwd()).store)
    yield Site(desk, shop, trusted, chain, key, store)
    store.close()


def port_of(said: dict[str, dict[str, str]], way: str = "reverse") -> str:
    return said["listens"][way].rpartition(":")[2]


def test_O19_O25_beyond_this_machine_api_tokens_open_their_records_and_the_password_opens_nothing(
    site: Site,
) -> None:
    site.shop.document(site.shop.record(), site.shop.record("second"))
    site.desk.write(
        "rules:\n  - {records: [orders], path: /api}\n  - {records: [second]}\n",
        "rules.yaml",
    )
    password = site.shop.canary("gateway password")
    site.desk.set("AUTHRECORD_GATEWAY_PASSWORD", password)
    identity, good = site.issue(records=["orders"])
    _, useless = site.issue("records:read")
    process, said = begun(
        site.desk, "--rules", "rules.yaml", "--upstream", site.shop.server.url, "--listen", EVERYWHERE,
        "--bare-listen", EVERYWHERE, *site.tls, *ALLOWED,
    )  # fmt: skip
    assert said["password"] is None
    url = f"https://localhost:{port_of(said)}"
    assert site.curl(f"{url}/api/orders", lines=bearer(good)) == (200, '{"ok": true}')
    assert site.curl(f"{url}/echo", lines=bearer(good))[0] == 403
    assert site.curl(f"{url}/api/orders", lines=bearer(useless))[0] == 403
    assert site.curl(f"{url}/api/orders", lines=bearer(password))[0] == 403
    assert site.curl(f"{url}/api/orders")[0] == 401
    assert site.curl(f"http://localhost:{port_of(said)}/api/orders", lines=bearer(good))[0] == 0
    bare = f"https://localhost:{port_of(said, 'bare')}/api/orders"
    assert site.curl(bare, lines=bearer(good))[0] == 401  # by the API: a request without a credential
    assert site.curl(bare, lines=bearer(useless))[0] == 403
    site.revoke(identity)
    began = time.monotonic()
    while site.curl(f"{url}/api/orders", lines=bearer(good))[0] == 200:
        assert time.monotonic() - began < 30, "a revoked token goes on"
    end(process)


def test_a_forward_proxy_and_the_endpoint_for_other_proxies_stand_under_tls_as_well(site: Site) -> None:
    """HTTPS through it is TLS inside of TLS: to the proxy, and to the host that it opens."""
    plain = site.shop.server.url
    with secure_api(site) as secure:
        site.desk.set("AUTHRECORD_CA_FILE", str(site.authority))
        site.shop.document(site.shop.record().replace(f'"{plain}"]', f'"{plain}", "{secure}"]'))
        _, good = site.issue(records=["orders"])
        process, said = begun(
            site.desk, "--record", "orders", "--proxy-listen", EVERYWHERE, "--authorize-listen", EVERYWHERE,
            *site.tls, *ALLOWED,
        )  # fmt: skip
        proof = (f"Proxy-Authorization: Bearer {good}",)
        opened = str(site.desk.home / "authrecord" / "data" / "gateway" / "ca.pem")
        place = f"https://localhost:{port_of(said, 'forward')}"
        proxy = ("--proxy", place, "--proxy-cacert", str(site.authority), "--noproxy", "")
        for url, options in ((plain, ()), (plain, ("--proxytunnel",)), (secure, ("--cacert", opened))):
            api = f"{url}/api/orders"
            told = site.curl(api, *proxy, *options, lines=proof, read_as="--proxy-header")
            assert told == (200, '{"ok": true}'), options
        assert site.curl(f"{plain}/api/orders", *proxy)[0] == 407
        authorize = f"https://localhost:{port_of(said, 'authorize')}/authorize/orders?origin={plain}"
        assert site.curl(authorize, lines=bearer(good))[0] == 200
        assert site.curl(authorize)[0] == 401
        end(process)


@contextmanager
def secure_api(site: Site) -> Iterator[str]:
    """The API over HTTPS as well, with the provider's memory."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.certificate, site.key)
    api = HonestServer(tls=context, make_secret=site.shop.canary.make)
    api._state = site.shop.server._state
    with api:
        yield f"https://localhost:{api.url.rpartition(':')[2]}"


def test_tokens_of_the_store_open_a_gateway_of_this_machine_beside_its_password(site: Site) -> None:
    from authrecord.record import Record
    from authrecord.schemes.bearer import Bearer

    token = site.shop.server.issue_token()
    auth = Bearer(token=Secret(token))
    site.store.create(Record(name="stored", allowed_origins=(site.shop.server.url,), auth=auth))
    _, good = site.issue(records=["stored"])
    (site.desk.folder / "authrecord.yaml").unlink()
    process, said = begun(site.desk, "--record", "stored", "--listen", "127.0.0.1:0")
    url = f"http://{said['listens']['reverse']}/api/orders"
    assert site.curl(url, lines=bearer(good)) == (200, '{"ok": true}')
    assert site.curl(url, lines=bearer(str(said["password"])))[0] == 200
    end(process)


@pytest.mark.parametrize(
    ("way", "field"),
    [
        ("--listen", "listen"),
        ("--proxy-listen", "proxy_listen"),
        ("--authorize-listen", "authorize_listen"),
    ],
)
def test_O25_M17_without_tls_or_tokens_nothing_listens_beyond_this_machine(
    site: Site, way: str, field: str
) -> None:
    without_tls = site.desk.spawn("gateway", "--record", "orders", way, EVERYWHERE)
    assert without_tls.code == 3
    assert "there is no TLS" in without_tls.err
    without_tokens = site.desk.spawn("gateway", "--record", "orders", way, EVERYWHERE, *site.tls)
    assert without_tokens.code == 3
    assert "no API token of the store has the scope gateway:use" in without_tokens.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tls-certificate", "chain.pem"), "both --tls-certificate and --tls-key"),
        (("--tls-certificate", "none.pem", "--tls-key", "none.pem"), "cannot be used"),
        (("--allow-network", "everything"), "cannot be read"),
        (("--engine", "envoy", "--allow-network", "everything"), "cannot be read"),
        (("--engine", "envoy", "--allow-network", "fd00::/20"), "cannot be told"),
    ],
)
def test_what_cannot_be_used_is_said(desk: Desk, shop: Shop, options: tuple[str, ...], words: str) -> None:
    ended = desk.spawn("gateway", "--record", "orders", "--listen", "127.0.0.1:0", *options)
    assert (ended.code, words in ended.err) == (3, True)


def test_M12_M13_a_shared_gateway_dials_no_private_address_unless_its_network_is_allowed(site: Site) -> None:
    """The name `localhost` is judged by what it resolves to, when it is dialled."""
    port = site.shop.server.url.rpartition(":")[2]
    by_name = f"http://localhost:{port}"
    site.shop.document(site.shop.record().replace(f'"{site.shop.server.url}"]', f'"{by_name}"]'))
    _, good = site.issue()
    statuses = []
    for options in ((), ALLOWED):
        process, said = begun(site.desk, "--record", "orders", "--listen", EVERYWHERE, *site.tls, *options)
        statuses.append(site.curl(f"https://localhost:{port_of(said)}/api/orders", lines=bearer(good)))
        end(process)
    assert [status for status, _ in statuses] == [403, 200]
    assert "address_refused" in statuses[0][1]


def test_O25_M12_the_envoy_engine_stands_beyond_this_machine_by_the_same_rules(site: Site) -> None:
    port = site.shop.server.url.rpartition(":")[2]
    by_name = f"http://localhost:{port}"
    site.shop.document(site.shop.record().replace(f'"{site.shop.server.url}"]', f'"{by_name}"]'))
    options = ("--engine", "envoy", "--record", "orders", "--listen", EVERYWHERE)
    assert "TLS and API tokens" in site.desk.spawn("gateway", *options).err
    _, good = site.issue()
    told = []
    for allowed in ((), ALLOWED):
        process, said = begun(site.desk, *options, *site.tls, *allowed)
        assert said["password"] is None
        url = f"https://localhost:{port_of(said)}/api/orders"
        assert site.curl(url, lines=bearer(good))[0] == 407
        told.append(site.curl(url, lines=(f"X-Authrecord-Token: {good}",)))
        end(process)
    (status, body), answered = told
    assert (status, "address_refused" in body) == (403, True)  # the name leads to a private address
    assert answered == (200, '{"ok": true}')


def test_M12_a_gateway_of_this_machine_can_be_told_to_dial_public_addresses_only(site: Site) -> None:
    password = site.shop.canary("gateway password")
    site.desk.set("AUTHRECORD_GATEWAY_PASSWORD", password)
    process, said = begun(site.desk, "--record", "orders", "--listen", "127.0.0.1:0", "--public-only")
    status, body = site.curl(f"http://{said['listens']['reverse']}/api/orders", lines=bearer(password))
    assert (status, "address_refused" in body) == (403, True)
    end(process)


def test_O19_N8_callers_of_envoys_of_ones_own_are_known_by_api_tokens(site: Site) -> None:
    site.shop.document()
    folder = site.desk.folder / "fleet"
    options = ("--record", "orders", "--folder", str(folder), "--api-tokens")
    assert "no API token of the store" in site.desk.spawn("envoy", "control", *options).err
    _, good = site.issue(records=["orders"])
    _, useless = site.issue(records=["other"])
    tls = site.tls[:4]
    listen = ("--upstream", site.shop.server.url, "--host", "localhost", "--listen", EVERYWHERE)
    said = site.desk.spawn("--json", "envoy", "config", *options, *listen, *tls, *ALLOWED)
    assert json.loads(said.out)["password"] is None
    control = site.desk.start("envoy", "control", *options)
    # One thread: each remembers callers for itself.
    words = ("--disable-hot-restart", "--concurrency", "1", "-l", "error")
    envoy = subprocess.Popen(
        [find_envoy(os.environ), "-c", folder / "bootstrap.json", *words], stderr=subprocess.DEVNULL
    )
    try:
        assert until(lambda: bool(ports(folder)))
        url = f"https://localhost:{ports(folder)[0]}/api/orders"
        lines = [(f"X-Authrecord-Token: {token}",) for token in (good, useless)]
        assert [site.curl(url, lines=one)[0] for one in (*lines, ())] == [200, 403, 407]
        end(control)
        assert site.curl(url, lines=lines[0])[0] == 200  # who was let in goes on for a minute
    finally:
        envoy.terminate()
        envoy.wait(30)
