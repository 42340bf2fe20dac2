"""Gives a tenant a new sealing key and seals everything anew, while others read and write (attack row L10).

1. One transaction makes version N+1 and lets it seal whatever is written from then on.
2. Batch by batch what is sealed under older versions is opened and sealed anew. A row changes only if it still holds
   the very bytes that were read, so that no newer value is lost. Whoever is killed begins again where there is work.
3. When nothing is left, the older versions are retired: they open (a restored backup, say) and seal nothing.
4. `destroy` takes a retired version away for good, once nothing is sealed under it.

A value that does not open is left as it is and named: it did not open before either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import sleep
from typing import Final

from ...core.errors import StoreFault, TryLater
from ...core.faults import fault
from ..sealing import KEY_BYTES, DoesNotOpen
from .backend import Row, Transaction, Value
from .bindings import wrapped_key_place
from .operator import Operator
from .sealed_tables import SEALED_TABLES, SealedTable
from .tenants import hold_one_kek, insert_key
from .vault import ACTIVE, RETIRED, SEAL, no_tenant

BATCH: Final = 500
TRIES: Final = 20
"""How often it begins anew while others hold, or change, what it wants to."""

PAUSE: Final = 0.25
"""Seconds between two such tries."""

SETTLED_SECONDS: Final = 60.0
"""For how long a version must be retired before it is destroyed: a transaction that began before is over by then."""

Progress = Callable[[int, int], None]
"""Is told how many values are done, of how many."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """How a rotation ended. `version`: of the key that everything is sealed under now.

    `resealed`: how many values were sealed anew. `broken`: those that do not open, by table and name.
    """

    version: int
    resealed: int
    broken: tuple[str, ...]


def rotate(
    operator: Operator, *, progress: Progress = lambda done, total: None, batch: int = BATCH
) -> Rotation:
    """Seal everything of the operator's tenant under a new key, or go on with a rotation that was interrupted.

    Raises `StoreFault`: `kek_rotation` while the KEK is being changed, `no_tenant`, `wrong_key`, `tampered`.
    `TryLater` when others hold values for seconds.
    """
    operator.vault.check(operator.backend)
    version = _begin(operator)
    total = _left(operator, version)
    done = fruitless = 0
    while True:
        one = _pass(operator, version, batch, lambda resealed: progress(min(resealed, total), total), done)
        done += one.resealed
        if not one.resealed and not one.passed_over:
            break
        fruitless = 0 if one.resealed else fruitless + 1
        if fruitless > TRIES:
            raise TryLater(
                f"{one.passed_over} values are held by others and were not sealed anew.",
                hint="Nothing is lost. Go on later: authrecord keys rotate",
                code="store_busy",
            )
        if fruitless:
            sleep(PAUSE)
    _retire(operator, version)
    return Rotation(version, done, one.broken)


def destroy(operator: Operator, version: int, *, settled: float = SETTLED_SECONDS) -> None:
    """Destroy a retired version of the tenant's key, in every set of wrapped keys. `settled`: see above.

    Raises `StoreFault`: `no_key`, `key_in_use` while it is active, was retired this very minute, or something is
    still sealed under it.
    """
    tenant = operator.tenant
    with operator.backend.writing() as transaction:
        row = transaction.row(
            "SELECT state, changed_at FROM tenant_keys WHERE tenant = ? AND purpose = ? AND version = ?",
            (tenant, SEAL, version),
        )
        if row is None:
            raise StoreFault(
                f"the tenant {tenant!r} has no key {version}.",
                hint="See `authrecord keys status`.",
                code="no_key",
            )
        why = ""
        if row[0] != RETIRED:
            why = "it seals or opens what is in use"
        elif transaction.now() - row[1] < settled:
            why = "it was retired less than a minute ago, and what was being written may still need it"
        elif count := _count(transaction, tenant, "key_version = ?", version):
            why = f"{count} values are still sealed under it"
        if why:
            raise StoreFault(
                f"the key {version} is not destroyed: {why}.",
                hint="Rotate first, or wait: authrecord keys rotate, authrecord keys status.",
                code="key_in_use",
            )
        transaction.change(
            "DELETE FROM tenant_keys WHERE tenant = ? AND purpose = ? AND version = ?",
            (tenant, SEAL, version),
        )
        operator.tell(transaction, "keys.destroy", f"version {version}")
        fault("keys.destroy.before_commit")
    fault("keys.destroy.after_commit")


def _begin(operator: Operator) -> int:
    """The version to seal under: a new one, or the active one when older ones are not retired yet."""
    tenant, vault = operator.tenant, operator.vault
    for _ in range(TRIES):
        with operator.backend.reading() as transaction:
            row = transaction.row("SELECT active_key FROM tenants WHERE id = ?", (tenant,))
            if row is None or not row[0]:
                raise no_tenant(tenant)
            active = int(row[0])
            if _unretired(transaction, tenant, active):
                return active
        new = active + 1
        place = wrapped_key_place(tenant, SEAL, new, vault.kek.identity)
        wrapped = vault.kek.wrap(vault.random(KEY_BYTES), place)
        with operator.backend.writing() as transaction:
            hold_one_kek(transaction, vault.kek)
            switched = transaction.change(
                "UPDATE tenants SET active_key = ? WHERE id = ? AND active_key = ?", (new, tenant, active)
            )
            if switched:
                insert_key(transaction, vault.kek, tenant, SEAL, new, wrapped, ACTIVE)
                operator.tell(transaction, "keys.rotate", f"version {new} seals from now on")
            fault("rotate.switch.before_commit")
        fault("rotate.switch.after_commit")
        if switched:
            return new
    raise StoreFault("the tenant's keys changed again and again.", hint="Try again.", code="kek_rotation")


def _unretired(transaction: Transaction, tenant: str, active: int) -> bool:
    return (
        transaction.row(
            "SELECT 1 FROM tenant_keys WHERE tenant = ? AND purpose = ? AND version < ? AND state = ?",
            (tenant, SEAL, active, ACTIVE),
        )
        is not None
    )


@dataclass(frozen=True, slots=True)
class _Pass:
    """What came of values: how many were sealed anew, how many others were changing, and those that do not open."""

    resealed: int = 0
    passed_over: int = 0
    broken: tuple[str, ...] = ()

    def __add__(self, other: _Pass) -> _Pass:
        return _Pass(
            self.resealed + other.resealed, self.passed_over + other.passed_over, self.broken + other.broken
        )


def _pass(operator: Operator, version: int, batch: int, tell: Callable[[int], None], before: int) -> _Pass:
    """Go through all tables once."""
    found = _Pass()
    for table in SEALED_TABLES:
        after: tuple[Value, ...] | None = table.beginning
        while after is not None:
            one, after = _reseal(operator, table, version, after, batch)
            found += one
            tell(before + found.resealed)
    return found


def _reseal(
    operator: Operator, table: SealedTable, version: int, after: tuple[Value, ...], batch: int
) -> tuple[_Pass, tuple[Value, ...] | None]:
    """One batch, and behind which key to go on (`None` at the end)."""
    tenant, vault = operator.tenant, operator.vault
    changes: list[tuple[Value, ...]] = []
    broken: list[str] = []
    with operator.backend.reading() as transaction:
        rows: list[Row] = transaction.rows(table.older, (tenant, version, *after, batch))
        for row in rows:
            found = table.found(tenant, row)
            try:
                anew = vault.reseal(transaction, tenant, found.place, found.sealed, version)
            except DoesNotOpen:
                broken.append(f"{table.name} of {found.name}")
            else:
                changes.append((version, anew, tenant, *found.key, found.sealed))
    resealed = 0
    if changes:
        replace = table.replace(operator.backend.for_update)
        with operator.backend.writing() as transaction:
            resealed = sum(transaction.change(replace, change) for change in changes)
            fault("rotate.batch.before_commit")
        fault("rotate.batch.after_commit")
    next_key = table.found(tenant, rows[-1]).key if len(rows) == batch else None
    return _Pass(resealed, len(changes) - resealed, tuple(broken)), next_key


def _retire(operator: Operator, version: int) -> None:
    with operator.backend.writing() as transaction:
        retired = transaction.change(
            "UPDATE tenant_keys SET state = ?, changed_at = ? WHERE tenant = ? AND purpose = ? AND version < ?"
            " AND state = ?",
            (RETIRED, transaction.now(), operator.tenant, SEAL, version, ACTIVE),
        )
        if retired:
            operator.tell(transaction, "keys.retire", f"everything is sealed under version {version}")
        fault("rotate.retire.before_commit")
    fault("rotate.retire.after_commit")


def _left(operator: Operator, version: int) -> int:
    with operator.backend.reading() as transaction:
        return _count(transaction, operator.tenant, "key_version <> ?", version)


def _count(transaction: Transaction, tenant: str, condition: str, version: int) -> int:
    counts = (
        transaction.row(
            f"SELECT count(*) FROM {table.name} WHERE tenant = ? AND {condition}",  # noqa: S608 - words written here
            (tenant, version),
        )
        for table in SEALED_TABLES
    )
    return sum(int(row[0]) for row in counts if row is not None)
