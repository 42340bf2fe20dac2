"""What happens to a record while somebody watches: steps, one under another, each with its time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Final

from ..grants.pending import LIFE_SECONDS

MOST_KEPT: Final = 2_000
"""Attempts that are remembered; the oldest go first."""

WAITING: Final = "waiting"
RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"

_LATE: Final = "No answer came in time."


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `mark`: `ok`, `failed` or `note`. `at`: seconds since the attempt began.

    `text` is ours. `quote` holds words of a provider, which are shown as text and nothing else. `advice` is the one
    thing to do next.
    """

    mark: str
    text: str
    at: float
    details: tuple[str, ...] = ()
    quote: str = ""
    advice: str = ""


@dataclass
class Attempt:
    """Somebody's attempt to get a token for a record. Changed by one thread at a time, under its lock.

    `session`: whose it is. `state`: waiting (for a person), running, done, failed. `paste`: the answer comes back
    by hand, since the callback leads elsewhere. `login`: the name under which the store keeps what waits.
    """

    tenant: str
    name: str
    session: str
    began: float
    identity: str = field(default_factory=lambda: token_urlsafe(16))
    state: str = RUNNING
    steps: list[Step] = field(default_factory=list)
    paste: bool = False
    login: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def over(self) -> bool:
        """True when nothing more will happen."""
        return self.state in {DONE, FAILED}

    def add(self, step: Step, state: str = "") -> None:
        """One more step, and the state after it."""
        with self.lock:
            self.steps.append(step)
            if state:
                self.state = state

    def end_waiting(self, step: Step) -> None:
        """`step` as the last one of an attempt that still waits for a person; another one is left alone."""
        with self.lock:
            if self.state == WAITING:
                self.steps.append(step)
                self.state = FAILED


class Progress:
    """The attempts of a server, bounded. `now`: a clock that never goes back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._attempts: OrderedDict[str, Attempt] = OrderedDict()

    def begin(self, tenant: str, name: str, session: str) -> Attempt:
        """A new attempt; an older one of the same session for the same record is forgotten."""
        attempt = Attempt(tenant, name, session, self._now())
        with self._lock:
            for key, one in list(self._attempts.items()):
                if (one.tenant, one.name, one.session) == (tenant, name, session) and one.state != RUNNING:
                    del self._attempts[key]
            self._attempts[attempt.identity] = attempt
            while len(self._attempts) > MOST_KEPT:
                self._attempts.popitem(last=False)
        return attempt

    def latest(self, tenant: str, name: str, session: str) -> Attempt | None:
        """The last attempt of a session for a record. One that nobody finished in time has failed (A19)."""
        with self._lock:
            found = next(
                (
                    one
                    for one in reversed(self._attempts.values())
                    if (one.tenant, one.name, one.session) == (tenant, name, session)
                ),
                None,
            )
        if found is not None and self.since(found) > LIFE_SECONDS:
            found.end_waiting(Step("failed", _LATE, LIFE_SECONDS, advice="Start the login again."))
        return found

    def since(self, attempt: Attempt) -> float:
        """Seconds since the attempt began."""
        return self._now() - attempt.began
