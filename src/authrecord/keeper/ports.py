"""What the keeper needs from outside: a store of tokens, a sender of token requests, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..core.messages import Request, Response
from ..core.token import Token


class Sender(Protocol):
    """Sends one request to an authorization server."""

    def __call__(self, request: Request) -> Response:
        """The answer, whatever its status.

        No redirect is followed, no cookie kept, no proxy or netrc of the environment used; the whole call ends
        within the total deadline and the body is cut at the cap. Raises `TryLater` when no answer came (with
        `outcome_unknown` when the request may have arrived), `BadAnswer` when the answer broke a bound.
        """
        ...

    def close(self) -> None:
        """Close kept connections. The sender may be used again: it opens new ones."""
        ...


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Whose token: the record's name and a digest of everything in the record that a token depends on.

    An edit of the record changes the digest, so that an old token is never used for a changed record.
    `name` may be shown; `digest` is 64 hexadecimal digits.
    """

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to renew, and what the store held at that moment.

    `holder` is unique for each claim. `generation` is that of the stored token, 0 when there is none. A claim
    ends by `settle`, by `release`, or when its seconds are over.
    """

    key: TokenKey
    holder: str
    generation: int
    token: Token | None


class TokenStore(Protocol):
    """Keeps the token of each record, and lets one at a time renew it. One contract suite holds for all stores."""

    def load(self, key: TokenKey) -> Token | None:
        """The stored token. Raises `StoreFault` when it cannot be read or does not open."""
        ...

    def claim(self, key: TokenKey, *, seconds: float, patience: float) -> Claim:
        """The right to renew for `seconds`, and the token as it stands, in one step.

        Waits up to `patience` seconds while another holds it. Raises `TryLater` when they are over.
        """
        ...

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """Save `token` as the next generation and give the claim back, in one step; the token as saved.

        `None` when the claim no longer stands and the store has moved on: then nothing is written and the
        caller's token is stale. Raises `StoreFault` when it cannot be written.
        """
        ...

    def release(self, claim: Claim) -> None:
        """Give the claim back without saving. A claim that is already over is no fault."""
        ...

    def forget(self, key: TokenKey) -> None:
        """Drop the token of that key and every token of the same name under another digest."""
        ...

    def close(self) -> None:
        """Close what is open. The store is not used after it."""
        ...
