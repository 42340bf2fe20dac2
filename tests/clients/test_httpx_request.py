"""What the copy of a request of httpx or httpx2 rests on: attributes of the libraries that are not public."""

from __future__ import annotations

from typing import Any

import pytest

from authrecord.clients import httpx, httpx2
from authrecord.clients.httpx_request import Library, place_of

ADDRESS = "https://api.example.com:8443/orders?limit=10#end"

BOTH_LIBRARIES = pytest.mark.parametrize("library", [httpx2.LIBRARY, httpx.LIBRARY], ids=["httpx2", "httpx"])


def place(library: Library, address: str) -> Any:
    return library.url(address)._uri_reference[place_of(library)]


@BOTH_LIBRARIES
@pytest.mark.parametrize(
    "other",
    [
        "http://api.example.com:8443/orders",
        "https://evil.example.com:8443/orders",
        "https://api.example.com:8444/orders",
        "https://api.example.com/orders",
    ],
    ids=["scheme", "host", "port", "no port"],
)
def test_E1_the_origin_that_was_released_last_is_told_from_one_that_differs_in_any_part(
    library: Library, other: str
) -> None:
    assert place(library, other) != place(library, ADDRESS)


@BOTH_LIBRARIES
def test_the_origin_that_was_released_last_is_known_again_whatever_is_asked_there(library: Library) -> None:
    assert place(library, "https://API.example.com:8443/other?page=2") == place(library, ADDRESS)
