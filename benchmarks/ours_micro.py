"""authrecord as rows of the harness's `micro`: whole requests without a network, a live credential in memory.

The credentials are real ones: an OAuth 2.0 record whose token lives for hours, and an API key record. So each
request pays for the check of the token's deadlines and of its destination. aiohttp has a family of its own here,
with a stub of the connection in place of the harness's stub of the last middleware: a stub that answers before
the request is written would hide the work that happens while its head is being written.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import micro

from authrecord import ApiKey, Credentials, OAuth2, Record, Secret, Token, TokenExchange
from authrecord.wiring import Records, Settings, make_keeper, memory_store

SYNTHETIC = "x" * 40
ORIGIN = "https://api.test"
SYNC = ("httpx2-sync", "httpx-sync", "requests-sync")
AIOHTTP = "aiohttp-connection-async"

HEADER = "authrecord OAuth 2.0, header"
QUERY = "authrecord API key, query"


def auths() -> dict[str, OAuth2 | ApiKey]:
    oauth2 = OAuth2(
        grant="client_credentials",
        credentials=Credentials(client_id="c", client_secret=Secret("s")),
        token_exchange=TokenExchange(url=micro.TOKEN_URL),
    )
    return {
        HEADER: oauth2,
        "authrecord API key, header": ApiKey(key="X-API-Key", value=Secret(SYNTHETIC), send_in="header"),
        QUERY: ApiKey(key="api_key", value=Secret(SYNTHETIC), send_in="query"),
    }


def attached(client: Any, auth: OAuth2 | ApiKey) -> Any:
    """`client`, attached to a record of its own; an OAuth 2.0 record has a token that lives ten hours."""
    record = Record(name="bench", allowed_origins=(ORIGIN,), auth=auth)
    keeper = make_keeper(Settings.read({}), base=Path(), store=memory_store())
    records = Records({record.name: record}, keeper)
    if isinstance(auth, OAuth2):
        token = Token(
            access_token=Secret(SYNTHETIC),
            obtained_at=time.time(),
            obtained_monotonic=time.monotonic(),
            life=36_000.0,
        )
        records.keeper.adopt(record, token)
    return records.attach(client, "bench")


def register_httpx(name: str) -> None:
    module = __import__(name)

    def factory(auth: OAuth2 | ApiKey) -> Callable[[], Any]:
        client = attached(module.Client(transport=micro._mk(module)), auth)
        return lambda: client.get(micro.URL)

    def async_factory(auth: OAuth2 | ApiKey) -> Callable[[], Awaitable[Any]]:
        client = attached(module.AsyncClient(transport=micro._mk(module)), auth)

        async def one() -> None:
            await client.get(micro.URL)

        return one

    for row, auth in auths().items():
        micro.register(row, f"{name}-sync")(lambda auth=auth: factory(auth))
        micro.register(row, f"{name}-async")(lambda auth=auth: async_factory(auth))


def register_requests() -> None:
    import requests

    class Stub(requests.adapters.BaseAdapter):
        """The same answer as the harness's stub. It takes what requests' own adapter takes, in its order."""

        def send(
            self,
            request: Any,
            stream: bool = False,
            timeout: Any = None,
            verify: Any = True,
            cert: Any = None,
            proxies: Any = None,
        ) -> Any:
            response = requests.Response()
            response.status_code = 200
            response.request = request
            response.url = request.url
            response.headers["content-type"] = "application/json"
            response._content = micro.API_BODY
            return response

        def close(self) -> None:
            return

    def factory(auth: OAuth2 | ApiKey) -> Callable[[], Any]:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", Stub())
        session = attached(session, auth)
        return lambda: session.get(micro.URL)

    for row, auth in auths().items():
        micro.register(row, "requests-sync")(lambda auth=auth: factory(auth))


def aiohttp_session_class() -> Callable[..., Any]:
    """Makes sessions whose connection drops what is written and answers at once."""
    import aiohttp
    from multidict import CIMultiDict, CIMultiDictProxy

    headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json"}))

    class Transport:
        def write(self, data: bytes) -> None:
            return

        def writelines(self, data: Any) -> None:
            return

        def is_closing(self) -> bool:
            return False

    class Protocol:
        writing_paused = False
        transport = Transport()
        connected = True

        def start_timeout(self) -> None:
            return

        def set_response_params(self, **options: Any) -> None:
            return

    class Connection:
        protocol = Protocol()
        transport = protocol.transport

        def close(self) -> None:
            return

    class Connector(aiohttp.BaseConnector):
        async def connect(self, req: Any, **_: Any) -> Any:
            connection = Connection()
            connection._connector = self
            return connection

    class Response(aiohttp.ClientResponse):
        async def start(self, connection: Any) -> Any:
            self.status, self.reason = 200, "OK"
            self._headers, self._raw_headers = headers, ()
            self._body = micro.API_BODY
            return self

    def session(**options: Any) -> Any:
        return aiohttp.ClientSession(connector=Connector(), response_class=Response, **options)

    return session


def register_aiohttp() -> None:
    make = aiohttp_session_class()

    def factory(prepare: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
        kept: list[Any] = []

        async def one() -> None:
            if not kept:
                kept.append(prepare())
            await (await kept[0].get(micro.URL)).read()

        async def close() -> None:
            for session in kept:
                await session.close()

        one.close = close  # type: ignore[attr-defined]  # the harness closes what has it
        return one

    async def passing(request: Any, handler: Any) -> Any:
        return await handler(request)

    async def minimal(request: Any, handler: Any) -> Any:
        request.headers["Authorization"] = "Bearer " + SYNTHETIC
        return await handler(request)

    def oauth2_client() -> Any:
        from aiohttp_oauth2_client.grant.client_credentials import ClientCredentialsGrant
        from aiohttp_oauth2_client.middleware import OAuth2Middleware

        token = {**micro.TOKEN, "expires_at": int(time.time()) + 36000}
        return make(
            middlewares=[OAuth2Middleware(ClientCredentialsGrant(micro.TOKEN_URL, "c", "s", token=token))]
        )

    static = {"Authorization": "Bearer " + SYNTHETIC}
    micro.register("none", AIOHTTP)(lambda: factory(make))
    micro.register("static client header", AIOHTTP)(lambda: factory(lambda: make(headers=static)))
    micro.register("empty middleware", AIOHTTP)(lambda: factory(lambda: make(middlewares=[passing])))
    micro.register("minimal middleware", AIOHTTP)(lambda: factory(lambda: make(middlewares=[minimal])))
    micro.register("aiohttp-oauth2-client cc", AIOHTTP)(lambda: factory(oauth2_client))
    for row, auth in auths().items():
        micro.register(row, AIOHTTP)(lambda auth=auth: factory(lambda: attached(make(), auth)))


def register() -> None:
    """All rows of ours. Call it behind `micro.build()`."""
    register_httpx("httpx2")
    register_httpx("httpx")
    register_requests()
    register_aiohttp()
