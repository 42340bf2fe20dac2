"""Entries of the audit log that wait on this server's own disk while the database does not answer (rows N13, K9).

What is handed out is told before it leaves. Where the database cannot be told, the entry is written here, and counts
as told when it is on disk; `audit_spool_telling` writes it into the log later, once. A line holds what the row will
hold, and no value. It carries an HMAC under a key of its tenant over itself and the line before, so that nobody
without the key can change a line, put one in or take one out of the middle unnoticed. Whoever cuts off the end, or
deletes the file, is not seen, as with the log itself (N14).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from ...core.errors import StoreFault
from ..spool_file import SpoolFile, new_file
from .audit import BEGINNING, FIELDS, Entry, shown

log = logging.getLogger("authrecord")

PURPOSE: Final = "spool"
"""What the HMAC is keyed for."""

MOST_ENTRIES: Final = 10_000
MOST_BYTES: Final = 8 * 1024 * 1024
"""What one server keeps at most; then nothing more is handed out until the database is back."""

Sign = Callable[[str, bytes], "bytes | None"]
"""HMAC of a value under the key of a tenant (first); `None` where that key is not in memory."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """An entry that waits. `identity`: its own. `at`: when it happened, UTC seconds by the server's clock."""

    identity: str
    at: float
    tenant: str
    actor: str
    entry: Entry

    def body(self) -> bytes:
        """One line of JSON in ASCII, without its end."""
        told = [getattr(self.entry, name) for name in FIELDS]
        parts = [self.identity, self.at, self.tenant, self.actor, *told]
        return json.dumps(parts, separators=(",", ":"), ensure_ascii=True).encode()


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands in the file. `proof`: the HMAC of the line before's and of `body`."""

    proof: bytes
    body: bytes
    spooled: Spooled


class AuditSpool:
    """The spool of one server, in a file that is made when it is needed. Safe for threads.

    `folder`: where; empty where this server has no place of its own, and then nothing can wait. `now`: UTC seconds.
    `waiting`: how many entries wait.
    """

    def __init__(
        self,
        folder: str,
        sign: Sign,
        now: Callable[[], float],
        *,
        most_entries: int = MOST_ENTRIES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.folder = folder
        self.waiting = 0
        self._sign = sign
        self._now = now
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._file: SpoolFile | None = None
        self._proof = BEGINNING

    def keep(self, tenant: str, actor: str, entries: Sequence[Entry]) -> None:
        """Write the entries; they are on disk when this returns.

        Raises `StoreFault`, code `spool_full` or `spool_unusable`: then what they tell of must not happen.
        """
        at = self._now()
        with self._lock:
            proof, text = self._proof, b""
            for entry in entries:
                body = Spooled(f"spool_{token_hex(16)}", at, tenant, shown(actor), entry).body()
                signed = self._sign(tenant, proof + body)
                if signed is None:
                    raise _unusable("the tenant's key is not in memory.")
                proof, text = signed, text + signed.hex().encode() + b" " + body + b"\n"
            try:
                file = self._opened()
                if (
                    self.waiting + len(entries) > self._most_entries
                    or file.length + len(text) > self._most_bytes
                ):
                    raise _full()
                file.append(text)
            except OSError as error:
                raise _unusable(f"{error.strerror or type(error).__name__}.") from None
            self._proof = proof
            self.waiting += len(entries)

    def lines(self) -> bytes:
        """What waits. Raises `OSError`."""
        with self._lock:
            return self._file.lines() if self._file is not None else b""

    def cut(self, told: int) -> None:
        """So many bytes are told: they go, unless more has come meanwhile. Raises `OSError`."""
        with self._lock:
            if self._file is not None and self._file.length == told:
                self._file.cut()
                self._proof = BEGINNING
                self.waiting = 0

    def close(self) -> None:
        """The server ends. What waits is told at the next start."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _opened(self) -> SpoolFile:
        if not self.folder:
            raise _unusable("it has no folder: neither AUTHRECORD_HOME nor HOME is set.")
        if self._file is None:
            try:
                self._file = new_file(self.folder)
            except StoreFault as fault:
                log.warning(
                    "what is handed out cannot be noted: %s", fault
                )  # it names a path: not for callers
                raise _unusable("its folder for that cannot be used.") from None
        return self._file


def line_of(text: bytes) -> Line | None:
    """The line in `text`; `None` for what we never wrote."""
    proof, _, body = text.partition(b" ")
    try:
        identity, at, tenant, actor, *told = json.loads(body)
        entry = Entry(*told)
        spooled = Spooled(str(identity), float(at), str(tenant), str(actor), entry)
        return Line(bytes.fromhex(proof.decode("ascii")), body, spooled)
    except (ValueError, TypeError):
        return None


def _full() -> StoreFault:
    return StoreFault(
        "the database does not answer, and as much as may wait for it to be told has been handed out.",
        hint="Bring the database back; nothing more is handed out before that.",
        code="spool_full",
    )


def _unusable(why: str) -> StoreFault:
    return StoreFault(
        f"the database does not answer, and this server cannot note on its own disk what it hands out: {why}",
        hint="Bring the database back, or make room and the folder `spool` of the server's data folder writable. "
        "Nothing is handed out before that.",
        code="spool_unusable",
    )
