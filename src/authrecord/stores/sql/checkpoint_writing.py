"""Writes checkpoints where the database is not: to the end of a file, or to standard output for whoever collects it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Final

from ..private_files import refuse_unsafe, unusable
from .audit import Keyed
from .backend import Backend
from .checkpoints import Checkpoint, checkpoint

SECONDS: Final = 60.0
ROWS: Final = 1000
"""A checkpoint is due after so long, or as soon as so many rows are new; never where no row is."""

STANDARD_OUTPUT: Final = "-"

Sink = Callable[[str], None]
"""Takes one line, without its end, and has it kept when it returns."""


def sink_of(path: str) -> Sink:
    """`-` for standard output, or a file: made with mode 0600 where it is not there, else only added to.

    The file is opened anew for each line, so that it may be moved away at any time.
    """
    if path == STANDARD_OUTPUT:
        return _print
    return lambda line: _add(path, line)


class CheckpointWriter:
    """Writes a checkpoint of the tenant's log into `sink` whenever one is due."""

    def __init__(self, backend: Backend, vault: Keyed, tenant: str, sink: Sink) -> None:
        self._backend = backend
        self._vault = vault
        self._tenant = tenant
        self._sink = sink
        self._seq = 0
        self._next = float("-inf")

    def tick(self, monotonic: float) -> Checkpoint | None:
        """Call it about every second; the checkpoint if one was written. `monotonic`: seconds.

        Raises `StoreFault`, `TryLater`: the next call tries again.
        """
        with self._backend.reading() as transaction:
            head = transaction.row("SELECT seq FROM audit_heads WHERE tenant = ?", (self._tenant,))
            new = int(head[0]) - self._seq if head is not None else 0
            if not new or (new < ROWS and monotonic < self._next):
                return None
            found = checkpoint(transaction, self._vault, self._tenant)
        self._sink(found.line())
        self._seq = found.seq
        self._next = monotonic + SECONDS
        return found


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _add(path: str, line: str) -> None:
    refuse_unsafe(path)
    try:
        descriptor = os.open(
            path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600
        )
        try:
            os.write(descriptor, (line + "\n").encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unusable(path, error) from None
