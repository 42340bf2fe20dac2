"""What has come of a request's body, kept so that the request can be sent a second time."""

from __future__ import annotations


class KeptBody:
    """Up to `most` bytes; a larger body streams on, and is not kept. `pieces`: `None` once it was let go."""

    __slots__ = ("_most", "_size", "pieces")

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self.pieces: list[bytes] | None = []

    @property
    def is_there(self) -> bool:
        """True when all that has come can be sent again."""
        return self.pieces is not None

    @property
    def is_large(self) -> bool:
        """True when more has come than is kept for a replay."""
        return self._size > self._most

    def add(self, data: bytes) -> None:
        """More has come."""
        if self.pieces is not None:
            self.pieces.append(data)
            self._size += len(data)

    def let_go_if_large(self) -> None:
        """It is on its way to the upstream: what is too large need not be kept any longer."""
        if self.is_large:
            self.pieces = None
