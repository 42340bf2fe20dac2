"""The counters of one process, for one tenant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..core.errors import StoreFault
from ..keeper import observing

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

RENEWAL_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0)
WAIT_SECONDS: Final = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 45.0)
"""Upper ends of the histograms' buckets."""

_OUTCOME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_EVENTS: Final = {
    observing.OUTCOME_UNKNOWN: ("refresh_outcome_unknown", "Token requests whose end nobody knows."),
    observing.REUSE_SUSPECTED: (
        "reuse_suspected",
        "Newest refresh tokens that the provider refused: used elsewhere.",
    ),
    observing.TAMPERED: ("tamper", "Sealed values that did not open."),
    observing.NOT_STORED: ("not_stored", "New tokens that could not be written and live in memory only."),
    observing.AUDIT_NOT_WRITTEN: ("audit_write_failures", "Audit rows that could not be written."),
    observing.RELEASE_DENIED: ("release_denied", "Credentials wanted for a destination that is not allowed."),
    observing.PATTERN_MATCHED: ("pattern_match", "Answers that matched a record's pattern for expired."),
    observing.PATTERN_DOUBTED: (
        "pattern_false_positive_suspected",
        "Renewed tokens that were refused as well.",
    ),
}
"""For each event its metric, and what it counts."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What the store's tables say at one moment.

    `states`: how many records are in each state. `key_rows`: how many sealed rows each version of the tenant's key
    has. `overdue`: records whose renewal was due more than a minute ago. `audit_rows`: the newest row's number.
    """

    states: dict[str, int] = field(default_factory=dict)
    key_rows: dict[int, int] = field(default_factory=dict)
    overdue: int = 0
    audit_rows: int = 0


class Metrics:
    """An observer that counts. `look`: reads the store's tables, at each scrape.

    Raises `StoreFault` (code `no_metrics`) where the extra `metrics` is not installed.
    """

    def __init__(self, tenant: str, look: Callable[[], Tables] | None = None) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Histogram
        except ImportError:
            raise StoreFault(
                "metrics need the library prometheus-client, which is not installed.",
                hint="Install authrecord[metrics].",
                code="no_metrics",
            ) from None
        self.registry: CollectorRegistry = CollectorRegistry(auto_describe=False)
        self._tenant = tenant
        self._renewals = Counter(
            "authrecord_refresh", "Renewals that ended.", ["tenant", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "authrecord_refresh_seconds",
            "How long renewals took.",
            ["tenant"],
            buckets=RENEWAL_SECONDS,
            registry=self.registry,
        ).labels(tenant)
        self._waits = Histogram(
            "authrecord_refresh_lock_wait_seconds",
            "How long renewals waited for their turn.",
            ["tenant"],
            buckets=WAIT_SECONDS,
            registry=self.registry,
        ).labels(tenant)
        self._events = {
            event: Counter(f"authrecord_{name}", told, ["tenant"], registry=self.registry).labels(tenant)
            for event, (name, told) in _EVENTS.items()
        }
        if look is not None:
            self.registry.register(_Looking(tenant, look))

    def show_spool(self, waiting: Callable[[], int]) -> None:
        """Show as well how many entries of the audit log wait on this machine's disk."""
        from prometheus_client import Gauge

        told = "Entries of the audit log that wait on this machine's disk for the database."
        Gauge("authrecord_audit_spooled", told, ["tenant"], registry=self.registry).labels(
            self._tenant
        ).set_function(waiting)

    def renewed(self, outcome: str, seconds: float) -> None:
        """See `Observer`. An outcome that is no short word counts as `other`."""
        label = outcome if _OUTCOME.fullmatch(outcome) else "other"
        self._renewals.labels(self._tenant, label).inc()
        self._seconds.observe(seconds)

    def waited(self, seconds: float) -> None:
        """See `Observer`."""
        self._waits.observe(seconds)

    def noticed(self, event: str) -> None:
        """See `Observer`."""
        self._events[event].inc()

    def text(self) -> bytes:
        """All of it in OpenMetrics text, `CONTENT_TYPE`."""
        from prometheus_client.openmetrics.exposition import generate_latest

        text: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call] # the library has no types here
        return text


class _Looking:
    """Gauges that are read when somebody asks. A store that is away leaves them out and says so in `up`."""

    def __init__(self, tenant: str, look: Callable[[], Tables]) -> None:
        self._tenant = tenant
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """The gauges, for the registry."""
        from prometheus_client.metrics_core import GaugeMetricFamily

        from ..core.errors import AuthrecordError

        up = GaugeMetricFamily("authrecord_store_up", "1 when the store answered.", labels=["tenant"])
        try:
            found = self._look()
        except AuthrecordError:
            up.add_metric([self._tenant], 0)
            yield up
            return
        up.add_metric([self._tenant], 1)
        yield up
        yield self._gauge("records", "Records in each state.", "state", found.states)
        yield self._gauge(
            "key_version_rows",
            "Sealed rows under each version of the key.",
            "version",
            {str(version): rows for version, rows in found.key_rows.items()},
        )
        for name, told, value in (
            ("records_overdue", "Records whose renewal was due more than a minute ago.", found.overdue),
            ("audit_rows", "The number of the newest audit row.", found.audit_rows),
        ):
            gauge = GaugeMetricFamily(f"authrecord_{name}", told, labels=["tenant"])
            gauge.add_metric([self._tenant], value)
            yield gauge

    def _gauge(self, name: str, told: str, label: str, values: dict[str, int]) -> Metric:
        from prometheus_client.metrics_core import GaugeMetricFamily

        gauge = GaugeMetricFamily(f"authrecord_{name}", told, labels=["tenant", label])
        for value, count in sorted(values.items()):
            gauge.add_metric([self._tenant, value], count)
        return gauge
