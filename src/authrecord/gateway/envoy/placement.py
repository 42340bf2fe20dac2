"""Where a record's credential stands in a request: known from the record alone, before there is a credential."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Final

from ...clients.wire import Wire
from ...core.errors import RecordFault
from ...record import OAuth2, Record
from ...schemes.api_key import ApiKey

MOST_SPELLINGS: Final = 64
"""A header name with up to six `-` or `_` is recognised however these are exchanged (row O1)."""


class Place(Enum):
    """The parts of a request that carry credentials."""

    HEADER = "header"
    QUERY = "query"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class Placement:
    """One record's credential: its record, its place, and the name of the header, parameter or cookie."""

    record: str
    place: Place
    name: str

    def value(self, wire: Wire) -> str:
        """What is injected: a header's value, or `name=value` as it stands in the query or in `Cookie`."""
        if self.place is Place.QUERY:
            return wire.query
        if self.place is Place.COOKIE:
            return wire.cookies
        return next(value for name, value in wire.headers if name.lower() == self.name.lower())


def placement_of(record: Record) -> Placement:
    """Where this record's credential goes."""
    auth = record.auth
    if isinstance(auth, OAuth2):
        if auth.token_usage.add_to == "query":
            return Placement(record.name, Place.QUERY, auth.token_usage.query_name)
        return Placement(record.name, Place.HEADER, auth.token_usage.header_name)
    if isinstance(auth, ApiKey):
        return Placement(record.name, Place(auth.send_in), auth.key)
    return Placement(record.name, Place.HEADER, "Authorization")


def spellings(name: str) -> tuple[str, ...]:
    """Every header name that a lax server reads as `name`, lower case: `-` and `_` are the same to it (row O1).

    Raises `RecordFault` for a name with more signs than can be told apart.
    """
    parts = name.lower().replace("_", "-").split("-")
    if 2 ** (len(parts) - 1) > MOST_SPELLINGS:
        raise RecordFault(
            f"the header name {name[:60]!r} has too many `-` and `_` for the Envoy engine.",
            hint="Use the embedded engine for this record.",
            field="auth",
        )
    return tuple(
        parts[0] + "".join(sign + part for sign, part in zip(signs, parts[1:], strict=True))
        for signs in product("-_", repeat=len(parts) - 1)
    )
