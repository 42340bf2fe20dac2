"""How a prepared request is copied and stamped, and how a response of requests is read and given back.

Built for speed: `CaseInsensitiveDict._store`, which is not public, is copied whole, here and on the hot path of the
adapter, which copies a plain `PreparedRequest` attribute by attribute: `__dict__` makes every later access slower.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urldefrag, urlsplit

import requests
from requests.auth import _basic_auth_str
from requests.structures import CaseInsensitiveDict
from requests.utils import get_netrc_auth

from ..core.messages import Stamp
from ..keeper.live import Live
from .peek import Peek
from .story import DRAINED_BYTES, Answer
from .wire import Wire, wire_from

_new: Final = object.__new__
KIND: Final = "requests entries"


def stamped(request: requests.PreparedRequest, live: Live) -> tuple[requests.PreparedRequest, Wire | None]:
    """A copy of `request` with the credential on it. The user's headers of the same names are replaced (E14).

    And the credential's wire form, if it holds more than headers. For any class of request: the adapter's hot path
    does the same for a `PreparedRequest`, without the call.
    """
    entries, has_authorization, wire = live.made.get(KIND) or live.prepared(KIND, entries_of)
    original: Any = request
    headers: Any = _new(CaseInsensitiveDict)
    store = headers._store = original.headers._store.copy()
    if not has_authorization and "authorization" in store:
        drop_netrc(headers, str(request.url))
    for key, entry in entries:
        store[key] = entry
    copy: Any = _new(type(request))
    copy.__dict__.update(request.__dict__)
    copy.headers = headers
    if wire is not None:
        put_beside(copy, wire)
    return copy, wire


def entries_of(stamp: Stamp) -> tuple[list[tuple[str, tuple[str, str]]], bool, Wire | None]:
    """The headers as requests keeps them, whether they authorize, and the wire if it holds more than headers."""
    wire = wire_from(stamp)
    entries = [(name.lower(), (name, value)) for name, value in wire.headers]
    return entries, "authorization" in dict(entries), None if wire.is_plain else wire


def put_beside(copy: requests.PreparedRequest, wire: Wire) -> None:
    """The query parameters and the cookies of `wire`, joined to what the request has."""
    if wire.cookies:
        copy.headers["Cookie"] = wire.joined_cookies(_text(copy.headers.get("Cookie", "")))
    if wire.query:
        base, _, query = urldefrag(str(copy.url)).url.partition("?")
        copy.url = f"{base}?{wire.joined_query(query)}"


def drop_netrc(headers: Any, url: str) -> None:
    """Drop an `Authorization` that requests made from `~/.netrc`: it is not the user's word for this request."""
    found = get_netrc_auth(url)
    if found is not None and _text(headers["Authorization"]) == _basic_auth_str(*found):
        del headers["Authorization"]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def given_back(
    response: requests.Response, request: requests.PreparedRequest, wire: Wire
) -> requests.Response:
    """`response` as the answer to the user's own request: nothing in it holds the credential (E12)."""
    if wire.query:
        response.url = str(request.url)
        raw: Any = response.raw
        if getattr(raw, "url", None):
            raw.url = request.path_url
        retries: Any = getattr(raw, "retries", None)
        if retries is not None and retries.history:
            raw.retries = retries.new(history=())
        location = response.headers.get("location")
        if location:
            response.headers["location"] = wire.cleaned_url(location)
    return response


@lru_cache(maxsize=1024)
def host_and_port(authority: str) -> tuple[str, int | None]:
    """Host and port of a URL's authority, as requests reads them; an empty host for one that it cannot read."""
    try:
        parts = urlsplit("//" + authority)
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None


def answer_of(response: requests.Response) -> Answer:
    """The head of a response. Headers that came several times are listed several times."""
    raw_headers = getattr(response.raw, "headers", None)
    pairs = raw_headers.items() if raw_headers is not None else response.headers.items()
    headers = [(_bytes(name), _bytes(value)) for name, value in pairs]
    return Answer(response.status_code, _text(response.reason or ""), headers)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")


def peek(response: requests.Response) -> bytes:
    """The beginning of the decoded body. The response yields all of it afterwards, still to be streamed."""
    raw: Any = response.raw
    seen = Peek(raw.headers.getlist("content-encoding"))
    if not seen.can_decode:
        return b""
    chunks: list[bytes] = []
    while chunk := raw.read(8192, decode_content=False):
        chunks.append(chunk)
        if seen.feed(chunk):
            break
    response.raw = _raw_again(b"".join(chunks), raw)
    return seen.body


def _raw_again(beginning: bytes, raw: Any) -> Any:
    """A urllib3 response like `raw`, whose body is `beginning` and then the rest of `raw`."""
    from urllib3.response import HTTPResponse

    again: Any = HTTPResponse(
        body=_Rest(beginning, raw),
        headers=raw.headers,
        status=raw.status,
        version=raw.version,
        reason=raw.reason,
        preload_content=False,
        decode_content=raw.decode_content,
        original_response=raw._original_response,
        request_url=raw._request_url,
        request_method=None,
    )
    again.retries = raw.retries
    again.version_string = getattr(raw, "version_string", "")
    # Chunked framing was taken off when the beginning was read.
    again.chunked = False
    again.length_remaining = None
    return again


class _Rest(io.RawIOBase):
    """What was read ahead, then the rest of a urllib3 response, undecoded. Closing it closes that response."""

    def __init__(self, beginning: bytes, raw: Any) -> None:
        super().__init__()
        self._beginning = io.BytesIO(beginning)
        self._raw = raw

    def readable(self) -> bool:
        """Always true."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes, all of the rest without one; empty at the end."""
        wanted = -1 if size is None else size
        part = self._beginning.read(wanted)
        if part and wanted >= 0:
            return part
        rest = self._raw.read(None if wanted < 0 else wanted, decode_content=False)
        return part + (rest or b"")

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`; the number of bytes put into it."""
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Close the response and give its connection back."""
        if not self.closed:
            self._raw.close()
            self._raw.release_conn()
        super().close()


def drain(response: requests.Response) -> None:
    """Read the rest of a short answer, so that its connection is used again; close a longer one."""
    raw: Any = response.raw
    read = 0
    while read <= DRAINED_BYTES:
        chunk = raw.read(8192, decode_content=False)
        if not chunk:
            response.close()
            return
        read += len(chunk)
    raw.close()
    response.close()
