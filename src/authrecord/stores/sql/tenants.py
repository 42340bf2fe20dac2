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
from .operator import Operator
from .vault import ACTIVE, KEY_CHECK, PURPOSES, Vault, no_tenant

if TYPE_CHECKING:
    from ..kek import Kek

DEFAULT: Final = "default"
"""The tenant that every store has, and the only one that most have."""

LONGEST_NAME: Final = 63
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")

TABLES_OF_A_TENANT: Final = (
    "secrets", "tokens", "entries", "logins", "claims", "record_tags", "records", "audit_heads", "audit",
    "members", "sessions", "api_tokens", "repeats",
)  # fmt: skip
"""Beside its keys, which go first: should anything stop the rest, nothing of it can be read."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as a list shows it. `active_key`: the version of its key. `created_at`: UTC seconds."""

    name: str
    label: str
    active_key: int
    created_at: float
    records: int


def initialise(backend: Backend, vault: Vault, *, actor: str = "") -> bool:
    """Give an empty store its KEK and the tenant `default`; `False` when it has them. `actor`: who is told of it.

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
            if actor:
                Operator(backend, vault, DEFAULT, actor).tell(transaction, "keys.init", f"under {kek.source}")
        fault("keys.initialise.before_commit")
    fault("keys.initialise.after_commit")
    vault.check(backend)
    return made


def create_tenant(operator: Operator, name: str, label: str = "") -> None:
    """A new tenant with keys of its own. Raises `StoreFault`: `tenant_name`, `tenant_exists`, `kek_rotation`."""
    if not 0 < len(name) <= LONGEST_NAME or not set(name) <= _LETTERS or not name[0].isalnum():
        raise StoreFault(
            f"a tenant's name is 1 to {LONGEST_NAME} small letters, digits, '.', '_' and '-', and begins with"
            " a letter or digit.",
            hint="Put other words into its label.",
            code="tenant_name",
        )
    vault = operator.vault
    vault.check(operator.backend)
    keys = _new_keys(vault, name)
    with operator.backend.writing() as transaction:
        hold_one_kek(transaction, vault.kek)
        if not _insert_tenant(transaction, name, label):
            raise StoreFault(
                f"the name {name!r} is taken, or belonged to a tenant that was destroyed.",
                hint="Choose another one; see `authrecord tenants list`.",
                code="tenant_exists",
            )
        _insert_keys(transaction, vault.kek, name, keys)
        operator.tell(transaction, "tenant.create", name)
        fault("tenants.create.before_commit")
    fault("tenants.create.after_commit")


def list_tenants(transaction: Transaction) -> list[Tenant]:
    """Every tenant that was not destroyed, by name."""
    rows = transaction.rows(
        "SELECT id, label, active_key, created_at, (SELECT count(*) FROM records WHERE records.tenant = tenants.id)"
        " FROM tenants WHERE active_key > 0 ORDER BY id"
    )
    return [Tenant(*row) for row in rows]


def destroy_tenant(operator: Operator, name: str) -> None:
    """Destroy a tenant's keys, and then everything that it has; once more where that was interrupted.

    Raises `StoreFault`: `no_tenant`, `tenant_default`, and `tenant_own` for the operator's own.
    """
    if name in (DEFAULT, operator.tenant):
        raise StoreFault(
            f"the tenant {name!r} cannot be destroyed here.",
            hint="`default` stays as long as the store; others are destroyed from another tenant, which is told.",
            code="tenant_default" if name == DEFAULT else "tenant_own",
        )
    with operator.backend.writing() as transaction:
        if not transaction.change("UPDATE tenants SET active_key = 0, label = '' WHERE id = ?", (name,)):
            raise no_tenant(name)
        if transaction.change("DELETE FROM tenant_keys WHERE tenant = ?", (name,)):
            operator.tell(transaction, "tenant.destroy", name)
        fault("tenants.destroy.before_commit")
    fault("tenants.destroy.after_commit")
    operator.vault.forget(name)
    for table in TABLES_OF_A_TENANT:
        with operator.backend.writing() as transaction:
            transaction.change(f"DELETE FROM {table} WHERE tenant = ?", (name,))  # noqa: S608 - a name written above
            fault("tenants.empty.before_commit")
        fault("tenants.empty.after_commit")


def hold_one_kek(transaction: Transaction, kek: Kek) -> None:
    """Refuse to make keys while the KEK is being changed: they would be in one of the two sets only.

    Holds the rows of `keks` until the transaction ends, so that no change begins meanwhile. Raises `StoreFault`:
    `kek_rotation`, or `wrong_key` when `kek` was replaced.
    """
    count = transaction.change("UPDATE keks SET source = source")
    if count > 1:
        raise StoreFault(
            "the key is being changed, and no new keys are made meanwhile.",
            hint="Finish it first: authrecord keys finish",
            code="kek_rotation",
        )
    if transaction.row("SELECT 1 FROM keks WHERE id = ?", (kek.identity,)) is None:
        raise StoreFault(
            f"the key in {kek.source} was replaced while this program ran.",
            hint="Start it again with the new one.",
            code="wrong_key",
        )


def insert_kek(transaction: Transaction, kek: Kek, key_check: bytes) -> None:
    """Write down the identity of `kek`, and the value by which a wrong one is found. It is the newest one.

    A clock that was set back does not change that.
    """
    row = transaction.row("SELECT max(created_at) FROM keks")
    before = row[0] if row is not None and row[0] is not None else 0.0
    transaction.change(
        "INSERT INTO keks (id, source, key_check, created_at) VALUES (?, ?, ?, ?)",
        (kek.identity, kek.source, key_check, max(transaction.now(), before + 0.001)),
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
