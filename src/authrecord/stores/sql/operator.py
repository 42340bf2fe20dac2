"""Who works at a store's keys and tenants, and for which tenant it is told."""

from __future__ import annotations

from dataclasses import dataclass

from .audit import Entry, append
from .backend import Backend, Transaction
from .vault import Vault


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at work: `actor` (such as `cli:ada@host`), who is told in the audit log of `tenant`."""

    backend: Backend
    vault: Vault
    tenant: str
    actor: str

    def tell(self, transaction: Transaction, action: str, detail: str) -> None:
        """Write down what was done, in the same transaction; last in it (see `audit.append`)."""
        entry = Entry(action=action, outcome="ok", detail=detail)
        append(transaction, self.vault, self.tenant, self.actor, entry)
