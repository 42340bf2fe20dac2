"""Writes what waited in a spool into the audit log: each entry once, however often and wherever this is cut short.

An entry has an identity, which its row carries in `request`. It is looked for before the row is written, in the same
transaction; the spool is cut after that is committed. Killed in between, the next one finds the row and writes none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hmac import compare_digest
from typing import Final, Protocol

from ...core.faults import fault
from ..spool_file import SpoolFile
from .audit import BEGINNING, Keyed, append
from .audit_spool import PURPOSE, Spooled, line_of
from .backend import Backend, Transaction

log = logging.getLogger("authrecord")

BATCH: Final = 100
"""Rows of one transaction, during which the chain's end is locked."""

MARK: Final = "noted on the server's disk while the database was away"
"""Stands in the detail of each such row."""


class Emptied(Protocol):
    """A spool that is read and then cut."""

    def lines(self) -> bytes:
        """Whole lines. Raises `OSError`."""
        ...

    def cut(self, told: int) -> None:
        """So many bytes are told. Raises `OSError`."""
        ...


class TakenOver:
    """A file that another process left behind."""

    def __init__(self, file: SpoolFile) -> None:
        self._file = file

    def lines(self) -> bytes:
        """See `Emptied`."""
        return self._file.lines()

    def cut(self, told: int) -> None:
        """See `Emptied`: nobody else writes here."""
        self._file.cut()


def tell(backend: Backend, vault: Keyed, spool: Emptied) -> int:
    """Write all that waits in `spool` into the logs and cut it; how many lines are left.

    Lines of a tenant that this store does not know are left, and so are all from the first one whose proof does not
    fit: they are another store's, or were changed. Raises `OSError`, `StoreFault`, `TryLater`; then nothing is cut.
    """
    while data := spool.lines():
        lines = data.splitlines()
        genuine = list(_genuine(backend, vault, lines))
        for start in range(0, len(genuine), BATCH):
            _write(backend, vault, genuine[start : start + BATCH])
        if len(genuine) < len(lines):
            return len(lines) - len(genuine)
        spool.cut(len(data))
    return 0


def _genuine(backend: Backend, vault: Keyed, lines: Sequence[bytes]) -> Iterator[Spooled]:
    """The entries that this store's own servers wrote."""
    before = BEGINNING
    with backend.reading() as transaction:
        for text in lines:
            line = line_of(text)
            if line is None:
                return
            tenant = line.spooled.tenant
            if _is_known(transaction, tenant):
                if not compare_digest(
                    vault.keyed(transaction, tenant, PURPOSE, before + line.body), line.proof
                ):
                    return
                yield line.spooled
            before = line.proof


def _is_known(transaction: Transaction, tenant: str) -> bool:
    """A tenant that was destroyed has no key, and its log is gone for good."""
    return transaction.row("SELECT 1 FROM tenants WHERE id = ? AND active_key > 0", (tenant,)) is not None


def _write(backend: Backend, vault: Keyed, entries: Sequence[Spooled]) -> None:
    with backend.writing() as transaction:
        for one in entries:
            if _is_told(transaction, one):
                continue
            transaction.change(
                "UPDATE records SET used_at = ? WHERE tenant = ? AND id = ? AND coalesce(used_at, 0) < ?",
                (one.at, one.tenant, one.entry.record, one.at),
            )
            detail = f"{one.entry.detail}; {MARK}" if one.entry.detail else MARK
            entry = replace(one.entry, request=one.identity, detail=detail)
            append(transaction, vault, one.tenant, one.actor, entry, at=one.at)
        fault("spool.tell.before_commit")
    fault("spool.tell.after_commit")


def _is_told(transaction: Transaction, one: Spooled) -> bool:
    """By the time first: there is an index for that."""
    found = transaction.row(
        "SELECT 1 FROM audit WHERE tenant = ? AND at = ? AND request = ?", (one.tenant, one.at, one.identity)
    )
    return found is not None
