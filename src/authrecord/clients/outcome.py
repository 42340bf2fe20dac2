"""What authrecord did for one request, read from the response that the caller got."""

from __future__ import annotations

from typing import Any, Final

from ..core.replay import Outcome

KEY: Final = "authrecord"
"""The key in httpx's `response.extensions`, and the name of the attribute in requests and aiohttp."""


def outcome(response: Any) -> Outcome | None:
    """The outcome of a response of httpx, httpx2, requests or aiohttp; `None` if no record was at work."""
    extensions = getattr(response, "extensions", None)
    found = extensions.get(KEY) if isinstance(extensions, dict) else getattr(response, KEY, None)
    return found if isinstance(found, Outcome) else None


def authenticated(name: str) -> Outcome:
    """The outcome of a request that went well at once. One is made per adapter and shared."""
    from ..core.replay import Reason

    return Outcome(name, Reason.AUTHENTICATED)
