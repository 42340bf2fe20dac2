"""Says that the caller streams, for libraries where the adapter cannot know.

An answer that the caller streams is judged by status and headers alone, unless the record opts in (G10). The
adapters for requests, and for an attached httpx or httpx2 client, know by themselves. For aiohttp and for a bare
`Transport` the caller says so:

```
with streaming():
    async with session.get(url) as response: ...
```
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

STREAMS: Final[ContextVar[bool]] = ContextVar("authrecord_streams", default=False)
"""True while the caller of this task or thread streams. Adapters read it."""


@contextmanager
def streaming(streams: bool = True) -> Iterator[None]:
    """Requests that begin inside stream their answers: no body is read ahead of the caller."""
    token = STREAMS.set(streams)
    try:
        yield
    finally:
        STREAMS.reset(token)
