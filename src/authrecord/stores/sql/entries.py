"""The index of the quick path: from what `authrecord token NAME` knows to the row of a token."""

from __future__ import annotations

from typing import Final

from ...keeper.ports import TokenKey
from ..payload import written_entry
from .backend import Transaction
from .bindings import entry_place
from .claims import Place
from .vault import Vault

MOST: Final = 32
"""Kept for one record name; an edit of its document leaves one behind."""


def write(transaction: Transaction, vault: Vault, place: Place, key: TokenKey, index_key: bytes) -> None:
    """Let `index_key` lead to the token of `place`; the oldest entries of that name give way."""
    leads_to = written_entry(place.name, place.lookup, key.binding)
    version, sealed = vault.seal(transaction, place.tenant, entry_place(place.tenant, index_key), leads_to)
    transaction.change(
        "INSERT INTO entries (tenant, index_key, name, number, key_version, sealed) VALUES (?, ?, ?,"
        " (SELECT coalesce(max(number), 0) + 1 FROM entries WHERE tenant = ? AND name = ?), ?, ?)"
        " ON CONFLICT (tenant, index_key) DO UPDATE SET sealed = excluded.sealed, key_version = excluded.key_version",
        (place.tenant, index_key, place.name, place.tenant, place.name, version, sealed),
    )
    transaction.change(
        "DELETE FROM entries WHERE tenant = ? AND name = ? AND number <="
        " (SELECT max(number) FROM entries WHERE tenant = ? AND name = ?) - ?",
        (place.tenant, place.name, place.tenant, place.name, MOST),
    )
