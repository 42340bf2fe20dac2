"""A connection to PostgreSQL whose every wait ends, and what the driver's errors mean.

A server that is stopped, or behind a network that swallows packets, keeps a connection open and never answers; so
each round trip has an end of its own here, beside the server's time limits (reliability target R12).
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import errors

from ...core.errors import AuthrecordError, StoreFault, TryLater

STATEMENT_SECONDS: Final = 2.0
"""How long one statement may take."""

CONNECT_SECONDS: Final = 2
"""How long a connection may take; the least that libpq knows."""


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits `patience` seconds for each answer and is closed when none came."""

    patience: float = STATEMENT_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """See `psycopg.Connection.wait`. Raises `OperationalError` when no answer came in time."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if timeout is None and error.sqlstate is None:
                self.close()  # whatever it was, nobody knows what the server would answer next
            raise


def connect(url: str) -> PatientConnection:
    """A connection of its own, outside of the pool. Raises `psycopg.OperationalError`."""
    return PatientConnection.connect(url, **options())


def options() -> dict[str, Any]:
    """How every connection is made.

    Without prepared statements, which a transaction-mode pooler loses (K10), and without time zone or other settings
    of a session, which it would hand on to others.
    """
    return {
        "autocommit": True,
        "prepare_threshold": None,
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "authrecord",
    }


def fault_of(error: psycopg.Error, place: str) -> AuthrecordError:
    """What an error of the driver means for the caller. The server's own words are not shown: they hold values."""
    if isinstance(error, (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected)):
        return TryLater(f"{place} is busy.", code="store_busy", hint="Try again in a moment.")
    if isinstance(error, (errors.DiskFull, errors.OutOfMemory)):
        return StoreFault(
            f"{place} could not be written: its disk or memory is full.",
            hint="Make room; nothing was changed.",
            code="disk_full",
        )
    if isinstance(error, (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege)):
        return StoreFault(
            f"{place} cannot be written by this user.",
            hint="Check the user's rights, and that this is not a read-only replica.",
            code="read_only",
        )
    if isinstance(error, (errors.InvalidPassword, errors.InvalidAuthorizationSpecification)):
        return refused(place)
    # The last one is what a process gets that was stopped inside a transaction: the server has given it up (I7).
    if isinstance(
        error, (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout)
    ):
        return away(place)
    return StoreFault(f"{place} cannot be used (SQLSTATE {error.sqlstate or 'unknown'}).", code="store")


def away(place: str) -> TryLater:
    """Nobody answers there."""
    return TryLater(
        f"{place} does not answer.", code="store_away", hint="Live tokens go on; try again later."
    )


def busy(place: str) -> TryLater:
    """Every connection that this process may have is in use."""
    return TryLater(
        f"all connections to {place} are in use.", code="store_busy", hint="Try again in a moment."
    )


def refused(place: str) -> StoreFault:
    """The server knows us, and does not let us in."""
    return StoreFault(
        f"{place} does not accept this user, password or database.",
        hint="Correct the URL of the store (AUTHRECORD_STORE, or `store` in settings.toml).",
        code="store_refused",
    )
