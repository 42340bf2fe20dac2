"""Passwords of people: argon2id, few at a time, and the same work for a name that nobody has (rows N6, N7)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from ..core.errors import RecordFault, TryLater
from ..core.secret import Secret

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from ..stores.sql.failures import Failures
    from ..stores.sql.people import People

SHORTEST: Final = 12
LONGEST: Final = 256
"""Characters of a password."""

AT_ONCE: Final = 2
"""Hashes that are computed at a time: each takes 64 MiB."""

MOST_FAILURES: Final = 10
"""Failures of one name, or of one address, after which it waits."""

MOST_FAILURES_OF_ALL: Final = 200
"""Of everybody together: no more are ever counted, however many names and addresses there are."""

EVERYBODY: Final = ""


class Passwords:
    """Makes and checks password hashes. `hasher`: with other costs than RFC 9106's, for tests."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        from argon2 import PasswordHasher

        self._hasher = hasher or PasswordHasher()
        self._room = threading.Semaphore(AT_ONCE)
        self._nobody = self._hasher.hash("nobody has this password")

    def hashed(self, password: Secret) -> str:
        """The hash to keep. Raises `RecordFault` for a password that is too short or too long."""
        _check(password)
        with self._room:
            return self._hasher.hash(password.reveal())

    def verify(self, kept: str, password: Secret) -> bool:
        """True when `password` is the one behind `kept`; an empty `kept` takes as long and is never right."""
        from argon2.exceptions import InvalidHashError, VerificationError

        text = password.reveal()
        if len(text) > LONGEST:
            return False
        with self._room:
            try:
                self._hasher.verify(kept or self._nobody, text)
            except (VerificationError, InvalidHashError):
                return False
        return bool(kept)


def _check(password: Secret) -> None:
    length = len(password.reveal())
    if not SHORTEST <= length <= LONGEST:
        raise RecordFault(
            f"a password has {SHORTEST} to {LONGEST} characters.",
            field="password",
            hint="Four or five words that nobody else would put together are a good one.",
        )


class Attempts:
    """Counts failures in all servers of a store, so that passwords cannot be tried in bulk."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures

    def check(self, *whose: str) -> None:
        """Raises `TryLater` when one of `whose` (a folded name, an address) has failed too often."""
        limits = dict.fromkeys(whose, MOST_FAILURES) | {EVERYBODY: MOST_FAILURES_OF_ALL}
        seconds = self._failures.wait(limits)
        if seconds:
            raise TryLater(
                "too many attempts have failed.",
                retry_after=seconds,
                hint="Wait a quarter of an hour, or ask an administrator for a new password.",
                code="too_many_attempts",
            )

    def failed(self, *whose: str) -> None:
        """One more failure."""
        self._failures.note(*whose, EVERYBODY)


def checked_login(
    people: People, passwords: Passwords, attempts: Attempts, *, name: str, password: Secret, address: str
) -> str | None:
    """The identity of the person who gave the right password, or `None`. The answer tells nothing about names.

    Raises `TryLater` after too many failures.
    """
    from ..stores.sql.people import folded

    whose = (f"name:{folded(name)[:100]}", f"address:{address}")
    attempts.check(*whose)
    found = people.password_of(name)
    right = passwords.verify("" if found is None else found[1], password)
    if found is None or not right:
        attempts.failed(*whose)
        return None
    return found[0]
