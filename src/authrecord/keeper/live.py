"""A credential that is ready to be put on a request, and until when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.messages import Stamp
from ..core.token import Deadlines, Token

FOREVER = Deadlines(*(float("inf"),) * 6)
"""The deadlines of a credential that no clock ends."""


class Live:
    """A stamp, the token it came from (`None` for a static credential), and its deadlines.

    `prepared(kind, make)` keeps in `made` what an HTTP library's adapter made of the stamp (encoded headers, a
    query), so that the hot path makes it once per token. Nothing of it prints.
    """

    __slots__ = ("deadlines", "made", "stamp", "token")

    def __init__(self, stamp: Stamp, token: Token | None = None, deadlines: Deadlines = FOREVER) -> None:
        self.stamp = stamp
        self.token = token
        self.deadlines = deadlines
        self.made: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Live({self.stamp!r})"

    def prepared(self, kind: str, make: Callable[[Stamp], Any]) -> Any:
        """What `make` makes of the stamp, made once for each `kind`. Safe to race: both make the same."""
        found = self.made.get(kind)
        if found is None:
            found = self.made[kind] = make(self.stamp)
        return found

    def is_same(self, other: Live | None) -> bool:
        """True when `other` carries the same credential."""
        if other is None:
            return False
        if self.token is None or other.token is None:
            return self is other
        return self.token.is_same(other.token)
