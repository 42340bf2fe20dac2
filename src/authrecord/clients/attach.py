"""One call for every library: authenticate a client that the user already has."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, TypeVar

from ..core.errors import RecordFault
from ..keeper.authenticator import Authenticator

LIBRARIES: Final = ("httpx2", "httpx", "requests", "aiohttp")
"""The libraries for which there is an adapter."""

_Client = TypeVar("_Client")


def attach(client: _Client, authenticator: Authenticator) -> _Client:
    """`client` itself, from now on authenticated by `authenticator`.

    A client of httpx or httpx2 (`Client`, `AsyncClient`), a `requests.Session`, an `aiohttp.ClientSession`, or a
    subclass of one. Raises `RecordFault` for anything else. No library is imported that the client does not use.
    """
    attached: _Client = _adapter_of(client).attach(client, authenticator)
    return attached


def base_url_of(client: Any) -> str | None:
    """The base URL that `client` was made with, if any: a record without origins may take its origin from it."""
    url: str | None = _adapter_of(client).base_url(client)
    return url


def _adapter_of(client: Any) -> Any:
    for base in type(client).__mro__:
        library = base.__module__.partition(".")[0]
        if library in LIBRARIES:
            return import_module(f"{__package__}.{library}")
    raise RecordFault(
        f"there is no adapter for a {type(client).__module__}.{type(client).__qualname__}",
        hint=f"Give a client of {', '.join(LIBRARIES[:-1])} or {LIBRARIES[-1]}.",
    )
