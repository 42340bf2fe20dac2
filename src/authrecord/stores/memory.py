"""Tokens in memory, for the threads of one process. Nothing outlives the process."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from ..core.contracts import Clock
from ..core.errors import TryLater
from ..core.token import Token
from ..keeper.ports import Claim, TokenKey

LONGEST_PAUSE: Final = 0.05
"""Seconds after which a waiting thread looks at the clock again, since that clock may be turned by hand."""


@dataclass(slots=True)
class _Slot:
    """What is kept for one key. A slot that was forgotten is replaced, so that old claims know it no more."""

    token: Token | None = None
    holder: str = ""
    until: float = 0.0
    holders: set[str] = field(default_factory=set)


class MemoryStore:
    """Implements `keeper.ports.TokenStore` in memory. `clock` tells when a claim is over (monotonic seconds)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._slots: dict[TokenKey, _Slot] = {}
        self._numbers = count(1)

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
            return replace(token, generation=claim.generation + 1)

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
        return Claim(key, holder, _generation(slot), slot.token)

    def _give_back(self, slot: _Slot, holder: str) -> None:
        if slot.holder == holder:
            slot.holder = ""
            self._changed.notify_all()


def _generation(slot: _Slot) -> int:
    return 0 if slot.token is None else slot.token.generation
