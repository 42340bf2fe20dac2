"""Passwords of people: argon2id, few at a time, and the same work for a name that nobody has (rows N6, N7)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..core.errors import RecordFault, TryLater
from ..core.secret import Secret

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from ..stores.sql.people import People

SHORTEST: Final = 12
LONGEST: Final = 256
"""Characters of a password."""

AT_ONCE: Final = 2
"""Hashes that are computed at a time: each takes 64 MiB."""

MOST_FAILURES: Final = 10
"""Failures of one name, or of one address, after which it waits."""

MOST_FAILURES_OF_ALL: Final = 200
WINDOW_SECONDS: Final = 15 * 60.0
MOST_REMEMBERED: Final = 10_000


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
    """Counts failures, so that passwords cannot be tried in bulk. In memory: a restart forgives.

    `now`: a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, *whose: str) -> None:
        """Raises `TryLater` when one of `whose` (a folded name, an address) has failed too often."""
        with self._lock:
            for one in (*whose, ""):
                limit = MOST_FAILURES if one else MOST_FAILURES_OF_ALL
                recent = self._recent(one)
                if len(recent) >= limit:
                    raise TryLater(
                        "too many attempts have failed.",
                        retry_after=recent[0] + WINDOW_SECONDS - self._now(),
                        hint="Wait a quarter of an hour, or ask an administrator for a new password.",
                        code="too_many_attempts",
                    )

    def failed(self, *whose: str) -> None:
        """One more failure."""
        with self._lock:
            for one in (*whose, ""):
                recent = self._recent(one)
                recent.append(self._now())
                self._failed[one] = recent[-MOST_FAILURES_OF_ALL:]
                self._failed.move_to_end(one)
            while len(self._failed) > MOST_REMEMBERED:
                self._failed.popitem(last=False)

    def forgive(self) -> None:
        """Forget every failure, as a restart does."""
        with self._lock:
            self._failed.clear()

    def _recent(self, one: str) -> list[float]:
        return [at for at in self._failed.get(one, ()) if self._now() - at < WINDOW_SECONDS]


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
