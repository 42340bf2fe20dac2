"""Tenants and their keys: made, listed, destroyed.

Destroying a tenant destroys its keys first: what it sealed cannot be read again, in old backups neither, as long as
the KEK is not beside them and is rotated afterwards (attack row L18). The name of a destroyed tenant is not given
away again, since programs that run may still hold its keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...core.errors import StoreFault
from ...core.faults import fault
from ..sealing import KEY_BYTES
from .backend import Backend, Transaction
from .bindings import key_check_place, wrapped_key_place
from .vault import ACTIVE, KEY_CHECK, PURPOSES, Vault, no_tenant

if TYPE_CHECKING:
    from ..kek import Kek

DEFAULT: Final = "default"
"""The tenant that every store has, and the only one that most have."""

LONGEST_NAME: Final = 63
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")

TABLES_OF_A_TENANT: Final = (
    "tenant_keys", "secrets", "tokens", "entries", "logins", "claims", "record_tags", "records", "audit_heads", "audit",
)  # fmt: skip
"""Keys first: should anything stop the rest, nothing of it can be read."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as a list shows it. `active_key`: the version of its key. `created_at`: UTC seconds."""

    name: str
    label: str
    active_key: int
    created_at: float
    records: int


def initialise(backend: Backend, vault: Vault) -> bool:
    """Give an empty store its KEK and the tenant `default`; `False` when it has them.

    Two programs may do so at once: the second finds what the first made. Raises `StoreFault` (`wrong_key`) when
    the store belongs to another KEK.
    """
    kek = vault.kek
    key_check = kek.wrap(KEY_CHECK, key_check_place(kek.identity))
    keys = _new_keys(vault, DEFAULT)
    with backend.writing() as transaction:
        made = _insert_tenant(transaction, DEFAULT, "")
        if made:
            insert_kek(transaction, kek, key_check)
            _insert_keys(transaction, kek, DEFAULT, keys)
        fault("keys.initialise.before_commit")
    fault("keys.initialise.after_commit")
    vault.check(backend)
    return made


def create_tenant(backend: Backend, vault: Vault, name: str, label: str = "") -> None:
    """A new tenant with keys of its own. Raises `StoreFault`: `tenant_name`, `tenant_exists`, `kek_rotation`."""
    if not 0 < len(name) <= LONGEST_NAME or not set(name) <= _LETTERS or not name[0].isalnum():
        raise StoreFault(
            f"a tenant's name is 1 to {LONGEST_NAME} small letters, digits, '.', '_' and '-', and begins with"
            " a letter or digit.",
            hint="Put other words into its label.",
            code="tenant_name",
        )
    vault.check(backend)
    keys = _new_keys(vault, name)
    with backend.writing() as transaction:
        refuse_while_two_keks(transaction)
        if not _insert_tenant(transaction, name, label):
            raise StoreFault(
                f"the name {name!r} is taken, or belonged to a tenant that was destroyed.",
                hint="Choose another one; see `authrecord tenants list`.",
                code="tenant_exists",
            )
        _insert_keys(transaction, vault.kek, name, keys)
        fault("tenants.create.before_commit")
    fault("tenants.create.after_commit")


def list_tenants(transaction: Transaction) -> list[Tenant]:
    """Every tenant that was not destroyed, by name."""
    rows = transaction.rows(
        "SELECT id, label, active_key, created_at, (SELECT count(*) FROM records WHERE records.tenant = tenants.id)"
        " FROM tenants WHERE active_key > 0 ORDER BY id"
    )
    return [Tenant(*row) for row in rows]


def destroy_tenant(backend: Backend, name: str) -> None:
    """Destroy a tenant's keys and everything that it has. Raises `StoreFault` (`no_tenant`, `tenant_default`)."""
    if name == DEFAULT:
        raise StoreFault(
            f"the tenant {DEFAULT!r} cannot be destroyed.",
            hint="Delete its records; or delete the whole store.",
            code="tenant_default",
        )
    with backend.writing() as transaction:
        if not transaction.change(
            "UPDATE tenants SET active_key = 0, label = '' WHERE id = ? AND active_key > 0", (name,)
        ):
            raise no_tenant(name)
        for table in TABLES_OF_A_TENANT:
            transaction.change(f"DELETE FROM {table} WHERE tenant = ?", (name,))  # noqa: S608 - names written above
        fault("tenants.destroy.before_commit")
    fault("tenants.destroy.after_commit")


def refuse_while_two_keks(transaction: Transaction) -> None:
    """Refuse to make keys while the KEK is being rotated: they would be wrapped by one of the two only.

    Holds the rows of `keks` until the transaction ends, so that no rotation begins meanwhile.
    """
    if transaction.change("UPDATE keks SET source = source") > 1:
        raise StoreFault(
            "the key is being rotated, and no new keys are made meanwhile.",
            hint="Finish it first: authrecord keys finish",
            code="kek_rotation",
        )


def insert_kek(transaction: Transaction, kek: Kek, key_check: bytes) -> None:
    """Write down the identity of `kek`, and the value by which a wrong one is found."""
    transaction.change(
        "INSERT INTO keks (id, source, key_check, created_at) VALUES (?, ?, ?, ?)",
        (kek.identity, kek.source, key_check, transaction.now()),
    )


def insert_key(
    transaction: Transaction, kek: Kek, tenant: str, purpose: str, version: int, wrapped: bytes, state: str
) -> None:
    """A tenant's key as `kek` wrapped it (`wrapped_key_place`); one that is there already stays."""
    now = transaction.now()
    transaction.change(
        "INSERT INTO tenant_keys (tenant, purpose, version, kek, wrapped, state, created_at, changed_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, purpose, version, kek) DO NOTHING",
        (tenant, purpose, version, kek.identity, wrapped, state, now, now),
    )


def _new_keys(vault: Vault, tenant: str) -> dict[str, bytes]:
    """Purposes and wrapped keys; made before the transaction, since the KEK may be a service far away."""
    kek = vault.kek
    return {
        purpose: kek.wrap(vault.random(KEY_BYTES), wrapped_key_place(tenant, purpose, 1, kek.identity))
        for purpose in PURPOSES
    }


def _insert_tenant(transaction: Transaction, name: str, label: str) -> bool:
    return bool(
        transaction.change(
            "INSERT INTO tenants (id, label, active_key, created_at) VALUES (?, ?, 1, ?)"
            " ON CONFLICT (id) DO NOTHING",
            (name, label, transaction.now()),
        )
    )


def _insert_keys(transaction: Transaction, kek: Kek, tenant: str, keys: dict[str, bytes]) -> None:
    for purpose, wrapped in keys.items():
        insert_key(transaction, kek, tenant, purpose, 1, wrapped, ACTIVE)
