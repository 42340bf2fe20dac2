"""Brings the tables to the version that this program knows; refuses those that it cannot work with.

Each migration is one transaction, so an interrupted one leaves the version before it. Two programs that begin at
once do it one after the other. A program that is older than the tables goes on while they say that it may, and
otherwise names what it needs (attack rows K13, K17).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ...core.errors import StoreFault
from ...core.faults import fault
from .backend import Backend, Transaction
from .schema import MIGRATIONS, Migration

SECONDS: Final = 600.0
"""How long one statement of a migration may take."""

_VERSION: Final = "schema"
_WORKS_WITH: Final = "schema_works_with"
_PROGRAM: Final = "schema_made_by"


def version_of(transaction: Transaction) -> int:
    """The version of the tables; 0 when there are none."""
    return _number(transaction, _VERSION) if transaction.has_table("meta") else 0


def needs_migration(backend: Backend, migrations: Sequence[Migration] = MIGRATIONS) -> bool:
    """True when the tables are older than this program. Raises `StoreFault` (code `schema`) when they are too new."""
    with backend.reading() as transaction:
        version = version_of(transaction)
        _refuse_newer(transaction, version, len(migrations), backend.place)
        return version < len(migrations)


def migrate(backend: Backend, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring the tables to the newest version; which that is. Raises `StoreFault` (code `schema`) as above."""
    while needs_migration(backend, migrations):
        with backend.writing(seconds=SECONDS) as transaction:
            transaction.alone()
            version = version_of(transaction)
            if version < len(migrations):
                _step(transaction, version + 1, migrations[version], backend.types)
            fault("store.migrate.before_commit")
        fault("store.migrate.after_commit")
    return len(migrations)


def _step(transaction: Transaction, number: int, migration: Migration, types: Mapping[str, str]) -> None:
    for statement in migration.text.format(**types).split(";"):
        transaction.change(statement)
    fault("store.migrate.step")
    for name, value in (
        (_VERSION, str(number)),
        (_WORKS_WITH, str(migration.works_with)),
        (_PROGRAM, _this_program()),
    ):
        transaction.change(
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )


def _refuse_newer(transaction: Transaction, version: int, known: int, place: str) -> None:
    if version <= known or _number(transaction, _WORKS_WITH) <= known:
        return
    row = transaction.row("SELECT value FROM meta WHERE name = ?", (_PROGRAM,))
    made_by = row[0] if row is not None else "a newer one"
    raise StoreFault(
        f"{place} has version {version} of the tables, and this authrecord ({_this_program()}) knows {known} at most.",
        hint=f"Use authrecord {made_by} or newer; nothing was changed.",
        code="schema",
    )


def _number(transaction: Transaction, name: str) -> int:
    row = transaction.row("SELECT value FROM meta WHERE name = ?", (name,))
    return int(row[0]) if row is not None and str(row[0]).isdigit() else 0


def _this_program() -> str:
    """The version of this authrecord, as it is installed."""
    from importlib.metadata import version

    return version("authrecord")
