"""The few shapes that rooms above fill in: flows, schemes, and the means a grant may use from outside."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from .messages import Outgoing, Request, Response, Stamp
from .secret import Reference, Secret
from .token import Token

T = TypeVar("T")

Steps: TypeAlias = Generator[Request, Response, T]
"""A protocol as a generator: it yields only `Request`, receives `Response`, holds no lock, reads no clock."""

Flow: TypeAlias = Generator[Request, Response, Token]
"""Steps that end in a token."""

Resolver: TypeAlias = Callable[[Reference], Secret]
"""Finds the secret that a reference names. Raises `RecordFault` when it is not there."""


class Clock(Protocol):
    """Time as an argument."""

    def time(self) -> float:
        """UTC seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class Signer(Protocol):
    """Makes a signed JWT (RFC 7523 §2.2). The work is done by a library outside this floor."""

    def __call__(self, claims: Mapping[str, str | int], key: Secret, algorithm: str, key_id: str) -> Secret:
        """The compact form of the JWT. Raises `RecordFault` when the key cannot be used."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a grant may use from outside.

    `now`: UTC seconds. `random`: a new unguessable text of 256 bits, base64url (43 characters). `sign`: a
    signed JWT.
    """

    now: Callable[[], float]
    random: Callable[[], str]
    sign: Signer


class Scheme(Protocol):
    """How a request is signed."""

    def stamp(self, outgoing: Outgoing, token: Token | None) -> Stamp:
        """What to put on the request. Pure: it touches nothing."""
        ...
