"""Tokens in memory, for the threads of one process. Nothing outlives the process."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from ..core.contracts import Clock
from ..core.errors import TryLater
from ..core.secret import Secret
from ..core.token import Token
from ..keeper.ports import Claim, Failure, Intent, TokenKey
from .payload import secret_bytes

LONGEST_PAUSE: Final = 0.05
"""Seconds after which a waiting thread looks at the clock again, since that clock may be turned by hand."""


@dataclass(slots=True)
class _Slot:
    """What is kept for one key. A slot that was forgotten is replaced, so that old claims know it no more."""

    token: Token | None = None
    holder: str = ""
    until: float = 0.0
    holders: set[str] = field(default_factory=set)
    intent: Intent | None = None
    failure: Failure | None = None
    quiet_until: float = 0.0
    failures: int = 0


class MemoryStore:
    """Implements `keeper.ports.TokenStore` in memory. `clock` tells when a claim is over (monotonic seconds)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._slots: dict[TokenKey, _Slot] = {}
        self._numbers = count(1)
        self._mark = os.urandom(32)

    def load(self, key: TokenKey) -> Token | None:
        """The token; see `TokenStore.load`."""
        with self._changed:
            slot = self._slots.get(key)
            return None if slot is None else slot.token

    def claim(self, key: TokenKey, *, seconds: float, patience: float) -> Claim:
        """The right to renew; see `TokenStore.claim`."""
        # Patience is a person's time, not the clock's: a clock that stands must not make a thread wait for ever.
        give_up = time.monotonic() + patience
        with self._changed:
            while True:
                slot = self._slots.setdefault(key, _Slot())
                now = self._clock.monotonic()
                if not slot.holder or now >= slot.until:
                    return self._take(key, slot, now + seconds)
                left = give_up - time.monotonic()
                if left <= 0:
                    raise TryLater(
                        f"the token of {key.name!r} is being renewed by another thread.", code="store_busy"
                    )
                self._changed.wait(min(left, LONGEST_PAUSE))

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """Save and give back; see `TokenStore.settle`."""
        with self._changed:
            slot = self._slots.get(claim.key)
            if slot is None or claim.holder not in slot.holders:
                return None
            self._give_back(slot, claim.holder)
            if claim.generation != _generation(slot):
                return None
            slot.token = replace(token, generation=claim.generation + 1, obtained_monotonic=None)
            slot.holders.clear()
            if slot.holder:
                slot.holders.add(slot.holder)
            slot.intent = slot.failure = None
            slot.failures = 0
            return replace(token, generation=claim.generation + 1)

    def intend(self, claim: Claim, refresh_token: Secret | None, *, seconds: float) -> bool:
        """Say what is about to be sent; see `TokenStore.intend`."""
        mark = self.fingerprint(refresh_token) if refresh_token is not None else ""
        with self._changed:
            slot = self._slots.get(claim.key)
            if slot is None or slot.holder != claim.holder or slot.until < self._clock.monotonic() + seconds:
                return False
            if claim.generation != _generation(slot):
                return False  # a holder before this one has saved after all
            slot.intent = Intent(claim.generation, mark, self._clock.time(), f"this process:{os.getpid()}")
            return True

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Give back, and let everybody know why; see `TokenStore.fail`."""
        with self._changed:
            slot = self._slots.get(claim.key)
            if slot is None or slot.holder != claim.holder:
                return
            if claim.generation != _generation(slot):
                self._give_back(slot, claim.holder)
                return
            slot.failure = failure
            slot.failures += 1
            slot.quiet_until = self._clock.monotonic() + failure.quiet_seconds
            if not failure.outcome_unknown:
                slot.intent = None
            self._give_back(slot, claim.holder)

    def fingerprint(self, secret: Secret) -> str:
        """See `TokenStore.fingerprint`."""
        import hmac

        return hmac.digest(self._mark, secret_bytes(secret), "sha256").hex()

    def release(self, claim: Claim) -> None:
        """Give back; see `TokenStore.release`."""
        with self._changed:
            slot = self._slots.get(claim.key)
            if slot is not None:
                self._give_back(slot, claim.holder)

    def forget(self, key: TokenKey) -> None:
        """Drop every token of that name; see `TokenStore.forget`."""
        with self._changed:
            for known in [known for known in self._slots if known.name == key.name]:
                del self._slots[known]
            self._changed.notify_all()

    def close(self) -> None:
        """Drop everything."""
        with self._changed:
            self._slots.clear()

    def _take(self, key: TokenKey, slot: _Slot, until: float) -> Claim:
        holder = f"claim-{next(self._numbers)}"
        slot.holder, slot.until = holder, until
        slot.holders.add(holder)
        left = slot.quiet_until - self._clock.monotonic()
        failure = replace(slot.failure, quiet_seconds=left) if slot.failure is not None and left > 0 else None
        return Claim(key, holder, _generation(slot), slot.token, slot.intent, failure, slot.failures)

    def _give_back(self, slot: _Slot, holder: str) -> None:
        if slot.holder == holder:
            slot.holder = ""
            self._changed.notify_all()


def _generation(slot: _Slot) -> int:
    return 0 if slot.token is None else slot.token.generation
