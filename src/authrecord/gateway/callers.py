"""Who is calling. Everybody is asked, on loopback too: any program of this machine reaches a port (row O25).

A caller proves itself by the gateway's password, or by an API token that a store knows. It may stand in
`X-Authrecord-Token`, in `Proxy-Authorization`, or, at a reverse gateway, in `Authorization`, as `Bearer` or as the
password of `Basic`. The field that held it never reaches an upstream (row O2).
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from ..core.errors import RecordFault, StoreFault, TryLater
from ..core.secret import Secret
from .grammar import Field, Fields
from .refusals import Refusal

SHORTEST_PASSWORD: Final = 16
REMEMBERED_SECONDS: Final = 1.0
"""How long an API token's answer holds: a revoked one is refused after this (row N8)."""

AWAY_SECONDS: Final = 60.0
"""How long it holds while the store cannot be asked: who was let in a moment ago goes on."""

MOST_REMEMBERED: Final = 10_000

log = logging.getLogger("authrecord.gateway")

_IN_ANY: Final = (b"x-authrecord-token", b"proxy-authorization")
_IN_REVERSE: Final = (*_IN_ANY, b"authorization")


class Tokens(Protocol):
    """Knows API tokens. It may block: it is asked in a thread, and its answers are remembered for a second."""

    def may_use(self, token: str, record: str) -> bool:
        """True when `token` is valid, and may use `record` through the gateway.

        Raises `StoreFault` or `TryLater` when nobody can say.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Said:
    """What the store said of a token and a record, and when (monotonic seconds)."""

    allowed: bool
    at: float


class Callers:
    """Decides whether a request's sender may use the records of its route.

    `password` opens every record; `tokens` those that they are for. `reverse`: `Authorization` counts as well.
    `monotonic`: seconds.
    """

    def __init__(
        self,
        password: Secret | None,
        tokens: Tokens | None,
        *,
        reverse: bool,
        monotonic: Callable[[], float],
    ) -> None:
        self._password = None if password is None else _digest(password.reveal().encode())
        self._tokens = tokens
        self._places = _IN_REVERSE if reverse else _IN_ANY
        self._monotonic = monotonic
        self._remembered: dict[tuple[bytes, str], _Said] = {}
        self._asking: dict[tuple[bytes, str], asyncio.Task[bool | None]] = {}

    def knows(self, fields: Fields) -> tuple[bool, Field | None]:
        """Whether the gateway's password stands in `fields`, and in which of them."""
        for field, presented in self._presented(fields):
            if self._password is not None and hmac.compare_digest(_digest(presented), self._password):
                return True, field
        return False, None

    def presents_something(self, fields: Fields) -> bool:
        """True when there is a credential to ask about; false: who are you? (401, not 403)."""
        return self._tokens is not None and any(True for _ in self._presented(fields))

    async def may_use(self, fields: Fields, records: tuple[str, ...]) -> tuple[bool, Field | None]:
        """Whether an API token in `fields` may use every one of `records`, and in which field it stands.

        A request of no record belongs to nobody: only the password opens it. Raises `Refusal` 503 when the store
        cannot be asked, and was not a moment ago.
        """
        if self._tokens is None or not records:
            return False, None
        for field, presented in self._presented(fields):
            allowed = [await self._allowed(presented, record) for record in records]
            if all(allowed):
                return True, field
        return False, None

    async def _allowed(self, presented: bytes, record: str) -> bool:
        key = (_digest(presented), record)
        said = self._remembered.get(key)
        if said is not None and self._monotonic() < said.at + REMEMBERED_SECONDS:
            return said.allowed
        asking = self._asking.get(key)
        if asking is None:  # whoever comes meanwhile waits for the same answer
            asking = asyncio.get_running_loop().create_task(self._ask(key, presented))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        allowed = await asyncio.shield(asking)
        if allowed is not None:
            return allowed
        if said is not None and self._monotonic() < said.at + AWAY_SECONDS:
            return said.allowed
        raise Refusal(503, "store_away", "The store that knows the API tokens cannot be asked now.")

    async def _ask(self, key: tuple[bytes, str], presented: bytes) -> bool | None:
        """What the store says; `None` when it does not."""
        assert self._tokens is not None  # noqa: S101 - `may_use` has looked; states it for the type
        text = presented.decode("utf-8", "replace")
        loop = asyncio.get_running_loop()
        try:
            allowed = await loop.run_in_executor(None, self._tokens.may_use, text, key[1])
        except (StoreFault, TryLater) as error:
            log.warning("API tokens cannot be checked: %s", error)
            return None
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = _Said(allowed, self._monotonic())
        return allowed

    def _presented(self, fields: Fields) -> Iterator[tuple[Field, bytes]]:
        for field in fields.all:
            if field.name in self._places:
                yield field, credential_in(field)


def credential_in(field: Field) -> bytes:
    """The token of `Bearer`, the password of `Basic`, or the whole value where no scheme stands before it."""
    scheme, space, rest = field.value.partition(b" ")
    if not space:
        return field.value
    if scheme.lower() == b"bearer":
        return rest.strip()
    if scheme.lower() != b"basic":
        return b""
    try:
        return binascii.a2b_base64(rest.strip(), strict_mode=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _digest(presented: bytes) -> bytes:
    """What is compared and remembered instead of the value."""
    return hashlib.sha256(presented).digest()


def new_password() -> Secret:
    """A password for one run: 256 random bits."""
    return Secret(secrets.token_urlsafe(32))


def checked_password(text: str, source: str) -> Secret:
    """A password that a person chose. Raises `RecordFault` for one that could be guessed, or not be sent."""
    if len(text) < SHORTEST_PASSWORD or not text.isascii() or not text.isprintable() or " " in text:
        raise RecordFault(
            f"the gateway's password in {source} is shorter than {SHORTEST_PASSWORD} characters, or holds a space"
            " or a character outside ASCII.",
            hint="Leave it out, and a new one is made and printed.",
            code="weak_password",
        )
    return Secret(text)
