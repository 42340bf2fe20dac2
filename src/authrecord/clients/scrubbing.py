"""Takes secrets out of an exception on its way to the caller, in place, so that its type and fields stay.

HTTP libraries build exceptions from the request they sent: the URL with its query (requests, urllib3), the value
of a header that is not allowed (h11, http.client). See F1, F3, D2. And their frames, which stay reachable through
the traceback, hold the request itself: what prints local variables (Sentry, rich, `pytest -l`) would show it (P5).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

from .masking import masked

MOST_EXCEPTIONS: Final = 32
"""How many exceptions of one chain are looked at."""

_LIBRARIES: Final = frozenset(
    {"aiohttp", "h11", "h2", "http", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
)
"""The top packages whose frames hold the copy that carries the credential."""


def scrub(error: BaseException) -> None:
    """Mask known secrets in `error`, its causes, its contexts, and exceptions among their arguments.

    Tracebacks keep their lines; the frames of HTTP libraries lose their local variables.
    """
    for link in _chain(error):
        _clear_frames(link.__traceback__)
        link.args = tuple(_clean(argument) for argument in link.args)
        attributes = getattr(link, "__dict__", {})
        for name, value in list(attributes.items()):
            clean = _clean(value)
            if clean is not value:
                attributes[name] = clean


def _clear_frames(trace: TracebackType | None) -> None:
    while trace is not None:
        frame = trace.tb_frame
        if str(frame.f_globals.get("__name__")).partition(".")[0] in _LIBRARIES:
            with suppress(RuntimeError):  # a frame that still runs stands above ours: it holds no copy
                frame.clear()
        trace = trace.tb_next


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < MOST_EXCEPTIONS:
        link = waiting.pop()
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting.extend((link.__cause__, link.__context__, *link.args, getattr(link, "reason", None)))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, (bytes, bytearray)):
        text = bytes(value).decode("latin-1")
        clean = masked(text)
        return value if clean is text else clean.encode("utf-8")
    return value
