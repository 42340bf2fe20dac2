"""Steps: what is in the store. Its tables, its key, its pages, its audit log, and each sealed value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..core.errors import AuthrecordError
from ..stores.sealing import DoesNotOpen
from ..stores.sql.audit_verifying import verify
from ..stores.sql.backend import Backend
from ..stores.sql.checkpoints import Checkpoint
from ..stores.sql.migrating import needs_migration, version_of
from ..stores.sql.restored import refuse_restored
from ..stores.sql.schema import MIGRATIONS
from ..stores.sql.sealed_tables import SEALED_TABLES
from ..stores.sql.tenants import list_tenants
from ..stores.sql.vault import Vault
from .step import Step, failed, failed_by, note, ok

SHOWN: Final = 20
"""So many faults of a kind are named."""

_ALL_VERSIONS: Final = -1
"""No key has this version, so that everything is sealed under another one."""

_BATCH: Final = 500

Progress = Callable[[int], None]
"""Is told how many sealed values were opened."""


def check_schema(backend: Backend) -> Step:
    """The tables are those of this program."""
    try:
        with backend.reading() as transaction:
            version = version_of(transaction)
        if not version:
            return failed(
                "schema",
                f"there is no store in {backend.place} yet",
                advice="Name the one that you mean, or make it there: authrecord keys init",
            )
        if needs_migration(backend):
            return note(
                "schema",
                "the tables are older than this program",
                advice="Use the store once with this program: it brings them up to date.",
            )
    except AuthrecordError as error:
        return failed_by("schema", error)
    newer = f"; this program knows {len(MIGRATIONS)}" if version > len(MIGRATIONS) else ""
    return ok("schema", f"the tables have version {version}{newer}")


def check_key(backend: Backend, vault: Vault) -> Step:
    """The key is the one that this store is sealed with."""
    try:
        vault.check(backend)
    except AuthrecordError as error:
        return failed_by("key", error)
    return ok("key", f"it opens this store; it is in {vault.kek.source}")


def check_integrity(backend: Backend) -> Step:
    """SQLite looks at each of its pages and indexes (row K16). PostgreSQL is looked after by whoever runs it."""
    if backend.kind == "postgres":
        return ok("integrity", "PostgreSQL's own: it answers")
    try:
        with backend.reading() as transaction:
            found = [str(row[0]) for row in transaction.rows(f"PRAGMA integrity_check({SHOWN})")]
    except AuthrecordError as error:
        return failed_by("integrity", error)
    if found == ["ok"]:
        return ok("integrity", "every page and index of the file is whole")
    return failed(
        "integrity",
        "the file is damaged",
        *found,
        advice="Take a backup of what is left, then `authrecord restore` the last good one.",
    )


def check_restored(backend: Backend) -> Step:
    """It is no copy that waits for a person."""
    try:
        with backend.reading() as transaction:
            refuse_restored(transaction)
    except AuthrecordError as error:
        return failed_by("restored", error)
    return ok("restored", "no copy that waits for a confirmation")


def check_audit(backend: Backend, vault: Vault, checkpoints: Sequence[Checkpoint] = ()) -> Step:
    """The chain of each tenant holds."""
    faults: list[str] = []
    rows = compared = 0
    try:
        with backend.reading() as transaction:
            for tenant in list_tenants(transaction):
                found = verify(transaction, vault, tenant.name, checkpoints)
                rows += found.rows
                compared += found.checkpoints
                faults += [f"{tenant.name}, row {one.seq}: {one.why}" for one in found.breaks]
    except AuthrecordError as error:
        return failed_by("audit", error)
    if faults:
        return failed(
            "audit",
            "the audit log was tampered with",
            *faults[:SHOWN],
            advice="Find out who can write the database; `authrecord audit verify` says more.",
        )
    seen = (
        f" and agrees with {compared} checkpoints"
        if compared
        else "; without a checkpoint a cut end would not show"
    )
    return ok("audit", f"the log of {rows:,} rows is whole{seen}")


def check_seals(backend: Backend, vault: Vault, progress: Progress = lambda opened: None) -> Step:
    """Each sealed value opens at its place: nothing was moved, flipped or re-pointed (rows L4 to L6)."""
    opened = 0
    broken: list[str] = []
    try:
        with backend.reading() as transaction:
            tenants = [one.name for one in list_tenants(transaction)]
        for tenant in tenants:
            for table in SEALED_TABLES:
                after = table.beginning
                while True:
                    with backend.reading() as transaction:
                        rows = transaction.rows(table.older, (tenant, _ALL_VERSIONS, *after, _BATCH))
                        for row in rows:
                            found = table.found(tenant, row)
                            try:
                                vault.open(transaction, tenant, found.place, found.sealed)
                            except DoesNotOpen:
                                broken.append(f"{tenant}: {table.name} of {found.name}")
                            after = found.key
                    opened += len(rows)
                    progress(opened)
                    if len(rows) < _BATCH:
                        break
    except AuthrecordError as error:
        return failed_by("seals", error)
    if not broken:
        return ok("seals", f"all {opened:,} sealed values open")
    return failed(
        "seals",
        f"{len(broken):,} of {opened:,} sealed values do not open",
        *broken[:SHOWN],
        advice="They were changed or moved in the database. Find out who can write it; set those secrets anew, or "
        "log in again.",
    )
