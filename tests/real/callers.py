"""One GET by each HTTP library, through a client that a record is attached to."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authrecord.clients.outcome import outcome
from authrecord.core.replay import Outcome

LIBRARIES: Final = ("httpx2", "httpx", "requests", "aiohttp")

Attach = Callable[[Any], Any]
"""Makes a client authenticate, and returns it: `lambda client: records.attach(client, "orders")`."""


@dataclass(frozen=True)
class Got:
    """An answer. `printable`: what a user may print of it, of its request, and of `raise_for_status()`.

    `outcome`: what authrecord says it did; `None` when it says nothing.
    """

    status: int
    data: Any
    outcome: Outcome | None
    printable: str = field(repr=False)


def get(library: str, attach: Attach, url: str, params: Mapping[str, str] | None = None) -> Got:
    """GET `url` with a new client of `library`."""
    if library == "aiohttp":
        return asyncio.run(_get_with_aiohttp(attach, url, params))
    if library == "requests":
        return _get_with_requests(attach, url, params)
    import importlib

    module: Any = importlib.import_module(library)
    with attach(module.Client(trust_env=False, timeout=30)) as client:
        response = client.get(url, params=params)
    request = response.request
    printable = f"{response!r} {request!r} {request.url} {request.headers!r} {list(request.headers.items())}"
    printable += _raised(response)
    return Got(response.status_code, response.json(), outcome(response), printable)


def _get_with_requests(attach: Attach, url: str, params: Mapping[str, str] | None) -> Got:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        response = attach(session).get(url, params=params, timeout=30)
    printable = f"{response!r} {response.url} {response.request.url} {dict(response.request.headers)}"
    printable += _raised(response)
    return Got(response.status_code, response.json(), outcome(response), printable)


async def _get_with_aiohttp(attach: Attach, url: str, params: Mapping[str, str] | None) -> Got:
    import aiohttp

    async with attach(aiohttp.ClientSession()) as session, session.get(url, params=params) as response:
        data = await response.json()
        info = response.request_info
        printable = f"{response!r} {response.url} {response.real_url} {info!r} {dict(info.headers)}"
        printable += _raised(response)
        return Got(response.status, data, outcome(response), printable)


def _raised(response: Any) -> str:
    """The text of the exception that says the answer's status; empty for a success."""
    try:
        response.raise_for_status()
    except Exception as error:
        return f"\n{error} {error!r} {error.args!r}\n{''.join(traceback.format_exception(error))}"
    return ""
