"""What every part of a tenant's store works with: the database, the vault, and who is told of in the audit log."""

from __future__ import annotations

import os

from ...core.secret import Secret
from ...keeper.ports import TokenKey
from ..payload import secret_bytes
from ..sealing import Random
from . import tokens
from .audit import Entry, append
from .backend import Backend, Transaction
from .claims import AT, Place
from .slots import Slots
from .vault import Vault


class TenantStore:
    """The store of `tenant`. `actor`: who is written into the audit log, such as `cli:ada@host`.

    The tables are there and `vault` fits them: see `opening`. `random`: `os.urandom`.
    """

    def __init__(
        self,
        backend: Backend,
        vault: Vault,
        *,
        tenant: str = "default",
        actor: str,
        random: Random = os.urandom,
    ) -> None:
        self.backend = backend
        self.vault = vault
        self.tenant = tenant
        self.actor = actor
        self._random = random
        self._slots = Slots(backend.lock_folder) if backend.lock_folder else None
        self._nobodys: dict[TokenKey, frozenset[str]] = {}
        """Holders that may stand in a claim's row although nobody here holds it: the database went away while the
        claim was made or given back, and nobody was told what became of that."""

    def close(self) -> None:
        """Give back what is claimed and close the database."""
        if self._slots is not None:
            self._slots.close()
        self.backend.close()

    def _note(self, transaction: Transaction, entry: Entry) -> None:
        """Tell it in the audit log: last in its transaction, see `audit.append`."""
        append(transaction, self.vault, self.tenant, self.actor, entry)

    def _place(self, transaction: Transaction, key: TokenKey) -> Place:
        return tokens.place_of(transaction, self.vault, self.tenant, key)

    def _fingerprint(self, transaction: Transaction, secret: Secret) -> str:
        return self.vault.keyed(transaction, self.tenant, "fingerprint", secret_bytes(secret)).hex()


def drop_tokens(transaction: Transaction, tenant: str, name: str) -> None:
    """Every token, claim and index entry of that name: a renewal that is under way finds nothing to save to (I18)."""
    for table in ("tokens", "claims", "entries"):
        transaction.change(f"DELETE FROM {table} WHERE tenant = ? AND name = ?", (tenant, name))  # noqa: S608 - names written above


def carry_token(
    transaction: Transaction, vault: Vault, tenant: str, before: TokenKey, after: TokenKey
) -> bool:
    """Move the token of `before` to the place of `after`, sealed anew; `False` when there is none that could go on.

    A renewal that is under way for `before` finds nothing to save to.
    """
    place = tokens.place_of(transaction, vault, tenant, before)
    row = tokens.read_row(transaction, place)
    token = tokens.opened(transaction, vault, place, before, row) if before.digest == after.digest else None
    if token is None:
        return False
    for table in ("tokens", "claims"):
        transaction.change(f"DELETE FROM {table} WHERE {AT}", place.values)  # noqa: S608 - names written above
    transaction.notify(place.topic())
    goal = tokens.place_of(transaction, vault, tenant, after)
    tokens.write(transaction, vault, goal, after.binding, token, row.generation)
    return True
