"""Plugging in: `attach`, bare transports, mounts, base URLs, `outcome`, and rows E10 and G10 for what is special."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests

from authrecord.clients.attach import attach, base_url_of
from authrecord.clients.httpx2 import AsyncTransport, Transport
from authrecord.clients.outcome import outcome
from authrecord.clients.requests import Adapter
from authrecord.clients.streaming import streaming
from authrecord.core.errors import OriginRefused, RecordFault
from authrecord.core.replay import Reason
from tests.canary_watch import Canary

from .records import authenticator
from .server import Reply, Server


def test_a_bare_transport_authenticates(canary: Canary, own: Server) -> None:
    token = canary("token")
    with httpx2.Client(transport=Transport(authenticator(token, own.origin))) as client:
        assert client.get(own.origin + "/").status_code == 200
    assert own.arrived[0].values("authorization") == [f"Bearer {token}"]
    assert own.arrived[0].values("host") == [own.origin.removeprefix("http://")]


def test_mounts_and_proxies_of_a_client_are_wrapped_too(canary: Canary, own: Server, foreign: Server) -> None:
    token = canary("token")
    with attach(httpx2.Client(proxy=foreign.origin), authenticator(token, own.origin)) as client:
        client.get(own.origin + "/items")
    assert [each.target for each in foreign.arrived] == [own.origin + "/items"]
    assert foreign.arrived[0].values("authorization") == [f"Bearer {token}"]


def test_two_records_on_one_client_each_keep_to_their_own_origins(
    canary: Canary, own: Server, foreign: Server
) -> None:
    first, second = canary("first"), canary("second")
    with requests.Session() as session:
        attach(attach(session, authenticator(first, own.origin)), authenticator(second, foreign.origin))
        session.get(own.origin)
        session.get(foreign.origin)
    assert own.arrived[0].values("authorization") == [f"Bearer {first}"]
    assert foreign.arrived[0].values("authorization") == [f"Bearer {second}"]


def test_an_adapter_mounted_by_hand_authenticates(canary: Canary, own: Server) -> None:
    token = canary("token")
    with requests.Session() as session:
        session.mount("http://", Adapter(authenticator(token, own.origin)))
        response = session.get(own.origin)
    assert own.arrived[0].values("authorization") == [f"Bearer {token}"]
    assert outcome(response).reason is Reason.AUTHENTICATED  # type: ignore[union-attr]  # just made


@pytest.mark.parametrize("placement", ["X-API-Key", "Authorization"])
def test_E10_a_netrc_entry_neither_replaces_nor_accompanies_the_record(
    canary: Canary, own: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, placement: str
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    token = canary("token")
    with requests.Session() as session:
        attach(session, authenticator(token, own.origin, placement=placement))
        session.get(own.origin)
        session.get(
            own.origin, headers={"Authorization": "Digest the user's own"}, auth=lambda request: request
        )
    name = "authorization" if placement == "Authorization" else "x-api-key"
    assert own.arrived[0].values(name)[0].endswith(token)
    assert base64.b64encode(b"someone:else").decode() not in own.arrived[0].everything()
    kept = ["Digest the user's own"] if placement == "X-API-Key" else [f"Bearer {token}"]
    assert own.arrived[1].values("authorization") == kept


def test_E10_netrc_is_still_asked_for_hosts_that_are_not_the_records(
    canary: Canary, own: Server, foreign: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    someone = "Basic " + base64.b64encode(b"someone:else").decode()
    with requests.Session() as session:
        attach(session, authenticator(canary("token"), own.origin, placement="X-API-Key"))
        session.get(foreign.origin)
        session.get(foreign.origin, auth=("another", "one"))
        session.get(foreign.origin.replace("http://", "http://url:word@"))
        session.trust_env = False
        session.get(foreign.origin)
        session.get(foreign.origin.replace("http://", "http://url:word@"))
    another = "Basic " + base64.b64encode(b"another:one").decode()
    in_url = "Basic " + base64.b64encode(b"url:word").decode()
    seen = [each.values("authorization") for each in foreign.arrived]
    assert seen == [[someone], [another], [someone], [], [in_url]]


def test_a_user_in_the_url_is_the_callers_own_word_beside_a_key_of_the_record(
    canary: Canary, own: Server
) -> None:
    token = canary("token")
    with requests.Session() as session:
        attach(session, authenticator(token, own.origin, placement="X-API-Key"))
        session.get(own.origin.replace("http://", "http://url:word@"))
    in_url = "Basic " + base64.b64encode(b"url:word").decode()
    assert own.arrived[0].values("authorization") == [in_url]
    assert own.arrived[0].values("x-api-key")[0].endswith(token)


def test_an_auth_that_the_session_has_is_left_alone(canary: Canary, own: Server) -> None:
    with requests.Session() as session:
        session.auth = ("own", "word")
        attach(session, authenticator(canary("token"), own.origin))
        assert session.auth == ("own", "word")


def test_D8_user_information_in_the_url_does_not_replace_the_credential(canary: Canary, own: Server) -> None:
    token = canary("token")
    url = own.origin.replace("http://", "http://someone:else@")
    for module in (httpx, httpx2):
        with attach(module.Client(), authenticator(token, own.origin)) as client:
            client.get(url)
    with requests.Session() as session:
        attach(session, authenticator(token, own.origin)).get(url)

    async def run() -> None:
        ours = authenticator(token, own.origin)
        async with attach(aiohttp.ClientSession(), ours) as session, session.get(url) as response:
            await response.read()

    asyncio.run(run())
    assert [each.values("authorization") for each in own.arrived] == [[f"Bearer {token}"]] * 4


def test_base_urls_are_found() -> None:
    async def aiohttp_base(url: str | None) -> str | None:
        async with aiohttp.ClientSession(url) as session:
            return base_url_of(session)

    url = "https://api.example.com/v1/"
    assert base_url_of(httpx.Client(base_url=url)) == url
    assert base_url_of(httpx2.AsyncClient(base_url=url)) == url
    assert base_url_of(httpx2.Client()) is None
    assert base_url_of(requests.Session()) is None
    assert asyncio.run(aiohttp_base(url)) == url
    assert asyncio.run(aiohttp_base(None)) is None


def test_a_subclass_of_a_librarys_client_is_known_and_anything_else_is_refused() -> None:
    class Mine(requests.Session):
        base_url = "https://api.example.com"

    assert base_url_of(Mine()) == "https://api.example.com"
    with pytest.raises(RecordFault, match=r"builtins\.object"):
        attach(object(), authenticator("x", "https://a.example"))


def test_outcome_of_a_response_without_a_record_is_none() -> None:
    assert outcome(httpx2.Response(200)) is None
    assert outcome(requests.Response()) is None
    assert outcome(object()) is None


@pytest.mark.parametrize("library", ["httpx2", "requests"])
def test_attach_imports_no_library_that_is_not_used(library: str) -> None:
    code = (
        f"import sys, {library}\n"
        "from authrecord.clients.attach import base_url_of\n"
        f"base_url_of({library}.{'Session' if library == 'requests' else 'Client'}())\n"
        "print(sorted({'httpx', 'httpx2', 'requests', 'aiohttp'} & set(sys.modules)))"
    )
    source = str(Path(__file__).parents[2] / "src")
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": source}
    )
    assert found.stdout.strip() == f"['{library}']"


def test_G10_streaming_tells_a_bare_transport(canary: Canary, own: Server) -> None:
    own.routes["/"] = lambda _: Reply(200, b"token expired")
    tokens = [canary("old"), canary("new")]
    with httpx2.Client(
        transport=Transport(authenticator(tokens, own.origin, pattern=b"token expired"))
    ) as client:
        with streaming(), client.stream("GET", own.origin + "/") as response:
            assert response.read() == b"token expired"
        assert len(own.arrived) == 1
        client.get(own.origin + "/")
        assert len(own.arrived) == 3


def test_aiohttp_a_destination_that_another_middleware_changed_gets_nothing(
    canary: Canary, own: Server, foreign: Server
) -> None:
    from authrecord.clients.aiohttp import middleware

    async def diverts(request: aiohttp.ClientRequest, handler: Any) -> Any:
        request.url = request.url.with_port(foreign.port)
        return await handler(request)

    async def run() -> None:
        ours = middleware(authenticator(canary("token"), own.origin))
        async with aiohttp.ClientSession(middlewares=[ours, diverts]) as session:
            await session.get(own.origin)

    with pytest.raises(OriginRefused):
        asyncio.run(run())
    assert (own.arrived, foreign.arrived) == ([], [])


def test_aiohttp_another_middleware_never_sees_the_credential(canary: Canary, own: Server) -> None:
    from authrecord.clients.aiohttp import middleware

    token = canary("key")
    saw: list[str] = []

    async def looks(request: aiohttp.ClientRequest, handler: Any) -> Any:
        saw.append(f"{request.url} {request.headers!r} {request.request_info!r}")
        response = await handler(request)
        saw.append(f"{request.url} {request.headers!r} {response!r} {response.request_info!r}")
        return response

    async def run() -> None:
        ours = middleware(authenticator(token, own.origin, placement="query"))
        async with (
            aiohttp.ClientSession(middlewares=[ours, looks]) as session,
            session.post(own.origin, data=b"body") as response,
        ):
            await response.read()

    asyncio.run(run())
    assert own.arrived[0].query == {"api_key": token}
    assert all(token not in text for text in saw)


def test_an_adapter_that_takes_its_options_by_name_alone_can_be_inside(canary: Canary, own: Server) -> None:
    """The widespread way to give a session a default time-out; requests itself passes the options by name."""
    seen: dict[str, Any] = {}

    class WithTimeout(requests.adapters.HTTPAdapter):
        def send(self, request: Any, **options: Any) -> requests.Response:  # type: ignore[override]  # as people write it
            seen.update(options)
            options["timeout"] = options["timeout"] or 5
            return super().send(request, **options)

    token = canary("token")
    with requests.Session() as session:
        session.mount("http://", WithTimeout())
        assert attach(session, authenticator(token, own.origin)).get(own.origin).status_code == 200
    assert set(seen) == {"stream", "timeout", "verify", "cert", "proxies"}
    assert own.arrived[0].values("authorization") == [f"Bearer {token}"]


def test_an_inner_transport_of_ones_own(canary: Canary) -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200)

    token = canary("token")
    ours = AsyncTransport(authenticator(token, "https://api.example.com"), httpx2.MockTransport(handler))

    async def run() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=ours) as client:
            return await client.get("https://API.example.com:443/x")

    response = asyncio.run(run())
    assert seen[0].headers["authorization"] == f"Bearer {token}"
    assert "authorization" not in response.request.headers
    assert seen[0] is not response.request


@pytest.mark.parametrize("reverse", [False, True])
def test_a_record_that_stays_out_of_a_request_does_not_hide_the_outcome_of_the_one_at_work(
    canary: Canary, own: Server, foreign: Server, reverse: bool
) -> None:
    """Whichever of the two was attached last, in each of the four libraries."""
    pair = [authenticator(canary("first"), own.origin), authenticator(canary("second"), foreign.origin)]
    if reverse:
        pair.reverse()
    found = []
    for client in (httpx2.Client(), httpx.Client(), requests.Session()):
        with attach(attach(client, pair[0]), pair[1]) as both:
            found.append(outcome(both.get(own.origin)))

    async def by_aiohttp() -> None:
        session = attach(attach(aiohttp.ClientSession(), pair[0]), pair[1])
        async with session, session.get(own.origin) as response:
            found.append(outcome(response))

    asyncio.run(by_aiohttp())
    assert [one.reason for one in found if one is not None] == [Reason.AUTHENTICATED] * 4
