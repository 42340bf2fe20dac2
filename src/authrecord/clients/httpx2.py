"""httpx2: one line for a client of one's own, or one for a client that exists.

```
client = httpx2.Client(transport=Transport(authenticator))          # or AsyncClient(transport=AsyncTransport(…))
client = attach(httpx2.Client(base_url="https://api.example.com"), authenticator)
```

With `transport=`, settings of the client such as `verify`, `http2` and `proxy` belong into the inner transport:
`Transport(authenticator, httpx2.HTTPTransport(verify=…))`. `attach` keeps the client's own.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import httpx2
from httpx2._multipart import MultipartStream

from ..keeper.authenticator import Authenticator
from .httpx_family import AsyncLogic, Library, Logic, attach_to, base_url

_Client = TypeVar("_Client", httpx2.Client, httpx2.AsyncClient)

LIBRARY = Library(
    request=httpx2.Request,
    headers=httpx2.Headers,
    url=httpx2.URL,
    byte_stream=httpx2.ByteStream,
    multipart_stream=MultipartStream,
    sync_stream=httpx2.SyncByteStream,
    async_stream=httpx2.AsyncByteStream,
    transport=httpx2.HTTPTransport,
    async_transport=httpx2.AsyncHTTPTransport,
    pool_timeout=httpx2.PoolTimeout,
)
"""The classes that the shared logic works with."""


class Transport(Logic, httpx2.BaseTransport):
    """A transport that authenticates each hop to the record's own origins. `inner` sends it."""

    library: ClassVar[Library] = LIBRARY

    def __init__(self, authenticator: Authenticator, inner: httpx2.BaseTransport | None = None) -> None:
        super().__init__(authenticator, inner)


class AsyncTransport(AsyncLogic, httpx2.AsyncBaseTransport):
    """The same for `AsyncClient`."""

    library: ClassVar[Library] = LIBRARY

    def __init__(self, authenticator: Authenticator, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        super().__init__(authenticator, inner)


def attach(client: _Client, authenticator: Authenticator) -> _Client:
    """`client` itself, from now on authenticated: its transport, its proxies and its mounts are wrapped."""
    kind: Any = AsyncTransport if issubclass(type(client), httpx2.AsyncClient) else Transport
    attach_to(client, lambda inner: kind(authenticator, inner), tells=authenticator.has_pattern)
    return client


__all__ = ["AsyncTransport", "Transport", "attach", "base_url"]
