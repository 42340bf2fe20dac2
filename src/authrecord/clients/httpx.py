"""httpx: one line for a client of one's own, or one for a client that exists.

```
client = httpx.Client(transport=Transport(authenticator))          # or AsyncClient(transport=AsyncTransport(…))
client = attach(httpx.Client(base_url="https://api.example.com"), authenticator)
```

With `transport=`, settings of the client such as `verify`, `http2` and `proxy` belong into the inner transport:
`Transport(authenticator, httpx.HTTPTransport(verify=…))`. `attach` keeps the client's own.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import httpx
from httpx._multipart import MultipartStream

from ..keeper.authenticator import Authenticator
from .httpx_family import AsyncLogic, Library, Logic, attach_to, base_url

_Client = TypeVar("_Client", httpx.Client, httpx.AsyncClient)

LIBRARY = Library(
    request=httpx.Request,
    headers=httpx.Headers,
    url=httpx.URL,
    byte_stream=httpx.ByteStream,
    multipart_stream=MultipartStream,
    sync_stream=httpx.SyncByteStream,
    async_stream=httpx.AsyncByteStream,
    transport=httpx.HTTPTransport,
    async_transport=httpx.AsyncHTTPTransport,
    pool_timeout=httpx.PoolTimeout,
)
"""The classes that the shared logic works with."""


class Transport(Logic, httpx.BaseTransport):
    """A transport that authenticates each hop to the record's own origins. `inner` sends it."""

    library: ClassVar[Library] = LIBRARY

    def __init__(self, authenticator: Authenticator, inner: httpx.BaseTransport | None = None) -> None:
        super().__init__(authenticator, inner)


class AsyncTransport(AsyncLogic, httpx.AsyncBaseTransport):
    """The same for `AsyncClient`."""

    library: ClassVar[Library] = LIBRARY

    def __init__(self, authenticator: Authenticator, inner: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(authenticator, inner)


def attach(client: _Client, authenticator: Authenticator) -> _Client:
    """`client` itself, from now on authenticated: its transport, its proxies and its mounts are wrapped."""
    kind: Any = AsyncTransport if issubclass(type(client), httpx.AsyncClient) else Transport
    attach_to(client, lambda inner: kind(authenticator, inner), tells=authenticator.has_pattern)
    return client


__all__ = ["AsyncTransport", "Transport", "attach", "base_url"]
