"""Sealed tokens, each bound to its row: tenant, name, look-up, generation, and where it may travel (rows L4, L5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...core.errors import StoreFault
from ...core.token import Token, deadlines
from ...keeper.ports import TokenKey
from ..payload import read_token, written_token
from ..sealing import DoesNotOpen, packed
from .backend import Transaction
from .bindings import text, token_place
from .claims import AT, Place
from .vault import Vault

_FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Row:
    """A token's row as it stands. `generation`: 0 when there is none."""

    generation: int
    binding: str = ""
    sealed: bytes = b""


def place_of(transaction: Transaction, vault: Vault, tenant: str, key: TokenKey) -> Place:
    """Where the token of `key` and its claim are."""
    return Place(tenant, key.name, vault.keyed(transaction, tenant, "lookup", _looked_up(key)))


def place_from_memory(vault: Vault, tenant: str, key: TokenKey) -> Place | None:
    """The same without the database; `None` where the tenant's key is not in memory."""
    lookup = vault.keyed_from_memory(tenant, "lookup", _looked_up(key))
    return None if lookup is None else Place(tenant, key.name, lookup)


def _looked_up(key: TokenKey) -> bytes:
    return packed(b"token", text(key.name), key.digest.encode())


def read_row(transaction: Transaction, place: Place) -> Row:
    """The row, unopened."""
    row = transaction.row(
        f"SELECT generation, binding, sealed FROM tokens WHERE {AT}",  # noqa: S608 - put together of constants
        place.values,
    )
    return Row(0) if row is None else Row(*row)


def opened(transaction: Transaction, vault: Vault, place: Place, key: TokenKey, row: Row) -> Token | None:
    """The token in `row`; `None` when there is none, or one that may travel elsewhere.

    Raises `StoreFault` (code `tampered`) when it does not open.
    """
    if not row.generation or row.binding != key.binding:
        return None
    bound_to = token_place(place.tenant, place.name, place.lookup, row.generation, row.binding)
    try:
        return read_token(vault.open(transaction, place.tenant, bound_to, row.sealed), row.generation)
    except DoesNotOpen:
        raise StoreFault(
            f"the stored token of {key.name!r} does not open: it was changed or moved.",
            hint=f"Other records still work. Log in again: authrecord login {key.name}",
            code="tampered",
        ) from None


def write(
    transaction: Transaction, vault: Vault, place: Place, binding: str, token: Token, generation: int
) -> None:
    """Put `token` into its row as `generation`."""
    version, sealed = vault.seal(
        transaction,
        place.tenant,
        token_place(place.tenant, place.name, place.lookup, generation, binding),
        written_token(token),
    )
    transaction.change(
        "INSERT INTO tokens (tenant, name, lookup, binding, generation, key_version, sealed, obtained_at, renew_at,"
        " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, name, lookup) DO UPDATE SET"
        " binding = excluded.binding, generation = excluded.generation, key_version = excluded.key_version,"
        " sealed = excluded.sealed, obtained_at = excluded.obtained_at, renew_at = excluded.renew_at,"
        " expires_at = excluded.expires_at",
        (
            *place.values,
            binding,
            generation,
            version,
            sealed,
            token.obtained_at,
            renew_at(token),
            ends_at(token),
        ),
    )


def renew_at(token: Token) -> float | None:
    """UTC seconds from which it is to be renewed; `None` when no clock says so."""
    due = deadlines(token, wall=token.obtained_at, monotonic=0.0).renew_wall
    return None if due == _FOREVER else due


def ends_at(token: Token) -> float | None:
    """UTC seconds; `None` when no clock ends it."""
    end = deadlines(token, wall=token.obtained_at, monotonic=0.0).end_wall
    return None if end == _FOREVER else end
