"""What the contracts of token stores share: keys, tokens, a clock, and two handles on one storage."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authrecord.core.contracts import Clock
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.ports import TokenKey, TokenStore
from tests.canary_watch import Canary

Opener = Callable[[Clock], TokenStore]

ORDERS = TokenKey("orders", "a" * 64)
ORDERS_EDITED = TokenKey("orders", "b" * 64)
BILLING = TokenKey("billing", "a" * 64)


class TurnedClock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return 1_800_000_000.0 + self.now

    def monotonic(self) -> float:
        return self.now


def plain_token(canary: Canary, label: str = "access_token") -> Token:
    """A token with nothing but an access token."""
    return Token(access_token=Secret(canary(label)), obtained_at=1_800_000_000.0, life=3600.0)


def full_token(canary: Canary) -> Token:
    """A token with every field, each different from its default."""
    return Token(
        access_token=Secret(canary("access_token", "hard") + "\N{SNOWMAN}"),
        token_type="bearer",
        obtained_at=1_800_000_000.125,
        life=0.5,
        refresh_token=Secret(canary("refresh_token")),
        id_token=Secret(canary("id_token")),
        scope="read write",
        issued_by="https://login.example.com/token",
    )


class StoreFixtures:
    """Two handles on one storage; whoever takes a contract gives `opened`."""

    @pytest.fixture
    def clock(self) -> TurnedClock:
        return TurnedClock()

    @pytest.fixture
    def store(self, opened: Opener, clock: TurnedClock) -> TokenStore:
        return opened(clock)

    @pytest.fixture
    def other(self, opened: Opener, clock: TurnedClock) -> TokenStore:
        """A second handle, as another process or machine has it."""
        return opened(clock)

    def save(self, store: TokenStore, key: TokenKey, token: Token) -> Token:
        """`token` saved under a claim of its own."""
        saved = store.settle(store.claim(key, seconds=30, patience=0), token)
        assert saved is not None
        return saved
