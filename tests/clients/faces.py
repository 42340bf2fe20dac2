"""The six faces of the adapters behind one small interface, so that one contract suite holds for all."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from authrecord.clients.attach import attach
from authrecord.clients.outcome import outcome
from authrecord.clients.streaming import streaming
from authrecord.core.replay import Outcome
from authrecord.keeper.authenticator import Authenticator


@dataclass
class Got:
    """What the caller got: the answer, and the text of everything that the caller can print."""

    status: int
    body: bytes
    outcome: Outcome | None
    printable: str
    headers: dict[str, str] = field(default_factory=dict)
    beginning: bytes = b""


class Face:
    """One library, sync or async. `call` sends one request with a client of its own or with the kept one."""

    name = ""

    def __init__(self, authenticator: Authenticator) -> None:
        raise NotImplementedError

    def call(
        self, method: str, url: str, *, streams: bool = False, follow: bool = True, **options: Any
    ) -> Got:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def _printable(*things: Any) -> str:
    texts: list[str] = []
    for thing in things:
        texts += [repr(thing), str(thing)]
        if hasattr(thing, "items"):
            texts.append(repr(list(thing.items())))
    return "\n".join(texts)


def _of_httpx(response: Any) -> str:
    texts = []
    for each in (*response.history, response):
        request = each.request
        texts.append(
            _printable(
                each, each.url, each.headers, request, request.url, request.headers, request.headers.raw
            )
        )
        texts.append(_printable(dict(each.extensions), vars(request), each.next_request))
        try:
            each.raise_for_status()
        except Exception as error:
            texts.append(_printable(error, error.args, getattr(error, "request", None)))
    return "\n".join(texts)


class HttpxSync(Face):
    library = "httpx"

    def __init__(self, authenticator: Authenticator) -> None:
        module = importlib.import_module(self.library)
        self.client = attach(module.Client(trust_env=False, timeout=10), authenticator)

    def call(
        self, method: str, url: str, *, streams: bool = False, follow: bool = True, **options: Any
    ) -> Got:
        if streams:
            with self.client.stream(method, url, follow_redirects=follow, **options) as response:
                chunks = response.iter_bytes()
                beginning = next(chunks, b"")
                body = beginning + b"".join(chunks)
        else:
            response = self.client.request(method, url, follow_redirects=follow, **options)
            body, beginning = response.content, b""
        return Got(
            response.status_code,
            body,
            outcome(response),
            _of_httpx(response),
            dict(response.headers),
            beginning,
        )

    def close(self) -> None:
        self.client.close()


class Httpx2Sync(HttpxSync):
    library = "httpx2"


class AsyncFace(Face):
    def __init__(self, authenticator: Authenticator) -> None:
        self.runner = asyncio.Runner()
        self.client = self.runner.run(self.open(authenticator))

    async def open(self, authenticator: Authenticator) -> Any:
        raise NotImplementedError

    async def acall(self, method: str, url: str, *, streams: bool, follow: bool, **options: Any) -> Got:
        raise NotImplementedError

    async def aclose(self) -> None:
        raise NotImplementedError

    def call(
        self, method: str, url: str, *, streams: bool = False, follow: bool = True, **options: Any
    ) -> Got:
        return self.runner.run(self.acall(method, url, streams=streams, follow=follow, **options))

    def close(self) -> None:
        self.runner.run(self.aclose())
        self.runner.close()


class HttpxAsync(AsyncFace):
    library = "httpx"

    async def open(self, authenticator: Authenticator) -> Any:
        module = importlib.import_module(self.library)
        return attach(module.AsyncClient(trust_env=False, timeout=10), authenticator)

    async def acall(self, method: str, url: str, *, streams: bool, follow: bool, **options: Any) -> Got:
        content: Any = options.get("content")
        if hasattr(content, "__next__"):
            options["content"] = _asynchronous(content)
        elif hasattr(content, "read"):
            options["content"] = _asynchronous(iter([content.read()]))
        if streams:
            async with self.client.stream(method, url, follow_redirects=follow, **options) as response:
                parts = [part async for part in response.aiter_bytes()]
        else:
            response = await self.client.request(method, url, follow_redirects=follow, **options)
            parts = [response.content]
        body = b"".join(parts)
        beginning = parts[0] if parts else b""
        return Got(
            response.status_code,
            body,
            outcome(response),
            _of_httpx(response),
            dict(response.headers),
            beginning,
        )

    async def aclose(self) -> None:
        await self.client.aclose()


class Httpx2Async(HttpxAsync):
    library = "httpx2"


async def _asynchronous(parts: Any) -> Any:
    for part in parts:
        yield part


class Requests(Face):
    def __init__(self, authenticator: Authenticator) -> None:
        import requests

        self.client = requests.Session()
        self.client.trust_env = False
        attach(self.client, authenticator)

    def call(
        self, method: str, url: str, *, streams: bool = False, follow: bool = True, **options: Any
    ) -> Got:
        if "content" in options:
            options["data"] = options.pop("content")
        response = self.client.request(
            method, url, allow_redirects=follow, stream=streams, timeout=10, **options
        )
        beginning = b""
        if streams:
            chunks = response.iter_content(1000)
            beginning = next(chunks, b"")
            body = beginning + b"".join(chunks)
        else:
            body = response.content
        texts = []
        for each in (*response.history, response):
            request = each.request
            texts.append(
                _printable(each, each.url, each.headers, request.url, request.headers, vars(request))
            )
            texts.append(_printable(each.raw.geturl(), each.raw.url, each.raw.retries, each.connection))
            try:
                each.raise_for_status()
            except Exception as error:
                texts.append(_printable(error, error.args, getattr(error, "request", None)))
        return Got(
            response.status_code, body, outcome(response), "\n".join(texts), dict(response.headers), beginning
        )

    def close(self) -> None:
        self.client.close()


class Aiohttp(AsyncFace):
    async def open(self, authenticator: Authenticator) -> Any:
        import aiohttp

        self.traced: list[str] = []
        trace = aiohttp.TraceConfig()

        async def note(session: Any, context: Any, parameters: Any) -> None:
            public = (getattr(parameters, name) for name in dir(parameters) if not name.startswith("_"))
            self.traced.append(_printable(parameters, *public))

        for signal in (
            trace.on_request_start,
            trace.on_request_headers_sent,
            trace.on_request_chunk_sent,
            trace.on_request_redirect,
            trace.on_request_end,
            trace.on_request_exception,
            trace.on_response_chunk_received,
        ):
            signal.append(note)
        timeout = aiohttp.ClientTimeout(total=10)
        return attach(aiohttp.ClientSession(trace_configs=[trace], timeout=timeout), authenticator)

    async def acall(self, method: str, url: str, *, streams: bool, follow: bool, **options: Any) -> Got:
        if "files" in options:
            import aiohttp

            form = aiohttp.FormData()
            for name, value in options.pop("files").items():
                form.add_field(name, value[1], filename=value[0])
            options["data"] = form
        if "content" in options:
            content = options.pop("content")
            options["data"] = (
                _asynchronous(content)
                if hasattr(content, "__next__") and not hasattr(content, "read")
                else content
            )
        self.traced.clear()
        with streaming(streams):
            response = await self.client.request(method, url, allow_redirects=follow, **options)
        beginning = await response.content.readany() if streams else b""
        body = beginning + await response.read()
        texts = list(self.traced)
        for each in (*response.history, response):
            info = each.request_info
            texts.append(
                _printable(each, each.url, each.real_url, each.headers, info, info.headers, info.url)
            )
            try:
                each.raise_for_status()
            except Exception as error:
                texts.append(_printable(error, error.args))
        return Got(
            response.status, body, outcome(response), "\n".join(texts), dict(response.headers), beginning
        )

    async def aclose(self) -> None:
        await self.client.close()


FACES: dict[str, Callable[[Authenticator], Face]] = {
    "httpx2": Httpx2Sync,
    "httpx2 async": Httpx2Async,
    "httpx": HttpxSync,
    "httpx async": HttpxAsync,
    "requests": Requests,
    "aiohttp": Aiohttp,
}
