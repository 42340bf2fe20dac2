"""What an exchange needs of a connection to an upstream, whichever version of HTTP it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .exchange import Exchange


class Upstream(Protocol):
    """One request on a connection to an upstream."""

    @property
    def is_fresh(self) -> bool:
        """False when the connection waited idle before: then it may just have been closed by the other side."""
        ...

    def begin(
        self,
        exchange: Exchange,
        method: bytes,
        target: bytes,
        fields: bytes,
        pieces: list[bytes],
        *,
        chunked: bool,
    ) -> None:
        """Send a head, and what has come of the body. `fields` ends with the empty line."""
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
