"""What happens to tokens, for whoever counts it. Nothing is told on the path of a request with a live token."""

from __future__ import annotations

from typing import Final, Protocol

OUTCOME_UNKNOWN: Final = "outcome_unknown"
"""A token request was sent, and nobody knows what became of it (I9, I10)."""

REUSE_SUSPECTED: Final = "reuse_suspected"
"""The provider refuses a refresh token that is the newest here: it was used elsewhere (I13)."""

TAMPERED: Final = "tampered"
"""A sealed value does not open: it was changed, moved or re-pointed in the store (L4 to L6)."""

NOT_STORED: Final = "not_stored"
"""A new token could not be written and lives in memory only (K5)."""

AUDIT_NOT_WRITTEN: Final = "audit_not_written"
"""The audit log could not be written; what it would have told of did not happen (N13)."""

RELEASE_DENIED: Final = "release_denied"
"""A credential was wanted for a destination that its record does not allow; told once for each destination."""

PATTERN_MATCHED: Final = "pattern_matched"
"""An answer matched the record's pattern for "expired"."""

PATTERN_DOUBTED: Final = "pattern_doubted"
"""A renewed token was refused as well: perhaps the answer does not mean "expired" (G11)."""

AUDIT_NOTE: Final = "the audit log could not be written"
"""The note (PEP 678) on an error of the store that its audit log caused."""

EVENTS: Final = (
    OUTCOME_UNKNOWN,
    REUSE_SUSPECTED,
    TAMPERED,
    NOT_STORED,
    AUDIT_NOT_WRITTEN,
    RELEASE_DENIED,
    PATTERN_MATCHED,
    PATTERN_DOUBTED,
)


class Observer(Protocol):
    """Is told, in whatever thread it happens. Quick, and raises nothing. No name and no value reaches it."""

    def renewed(self, outcome: str, seconds: float) -> None:
        """A renewal ended after so long. `outcome`: `ok`, or the `code` of the error that ended it."""
        ...

    def waited(self, seconds: float) -> None:
        """A renewal got its claim after so long; most of it is waiting for another one's renewal."""
        ...

    def noticed(self, event: str) -> None:
        """One of `EVENTS` happened."""
        ...


class Unobserved:
    """Counts nothing."""

    def renewed(self, outcome: str, seconds: float) -> None:
        """Nobody wants to know."""

    def waited(self, seconds: float) -> None:
        """Nobody wants to know."""

    def noticed(self, event: str) -> None:
        """Nobody wants to know."""


def notice_unwritten(observer: Observer, error: BaseException) -> None:
    """Tell `AUDIT_NOT_WRITTEN` when that is what `error` came from."""
    if AUDIT_NOTE in getattr(error, "__notes__", ()):
        observer.noticed(AUDIT_NOT_WRITTEN)
