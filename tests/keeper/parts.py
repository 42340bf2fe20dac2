"""What the tests of the keeper share: a clock that is turned by hand, and an issuer of credentials."""

from __future__ import annotations

import threading
from collections.abc import Callable

from authrecord.core.messages import Stamp
from authrecord.core.secret import Secret
from authrecord.core.token import Token, deadlines
from authrecord.keeper.backoff import Backoff
from authrecord.keeper.gate import Gate
from authrecord.keeper.live import Live


class HandClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.ticks = 100.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.ticks

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.ticks += seconds


class Issuer:
    """Issues credentials, counts them, can be made to wait and to fail. It is what a gate calls to obtain."""

    def __init__(self, clock: HandClock, secret: Callable[[str], str], *, life: float = 100.0) -> None:
        self.clock = clock
        self.life = life
        self.calls: list[tuple[Live | None, Live | None]] = []
        self.error: BaseException | None = None
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self._secret = secret

    def __call__(self, held: Live | None, rejected: Live | None) -> Live:
        self.calls.append((held, rejected))
        self.entered.set()
        assert self.open.wait(30), "nobody opened the issuer"
        if self.error is not None:
            raise self.error
        return self.new()

    def new(self) -> Live:
        """A new credential whose life begins now."""
        token = Token(
            access_token=Secret(self._secret("token")),
            obtained_at=self.clock.now,
            obtained_monotonic=self.clock.ticks,
            life=self.life,
            generation=len(self.calls),
        )
        until = deadlines(token, wall=self.clock.now, monotonic=self.clock.ticks)
        return Live(Stamp(headers=(("Authorization", token.access_token),)), token, until)


def gate_of(issuer: Issuer) -> Gate:
    """A gate before `issuer`, without jitter."""
    return Gate(issuer, clock=issuer.clock, backoff=Backoff(lambda: 0.0), name="orders")
