"""How a request of httpx or httpx2 is copied and stamped, and how its answer is read by the story.

Built for speed: the copy is not parsed again. Attributes that are not public are used for it, in this file
only: `Headers._list` (triples of name, lower-case name, value) with `_encoding`, and `URL._uri_reference` (a
named tuple). The contract suite pins them for the versions that are supported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..core.messages import Stamp
from ..keeper.live import Live
from .bodies import Rewind, nothing_to_do, rewind_of
from .story import Answer
from .wire import Wire, wire_from, wire_of

_new: Final = object.__new__
_KIND: Final = "httpx entries"


@dataclass(frozen=True, slots=True)
class Library:
    """The classes of httpx or of httpx2 that the logic needs."""

    request: Any
    headers: Any
    url: Any
    byte_stream: Any
    multipart_stream: Any
    sync_stream: Any
    async_stream: Any
    transport: Any
    async_transport: Any
    pool_timeout: Any


def place_of(library: Library) -> slice:
    """Where scheme, host and port stand in a parsed URL, and nothing behind them: one look compares all three."""
    names = library.url("")._uri_reference._fields
    return slice(1 + max(names.index(name) for name in ("scheme", "host", "port")))


def stamped(library: Library, request: Any, live: Live) -> Any:
    """A copy of `request` with the credential on it. The user's headers of the same names are replaced (E14).

    The parts are shared, attribute by attribute: `__dict__` makes every later access slower.
    """
    names, entries, wire = live.made.get(_KIND) or live.prepared(_KIND, _entries)
    original = request.headers
    headers = _new(library.headers)
    headers._encoding = original._encoding
    kept = original._list
    for entry in kept:  # a loop, since before Python 3.12 a comprehension costs a call
        if entry[1] in names:
            kept = [each for each in kept if each[1] not in names]
            break
    headers._list = kept + entries
    kind = type(request)
    copy = _new(kind)
    stream = request.stream
    if kind is library.request and type(stream) is library.byte_stream:
        copy.method = request.method
        copy.url = request.url
        copy.extensions = request.extensions
        copy.stream = stream
        try:  # noqa: SIM105 - `suppress` would cost two calls for each request
            copy._content = request._content
        except AttributeError:  # nobody has read it yet
            pass
    else:
        copy.__dict__.update(request.__dict__)
    copy.headers = headers
    if wire is not None:
        _put_beside(library, copy, wire)
    return copy


def _put_beside(library: Library, copy: Any, wire: Wire) -> None:
    """The query parameters and the cookies of `wire`, joined to what the request has."""
    if wire.cookies:
        copy.headers["Cookie"] = wire.joined_cookies("; ".join(copy.headers.get_list("cookie")))
    if wire.query:
        reference = copy.url._uri_reference
        url = object.__new__(library.url)
        url._uri_reference = reference._replace(query=wire.joined_query(reference.query or ""))
        copy.url = url
        if "target" in copy.extensions:  # it takes the place of the URL's path and query on the wire
            target = copy.extensions["target"].decode("ascii")
            path, _, query = target.partition("?")
            joined = f"{path}?{wire.joined_query(query)}".encode("ascii")
            copy.extensions = {**copy.extensions, "target": joined}


def _entries(
    stamp: Stamp,
) -> tuple[frozenset[bytes], list[tuple[bytes, bytes, bytes]], Wire | None]:
    """The headers as `Headers` keeps them, their lower-case names, and the wire if it holds more than headers."""
    wire = wire_from(stamp)
    entries = [
        (name.encode("ascii"), name.lower().encode("ascii"), value.encode("utf-8"))
        for name, value in wire.headers
    ]
    return frozenset(entry[1] for entry in entries), entries, None if wire.is_plain else wire


def rewind_of_stream(library: Library, stream: Any) -> Rewind | None:
    """How to send the body of a request again, unless it is the library's `ByteStream`; see `bodies.rewind_of`."""
    if isinstance(stream, library.multipart_stream):
        return _rewind_of_parts(stream)
    inner = getattr(stream, "_stream", None)
    return None if inner is None else rewind_of(inner)


def _rewind_of_parts(stream: Any) -> Rewind | None:
    """A multipart body brings its files back to their beginning by itself, where they can seek."""
    for part in stream.fields:
        if rewind_of(getattr(part, "file", None)) is None:
            return None
    return nothing_to_do


def answer_of(response: Any) -> Answer:
    """The head of a response."""
    return Answer(response.status_code, response.reason_phrase, response.headers.raw)


def encodings_of(response: Any) -> list[str]:
    """The values of `Content-Encoding`."""
    values: list[str] = response.headers.get_list("content-encoding")
    return values


def hide_echo(response: Any, live: Live) -> None:
    """Take our query parameters out of a `Location` in which the server repeats the request's query.

    The client would build the next request from it: the credential would then be in a URL that the user can
    print, and travel to wherever the redirect leads (E1, F2).
    """
    wire = wire_of(live)
    if wire.query and "location" in response.headers:
        location = response.headers["location"]
        clean = wire.cleaned_url(location)
        if clean != location:
            response.headers["location"] = clean
