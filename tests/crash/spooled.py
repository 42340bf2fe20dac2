"""What the crash harness does with a spool of the audit log, and what must be true of it afterwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from authrecord.stores.spool_file import left_behind
from authrecord.stores.sql.audit import Entry, Line
from authrecord.stores.sql.audit_listing import Wanted, lines
from authrecord.stores.sql.audit_spool import PURPOSE, AuditSpool
from authrecord.stores.sql.audit_spool_telling import TakenOver, tell
from authrecord.stores.sql.store import SqlStore

from .actions import Case

ACTION: Final = "spool.crash"
KEPT: Final = ("spool.append.after_sync", "spool.tell.", "spool.cut.", "audit.")
"""Points behind the moment from which an entry may not be lost."""


def keep_and_tell(store: SqlStore, case: Case) -> None:
    """An entry is noted on disk, as while the database is away, and is then told."""
    store.vault.load(store.backend, store.tenant)
    spool = AuditSpool(
        f"{case['folder']}/spool",
        lambda tenant, value: store.vault.keyed_from_memory(tenant, PURPOSE, value),
        time.time,
    )
    spool.keep(store.tenant, "crash", [Entry(ACTION, "ok")])
    tell(store.backend, store.vault, spool)
    spool.close()


def judge(store: SqlStore, case: Case) -> Iterator[str]:
    """The next server takes over what was left. Then each entry is told once, and none that was on disk is lost."""
    for file in left_behind(f"{case['folder']}/spool"):
        tell(store.backend, store.vault, TakenOver(file))
        file.close()
    with store.backend.reading() as transaction:
        rows = list(lines(transaction, store.tenant, Wanted(action=ACTION)))
    told = Counter(one.entry.request for one in rows if isinstance(one, Line))
    yield from (f"a spooled entry is told {count} times" for count in told.values() if count > 1)
    if not told and str(case.get("point", "")).startswith(KEPT) and case.get("action") != "stop":
        yield "an entry that was on disk is lost"
