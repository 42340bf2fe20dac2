"""Puts the metrics of a process and the counts of its store together, for a command that runs on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from ..metrics.counting import Metrics, Tables
from ..metrics.serving import MetricsServer
from ..stores.sql.store import SqlStore
from ..stores.sql.watching import counts, refuse_unready

FRESH_SECONDS: Final = 10.0
"""The tables are counted at most so often, however many ask."""


def metrics_of(store: SqlStore, monotonic: Callable[[], float]) -> Metrics:
    """Metrics that look into the tables of `store`; they are the observer for a keeper over it.

    Raises `StoreFault` (code `no_metrics`) where the extra is not installed.
    """
    return Metrics(store.tenant, _Look(store, monotonic))


def serve_metrics(address: str, metrics: Metrics, store: SqlStore) -> MetricsServer:
    """Serve `metrics` and the readiness of `store` at `address`. Raises `StoreFault`; see `MetricsServer`."""
    return MetricsServer(
        address, metrics, lambda: refuse_unready(store.backend, store.vault, store.tenant, store.actor)
    )


class _Look:
    """Counts the tables, and remembers the answer for a while."""

    def __init__(self, store: SqlStore, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._found = Tables()
        self._until = float("-inf")

    def __call__(self) -> Tables:
        with self._lock:
            now = self._monotonic()
            if now >= self._until:
                found = counts(self._store.backend, self._store.tenant)
                self._found = Tables(found.states, found.key_rows, found.overdue, found.audit_rows)
                self._until = now + FRESH_SECONDS
            return self._found
