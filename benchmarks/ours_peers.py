"""authrecord and bare clients as rows of the harness's herd and long run.

`Records` with a store in memory, and a client attached to one of them: what a user of the library writes. In the
scenario `refresh` the record is an authorization code login, so that no other grant can hide a lost login.
The bare rows carry one token in a static header and know nothing of expiry: they show what the HTTP client alone
costs.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import peers

from authrecord import ApiKey, Credentials, OAuth2, Record, Secret, Token, TokenExchange
from authrecord.wiring import Records, Settings, make_keeper, memory_store

THREADS = 64


def records(auth: OAuth2 | ApiKey, origin: str) -> tuple[Records, Record]:
    """One record, with a keeper of its own whose tokens live in memory."""
    record = Record(name="bench", allowed_origins=(origin,), auth=auth)
    keeper = make_keeper(Settings.read({}), base=Path(), store=memory_store())
    return Records({record.name: record}, keeper), record


def oauth2(token_url: str, scenario: str = "cc") -> OAuth2:
    grant = "client_credentials" if scenario == "cc" else "authorization_code"
    return OAuth2(
        grant=grant,
        credentials=Credentials(client_id="c", client_secret=Secret("s")),
        token_exchange=TokenExchange(url=token_url),
    )


class Ours:
    """What the rows share. `client()` makes the bare client."""

    LAZY = True
    SCEN = ("cc", "refresh")
    CAN_LEEWAY = False
    HARD_LEEWAY = 0.0

    base: str
    token_url: str
    scenario: str
    seed: dict[str, Any] | None

    def attached(self, client: Any) -> Any:
        self.records, record = records(oauth2(self.token_url, self.scenario), self.base)
        if self.seed is not None:
            expired = Token(
                access_token=Secret(self.seed["access_token"]),
                refresh_token=Secret(self.seed["refresh_token"]),
                obtained_at=time.time() - 3700,
                obtained_monotonic=time.monotonic() - 3700,
                life=3600.0,
                issued_by=self.token_url,
            )
            self.records.keeper.adopt(record, expired)
        return self.records.attach(client, "bench")


class Bare:
    """What the bare rows share."""

    LAZY = True
    SCEN = ("cc",)
    CAN_LEEWAY = False
    HARD_LEEWAY = 0.0

    base: str
    realm: str

    def attached(self, client: Any) -> Any:
        issued = peers.admin(self.base, self.realm, "issue", {})
        client.headers["Authorization"] = "Bearer " + issued["access_token"]
        return client


class Httpx(peers.Base):
    """A `Client` of httpx2 or httpx."""

    library = "httpx2"

    def setup(self) -> None:
        module = __import__(self.library)
        self.client = self.attached(module.Client(timeout=peers.TIMEOUT, trust_env=False))

    def get(self, path: str) -> int:
        return int(self.client.get(self.url(path)).status_code)

    def close(self) -> None:
        self.client.close()


class AsyncHttpx(peers.Async):
    """An `AsyncClient` of httpx2 or httpx."""

    library = "httpx2"

    async def asetup(self) -> None:
        module = __import__(self.library)
        self.client = self.attached(module.AsyncClient(timeout=peers.TIMEOUT, trust_env=False))

    async def get(self, path: str) -> int:
        return int((await self.client.get(self.url(path))).status_code)

    async def aclose(self) -> None:
        await self.client.aclose()


class Requests(peers.Base):
    """A `requests.Session` with a connection for each thread, as the harness gives its peers."""

    def setup(self) -> None:
        import requests

        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=THREADS))
        self.session = self.attached(self.session)

    def get(self, path: str) -> int:
        return int(self.session.get(self.url(path), timeout=peers.TIMEOUT).status_code)


class Aiohttp(peers.Async):
    """An `aiohttp.ClientSession`."""

    async def asetup(self) -> None:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=peers.TIMEOUT)
        self.session = self.attached(aiohttp.ClientSession(timeout=timeout))

    async def get(self, path: str) -> int:
        async with self.session.get(self.url(path)) as response:
            await response.read()
            return int(response.status)

    async def aclose(self) -> None:
        await self.session.close()


for prefix, part in (("authrecord", Ours), ("bare", Bare)):
    for name, face, settings in (
        ("httpx2", Httpx, {"library": "httpx2"}),
        ("httpx2[async]", AsyncHttpx, {"library": "httpx2"}),
        ("httpx", Httpx, {"library": "httpx"}),
        ("httpx[async]", AsyncHttpx, {"library": "httpx"}),
        ("requests", Requests, {}),
        ("aiohttp[async]", Aiohttp, {}),
    ):
        peers.peer(f"{prefix} {name}")(type(f"{prefix}_{face.__name__}", (part, face), dict(settings)))
