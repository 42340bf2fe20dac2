"""Real tools through each way in, while tokens die every two seconds: none of them sees an expired answer."""

from __future__ import annotations

import os
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authrecord.core.secret import Secret
from authrecord.gateway.child import child_environment
from authrecord.gateway.listening import Listen
from authrecord.grants.settings import Credentials, TokenExchange
from authrecord.record import OAuth2, Record
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.gateway.stage import Gateway
from tests.gateway.tools import TOOLS, Job, Tool
from tests.real.availability import chromium, missing_browser, require

MakeGateway = Callable[..., Gateway]
LIFE = 2.0
CELLS = [(name, way) for name, tool in TOOLS.items() for way in tool.ways]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Scene:
    """An API whose tokens die every two seconds, over HTTP or HTTPS, behind a gateway."""

    def __init__(self, gateway: MakeGateway, canary: Canary, folder: Path, *, tls: bool) -> None:
        self.folder = folder
        self.canary = canary
        ca = trustme.CA()
        ca.cert_pem.write_to_path(folder / "upstream-ca.pem")
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ca.issue_cert("localhost").configure_cert(context)
        self.provider = HonestServer(token_life=LIFE, make_secret=canary.make)
        self.api = HonestServer(tls=context, make_secret=canary.make)
        self.api._state = self.provider._state  # one memory: the API knows the provider's tokens
        self.provider.start()
        self.api.start()
        self.url = f"https://localhost:{self.api.url.rpartition(':')[2]}" if tls else self.api.url
        client = self.provider.register_client("client_credentials")
        record = Record(
            name="orders",
            allowed_origins=(self.url,),
            auth=OAuth2(
                grant="client_credentials",
                credentials=Credentials(client_id=client.client_id, client_secret=Secret(client.secret)),
                token_exchange=TokenExchange(url=self.provider.token_url),
            ),
        )
        self.through = gateway(self.url, record, ca_file=str(folder / "upstream-ca.pem"))

    def close(self) -> None:
        self.through.leave_upstreams()
        self.api.stop()
        self.provider.stop()

    def environment(self, way: str) -> dict[str, str]:
        """What the tool finds in its environment."""
        home = self.folder / "home"
        home.mkdir()
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        plain = {**kept, "HOME": str(home)}
        if way == "reverse":
            return {**plain, "TOKEN": self.through.password}
        files = self.folder / "files"
        files.mkdir()
        return child_environment(
            plain,
            proxy=Listen("127.0.0.1", self.through.forward_port),
            password=Secret(self.through.password),
            authority=self.through.authority,
            folder=files,
        )

    def check(self, *, least: int, others: frozenset[int]) -> None:
        """Everything went well although several tokens have died."""
        self.through.settle()
        metrics = self.through.service.metrics
        assert metrics.expired_passed == 0
        assert set(metrics.by_status) - others == {200}
        assert metrics.by_status[200] >= least
        assert self.provider.counters.api_ok >= least
        assert self.provider.counters.token_requests >= 2


@pytest.fixture
def scene(gateway: MakeGateway, canary: Canary, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(*, tls: bool) -> Scene:
        made.append(Scene(gateway, canary, tmp_path, tls=tls))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(("name", "way"), CELLS, ids=[f"{name}-{way}" for name, way in CELLS])
def test_a_real_tool_is_logged_in_for_as_long_as_it_runs(
    scene: Callable[..., Scene], canary: Canary, tmp_path: Path, name: str, way: str
) -> None:
    tool: Tool = TOOLS[name]
    require(tool.missing())
    stage = scene(tls=way == "https")
    folder = tmp_path / "tool"
    folder.mkdir()
    reverse = way == "reverse"
    base = f"http://127.0.0.1:{stage.through.port}" if reverse else stage.url
    token = stage.through.password if reverse else ""
    if reverse:  # the tool's own way to be told a header: its arguments, or its files
        canary.allow(token, sink="argv")
        for file in ("collection.json", *(f"r{number}.bru" for number in range(20))):
            canary.allow(token, sink=f"file:{file}")
    done = subprocess.run(
        tool.command(Job(f"{base}/api/orders", token, folder)),
        cwd=folder,
        env=stage.environment(way),
        capture_output=True,
        timeout=240,
        check=False,
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace").replace(stage.through.password, "PASSWORD")
    assert done.returncode == 0, said[-3000:]
    stage.check(least=5, others=tool.others)


@pytest.mark.browser
@pytest.mark.parametrize("way", ["reverse", "forward", "https"])
def test_a_headless_browser_is_logged_in_for_as_long_as_it_runs(
    scene: Callable[..., Scene], way: str
) -> None:
    require(missing_browser())
    from playwright.sync_api import sync_playwright

    stage = scene(tls=way == "https")
    key = stage.through.authority.certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key)
    # What `authrecord ca trust` does for a person, said to this one browser.
    arguments = [f"--ignore-certificate-errors-spki-list={b64encode(digest.finalize()).decode()}"]
    proxy: Any = None
    url = stage.url
    if way == "reverse":
        url = f"http://127.0.0.1:{stage.through.port}"
    else:
        proxy = {
            "server": f"http://127.0.0.1:{stage.through.forward_port}",
            "username": "any",
            "password": stage.through.password,
            "bypass": "<-loopback>",
        }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), proxy=proxy, args=arguments, chromium_sandbox=False
        )
        try:
            credentials: Any = {"username": "any", "password": stage.through.password}
            context = browser.new_context(http_credentials=credentials if way == "reverse" else None)
            page = context.new_page()
            for number in range(8):
                answer = page.goto(f"{url}/api/orders?n={number}")
                assert answer is not None
                assert (answer.status, answer.json()) == (200, {"ok": True})
                page.wait_for_timeout(600)
        finally:
            browser.close()
    stage.through.settle()
    metrics = stage.through.service.metrics
    assert metrics.expired_passed == 0
    assert metrics.by_status[200] >= 8
    # A browser asks first without its password, and for an icon that the API has not.
    assert set(metrics.by_status) <= {200, 401, 404, 407}
