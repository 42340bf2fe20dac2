"""Takes secrets out of an exception on its way to the caller, in place, so that its type and fields stay.

HTTP libraries build exceptions from the request they sent: the URL with its query (requests, urllib3), the value
of a header that is not allowed (h11, http.client). See F1, F3, D2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from .masking import masked

MOST_EXCEPTIONS: Final = 32
"""How many exceptions of one chain are looked at."""


def scrub(error: BaseException) -> None:
    """Mask known secrets in `error`, its causes, its contexts, and exceptions among their arguments."""
    for link in _chain(error):
        link.args = tuple(_clean(argument) for argument in link.args)
        attributes = getattr(link, "__dict__", {})
        for name, value in list(attributes.items()):
            clean = _clean(value)
            if clean is not value:
                attributes[name] = clean


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
