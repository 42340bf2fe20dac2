"""What the keeper needs from outside: a store of tokens, a sender of token requests, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from ..core.messages import Request, Response
from ..core.secret import Secret
from ..core.token import Token
from ..record import Record


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
    `name` may be shown; `digest` is 64 hexadecimal digits and depends on secrets: a store never writes it down
    unkeyed. `binding`: 64 hexadecimal digits over where the token may travel (`documents.destination_digest`);
    a kept token of another binding is not found, and one whose binding was changed in the store does not open.
    """

    name: str
    digest: str
    binding: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """A token request that was begun and whose end nobody wrote down: its outcome is unknown (rows I9, I10).

    `generation`: of the token that was to be replaced. `fingerprint`: keyed, of the refresh token that was sent,
    empty when none was. `started_at`: UTC seconds by the store's clock. `owner`: host and process id.
    """

    generation: int
    fingerprint: str
    started_at: float
    owner: str


@dataclass(frozen=True, slots=True)
class Failure:
    """How a renewal failed, as all processes shall know it.

    `state`: `needs_login`, `misconfigured` or `failing`. `code` and `message`: of the error, without secrets.
    `quiet_seconds`: for how long nobody shall ask the provider again. `outcome_unknown`: a request was sent and
    nobody knows what became of it, so the intent stays open.
    """

    state: str
    code: str
    message: str
    quiet_seconds: float = 0.0
    outcome_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to renew, and what the store held at that moment.

    `holder` is unique for each claim. `generation` is that of the stored token, 0 when there is none. A claim
    ends by `settle`, by `release`, by `fail`, or when its seconds are over. `intent`: what a holder before this
    one began and did not end. `failure`: the last failure, while its quiet seconds (those left) are not over.
    """

    key: TokenKey
    holder: str
    generation: int
    token: Token | None
    intent: Intent | None = None
    failure: Failure | None = None
    failures: int = 0


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

    def intend(self, claim: Claim, refresh_token: Secret | None, *, seconds: float) -> bool:
        """Write down, on disk when this returns, that a token request is about to be sent with this claim.

        `False` when the claim no longer stands, or for less than `seconds`, or when a late holder has saved since it
        was made: then the request must not be sent.
        Raises `StoreFault`, `TryLater`.
        """
        ...

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Give the claim back and let all processes know why.

        A claim that is already over changes nothing; one that a late holder has saved before is given back only.
        """
        ...

    def fingerprint(self, secret: Secret) -> str:
        """A keyed fingerprint of `secret`: equal for equal secrets within one store, and tells nothing else."""
        ...

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """Save `token` as the next generation and give the claim back, in one step; the token as saved.

        `None` when the claim no longer stands and the store has moved on: then nothing is written and the
        caller's token is stale. Raises `StoreFault` when it cannot be written.
        """
        ...

    def release(self, claim: Claim) -> None:
        """Give the claim back without saving; an open intent stays. A claim that is already over is no fault."""
        ...

    def forget(self, key: TokenKey) -> None:
        """Drop the token of that key and every token of the same name under another digest."""
        ...

    def close(self) -> None:
        """Close what is open. The store is not used after it."""
        ...


class Issuer(Protocol):
    """Obtains credentials in the keeper's stead, of every kind: a server that has the secrets and the logins."""

    def issue(self, record: Record, held: Token | None, *, refused: bool) -> Token:
        """The credential of `record` to use now; of a static record its value, as the access token.

        `held`: the one in hand, if any, and `refused`: an API calls it expired. It comes back where there is no
        other one now. Blocks. Raises what obtaining raises, `StoreFault`, and `TryLater` while nobody answers.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as a store holds it, its secrets with it (as `Secret` values, or as references).

    `identity`: stays when the record is renamed. `revision` grows by one with each change. Times are UTC seconds.
    `secrets_set_at`: for each field that holds a sealed value, when it was set.
    """

    identity: str
    revision: int
    record: Record
    created_at: float
    created_by: str
    updated_at: float
    updated_by: str
    secrets_set_at: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """A line of a list: nothing of it is sealed, so that a list opens no seal.

    `state`: `static`, `idle`, `live`, `renewing`, `needs_login`, `misconfigured` or `failing`; `reason`: why, in words.
    `live_until`, `used_at`: UTC seconds or `None`.
    """

    identity: str
    name: str
    revision: int
    auth_type: str
    grant: str
    origins: tuple[str, ...]
    tags: tuple[str, ...]
    description: str
    state: str
    reason: str
    live_until: float | None
    used_at: float | None
    updated_at: float


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records to list: all that are given must hold. `name`: the beginning of the name."""

    name: str = ""
    tag: str = ""
    auth_type: str = ""
    grant: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines of a list, in the order of names. `after`: give it to get the next page; empty at the end."""

    lines: tuple[Summary, ...]
    after: str


class RecordStore(Protocol):
    """Keeps records, sealed. One contract suite holds for all stores."""

    def read(self, name: str) -> StoredRecord:
        """The record of that name. Raises `RecordFault` (code `unknown_record`), `StoreFault` (`tampered`)."""
        ...

    def create(self, record: Record) -> StoredRecord:
        """Save a new record. Raises `RecordFault` (code `exists`) when the name is taken."""
        ...

    def update(self, name: str, record: Record, *, revision: int | None) -> StoredRecord:
        """Save `record` (perhaps under another name) in place of `name`.

        `revision`: the one that the change was made from, `None` for whatever is there. Raises `RecordFault`
        (code `stale`) when the record has changed meanwhile. A kept token goes on where nothing that it depends
        on has changed, and is dropped otherwise.
        """
        ...

    def delete(self, name: str, *, revision: int | None = None) -> None:
        """Leave nothing readable of the record and its tokens behind. Raises as `read` and `update` do."""
        ...

    def page(self, wanted: Filter, *, after: str = "", limit: int = 100) -> Page:
        """Up to `limit` lines that come after the cursor `after`."""
        ...

    def names(self) -> Iterable[str]:
        """All names, in order, read page by page."""
        ...
