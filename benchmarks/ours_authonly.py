"""authrecord as rows of the harness's `authonly`: the authentication step alone, on a request that exists already.

Ours is a transport, so its step is the transport's `handle_request` with an inner transport that gives one ready
answer; the row `(floor) a transport that passes on` is that inner transport behind an empty one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import authonly
import httpx2
import ours_micro

OK = httpx2.Response(200, content=b"{}")


class Ready(httpx2.BaseTransport):
    def handle_request(self, request: Any) -> Any:
        return OK


class Passing(httpx2.BaseTransport):
    def __init__(self) -> None:
        self.inner = Ready()

    def handle_request(self, request: Any) -> Any:
        return self.inner.handle_request(request)


def step(transport: Any) -> Callable[[], Any]:
    request = httpx2.Request("GET", authonly.URL)
    return lambda: transport.handle_request(request)


@authonly.register("(floor) httpx2: a transport that passes on")
def _() -> Callable[[], Any]:
    return step(Passing())


for row, auth in ours_micro.auths().items():
    authonly.register(row.replace("authrecord", "authrecord httpx2:"))(
        lambda auth=auth: step(ours_micro.attached(httpx2.Client(transport=Ready()), auth)._transport)
    )
