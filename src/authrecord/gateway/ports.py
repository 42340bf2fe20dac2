"""What an exchange needs of a connection to an upstream, whichever version of HTTP it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .exchange import Exchange


class Sending:
    """One request as it goes out. `fields` ends with the empty line; `chunked`: how its body is framed."""

    __slots__ = ("chunked", "fields", "method", "target")

    def __init__(self, method: bytes, target: bytes, fields: bytes, *, chunked: bool) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.chunked = chunked


class Upstream(Protocol):
    """One request on a connection to an upstream."""

    @property
    def is_fresh(self) -> bool:
        """False when the connection waited idle before: then it may just have been closed by the other side."""
        ...

    def begin(self, exchange: Exchange, sending: Sending, pieces: list[bytes]) -> None:
        """Send a head, and the pieces that have come of the body."""
        ...

    def send(self, data: bytes) -> None:
        """Send more of the body."""
        ...

    def end(self) -> None:
        """The body is complete."""
        ...

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        ...

    def pause_reading(self) -> None:
        """Let the answer wait."""
        ...

    def resume_reading(self) -> None:
        """Let it go on."""
        ...
