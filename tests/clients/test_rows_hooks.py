"""F9: what a hook sees that a user, or a tracing library, hangs into an HTTP client. In each place that is public."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from authrecord.clients.attach import attach
from tests.canary_watch import Canary

from .records import PLACEMENTS, authenticator
from .server import Reply, Server

EVERY_PLACEMENT = pytest.mark.parametrize("placement", list(PLACEMENTS))
EITHER_HTTPX = pytest.mark.parametrize("library", ["httpx", "httpx2"])


def everything_of(thing: Any) -> str:
    """What a tracing library could write down of a request or an answer."""
    names = ("method", "url", "real_url", "headers", "path_url", "extensions", "request", "request_info")
    parts = [repr(thing), str(thing), *(readable(thing, name) for name in names)]
    headers = getattr(thing, "headers", None)
    if headers is not None:
        parts.append(repr(list(headers.items())))
    return "\n".join(parts)


def readable(thing: Any, name: str) -> str:
    """An attribute's text; httpx sets the request of an answer only after its transport returned."""
    try:
        return str(getattr(thing, name, ""))
    except RuntimeError:
        return ""


class Spans:
    """What a tracing library wrote down."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, *things: Any, **options: Any) -> None:
        self.lines += [everything_of(thing) for thing in (*things, *options.values())]

    async def note_async(self, *things: Any) -> None:
        self.note(*things)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, with what goes in and what comes out written down: how instrumentation wraps a method."""

        def traced(*arguments: Any, **options: Any) -> Any:
            self.note(*arguments)
            answer = call(*arguments, **options)
            self.note(answer)
            return answer

        return traced

    def check_clean(self, own: Server, secret: str, calls: int) -> None:
        """It saw each call, and none of the secret, which did arrive."""
        assert len(own.arrived) == calls
        arrived = own.arrived[0].everything()
        assert secret in arrived or quote(secret, safe="") in arrived
        seen = "\n".join(self.lines)
        assert seen.count("/traced") >= calls
        assert secret not in seen
        assert quote(secret, safe="") not in seen


@pytest.fixture
def own_that_refuses(own: Server) -> Server:
    own.routes["/traced"] = lambda _: Reply(404, b"no")
    return own


@EVERY_PLACEMENT
@EITHER_HTTPX
def test_F9_event_hooks_and_an_outer_transport_of_httpx_see_no_credential(
    canary: Canary, own_that_refuses: Server, library: str, placement: str
) -> None:
    module = importlib.import_module(library)
    spans, secret, own = Spans(), canary("token") + "+/=", own_that_refuses
    hooks = {"request": [spans.note], "response": [spans.note]}
    client = attach(module.Client(event_hooks=hooks), authenticator(secret, own.origin, placement=placement))
    with client:
        # What an instrumentation does with one client: it wraps the transport that it finds.
        client._transport.handle_request = spans.around(client._transport.handle_request)
        client.get(own.origin + "/traced?limit=1")
    spans.check_clean(own, secret, 1)


@EVERY_PLACEMENT
@EITHER_HTTPX
def test_F9_event_hooks_of_an_httpx_client_of_tasks_see_no_credential(
    canary: Canary, own_that_refuses: Server, library: str, placement: str
) -> None:
    module = importlib.import_module(library)
    spans, secret, own = Spans(), canary("token") + "+/=", own_that_refuses
    hooks = {"request": [spans.note_async], "response": [spans.note_async]}

    async def run() -> None:
        client = module.AsyncClient(event_hooks=hooks)
        async with attach(client, authenticator(secret, own.origin, placement=placement)):
            await client.get(own.origin + "/traced?limit=1")

    asyncio.run(run())
    spans.check_clean(own, secret, 1)


@EVERY_PLACEMENT
def test_F9_hooks_and_a_wrapped_session_of_requests_see_no_credential(
    canary: Canary, own_that_refuses: Server, placement: str
) -> None:
    import requests

    spans, secret, own = Spans(), canary("token") + "+/=", own_that_refuses
    with requests.Session() as session:
        attach(session, authenticator(secret, own.origin, placement=placement))
        session.hooks["response"].append(spans.note)
        session.send = spans.around(session.send)  # type: ignore[method-assign]  # as instrumentation does
        adapter = session.get_adapter(own.origin)
        adapter.send = spans.around(adapter.send)  # type: ignore[method-assign]  # as instrumentation does
        session.get(own.origin + "/traced?limit=1")
    spans.check_clean(own, secret, 1)


@EVERY_PLACEMENT
def test_F9_trace_hooks_and_outer_middlewares_of_aiohttp_see_no_credential(
    canary: Canary, own_that_refuses: Server, placement: str
) -> None:
    import aiohttp

    spans, secret, own = Spans(), canary("token") + "+/=", own_that_refuses
    trace = aiohttp.TraceConfig()

    async def note(session: Any, context: Any, parameters: Any) -> None:
        spans.note(parameters, getattr(parameters, "response", None))

    for signal in (trace.on_request_start, trace.on_request_headers_sent, trace.on_request_end):
        signal.append(note)

    async def outer(request: Any, handler: Any) -> Any:
        spans.note(request)
        answer = await handler(request)
        spans.note(answer)
        return answer

    async def run() -> None:
        async with aiohttp.ClientSession(trace_configs=[trace], middlewares=[outer]) as session:
            attach(session, authenticator(secret, own.origin, placement=placement))
            await (await session.get(own.origin + "/traced?limit=1")).read()

    asyncio.run(run())
    spans.check_clean(own, secret, 1)


@EITHER_HTTPX
def test_F9_what_is_hung_below_the_adapter_sees_the_wire_as_the_documentation_says(
    canary: Canary, own: Server, library: str
) -> None:
    """The limit: instrumentation inside the inner transport sees what is sent. docs/security/coverage.md says so."""
    module = importlib.import_module(library)
    seen: list[bool] = []
    secret = canary("token")
    client = module.Client()
    client._transport.handle_request = _told(client._transport.handle_request, seen, secret)
    with attach(client, authenticator(secret, own.origin)):
        client.get(own.origin + "/")
    assert seen == [True]


def _told(call: Callable[[Any], Any], seen: list[bool], secret: str) -> Callable[[Any], Any]:
    def told(request: Any) -> Any:
        seen.append(secret in request.headers["Authorization"])
        return call(request)

    return told
