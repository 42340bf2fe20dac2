"""Who may do what: scopes, roles, and the caller of one request (attack row N3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ..core.errors import RecordFault
from ..stores.sql.api_tokens import GATEWAY_USE

READ: Final = "records:read"
WRITE: Final = "records:write"
SET: Final = "secrets:set"
REVEAL: Final = "secrets:reveal"
USE: Final = "tokens:use"
GATEWAY: Final = GATEWAY_USE
AUDIT: Final = "audit:read"
ADMIN: Final = "admin"

SCOPES: Final = {
    READ: "See records and their states; never a secret.",
    WRITE: "Create, change and delete records, as long as no secret can go elsewhere by it.",
    SET: "Set and clear secrets, and change where a record's secrets go.",
    REVEAL: "See a stored secret, and export records with their secrets.",
    USE: "Get tokens and headers, log in, try requests.",
    GATEWAY: "Send requests through the gateway.",
    AUDIT: "Read the audit log.",
    ADMIN: "Manage people, API tokens and keys.",
}
"""Every scope with what it allows, in plain words."""

ROLES: Final = {
    "viewer": (READ,),
    "user": (READ, USE, GATEWAY),
    "editor": (READ, USE, GATEWAY, WRITE, SET),
    "administrator": (READ, USE, GATEWAY, WRITE, SET, AUDIT, ADMIN),
}
"""The roles of people, each with its scopes. To reveal is a right of its own, which no role brings."""

ROLE_WORDS: Final = {
    "viewer": "Sees records and their states.",
    "user": "Uses records, and sees none of their secrets.",
    "editor": "Changes records and sets secrets.",
    "administrator": "Manages people, tokens and keys as well.",
}


@dataclass(frozen=True, slots=True)
class Who:
    """Who sends this request. `kind`: `person` or `token`. `records`: the only ones it may touch; `None` for all.

    `session`: the identity of a person's session, empty for a token. `confirmed_at`: when the person last gave the
    password (UTC seconds).
    """

    kind: str
    identity: str
    name: str
    tenant: str
    scopes: frozenset[str]
    records: frozenset[str] | None = None
    session: str = ""
    role: str = ""
    confirmed_at: float = 0.0

    @property
    def actor(self) -> str:
        """As the audit log names it."""
        return f"web:{self.name}" if self.kind == "person" else f"token:{self.identity}"

    def may(self, scope: str) -> bool:
        """True when the caller has that scope."""
        return scope in self.scopes

    def reaches(self, name: str) -> bool:
        """True when the caller may touch the record of that name."""
        return self.records is None or name in self.records


Caller: TypeAlias = SkipValidation[NamedDependency[Who]]
"""The caller, as an argument of a handler: litestar hands it over as it is."""


def unreachable(name: str) -> RecordFault:
    """The fault of a record that the caller may not touch: word for word that of one that is not there (N1)."""
    return RecordFault(f"the store holds no record {name[:100]!r}.", field="name", code="unknown_record")


def scopes_of(role: str, *, may_reveal: bool) -> frozenset[str]:
    """The scopes of a person. Raises `KeyError` for a role that is none."""
    return frozenset(ROLES[role]) | ({REVEAL} if may_reveal else frozenset())
