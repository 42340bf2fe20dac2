"""What is counted, in OpenMetrics text that the library's own parser reads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from authrecord.core.errors import StoreFault, TryLater
from authrecord.keeper import observing
from authrecord.keeper.observing import Observer
from authrecord.metrics.counting import Metrics, Tables
from tests.canary_watch import Canary


def families(metrics: Metrics) -> Iterable[Metric]:
    found: Iterable[Metric] = text_string_to_metric_families(metrics.text().decode())  # type: ignore[no-untyped-call] # the library has no types here
    return found


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, beside the tenant's and the time of birth."""
    return {
        (one.name, *(value for name, value in one.labels.items() if name != "tenant")): one.value
        for family in families(metrics)
        for one in family.samples
        if not one.name.endswith("_created")
    }


def test_renewals_are_counted_by_outcome_and_timed() -> None:
    metrics = Metrics("default")
    metrics.renewed("ok", 0.2)
    metrics.renewed("ok", 3.0)
    metrics.renewed("login_required", 0.04)
    metrics.waited(0.01)
    found = samples(metrics)
    assert found["authrecord_refresh_total", "ok"] == 2
    assert found["authrecord_refresh_total", "login_required"] == 1
    assert found["authrecord_refresh_seconds_count",] == 3
    assert found["authrecord_refresh_seconds_sum",] == pytest.approx(3.24)
    assert found["authrecord_refresh_seconds_bucket", "0.25"] == 2
    assert found["authrecord_refresh_lock_wait_seconds_count",] == 1


@pytest.mark.parametrize("event", observing.EVENTS)
def test_each_event_has_a_counter_of_its_own(event: str) -> None:
    metrics = Metrics("default")
    before = samples(metrics)
    metrics.noticed(event)
    after = samples(metrics)
    assert [after[key] - before[key] for key in after if after[key] != before[key]] == [1]


def test_the_tables_are_looked_at_when_somebody_asks() -> None:
    states = {"live": 2, "needs_login": 1}
    metrics = Metrics("default", lambda: Tables(states, {1: 40, 2: 3}, overdue=4, audit_rows=9))
    found = samples(metrics)
    assert found["authrecord_records", "needs_login"] == 1
    assert found["authrecord_key_version_rows", "1"] == 40
    assert found["authrecord_records_overdue",] == 4
    assert found["authrecord_audit_rows",] == 9
    assert found["authrecord_store_up",] == 1
    states["live"] = 3
    assert samples(metrics)["authrecord_records", "live"] == 3


def test_a_store_that_is_away_costs_its_gauges_and_not_the_counters() -> None:
    def look() -> Tables:
        raise TryLater("the database is away.", code="store_away")

    metrics = Metrics("default", look)
    metrics.renewed("ok", 0.1)
    found = samples(metrics)
    assert found["authrecord_store_up",] == 0
    assert found["authrecord_refresh_total", "ok"] == 1
    assert not any(name[0].startswith("authrecord_records") for name in found)


def test_P18_no_label_holds_what_could_be_a_secret(canary: Canary) -> None:
    """An outcome that is no short word of ours is not written down, whatever it is."""
    metrics = Metrics("default")
    for outcome in (
        canary("token"),
        canary("password", alphabet="hard"),
        "",
        'x"} 1\nauthrecord_up 1',
        "a" * 41,
    ):
        metrics.renewed(outcome, 0.1)
    assert samples(metrics)["authrecord_refresh_total", "other"] == 5
    canary.scan(metrics.text().decode(), "metrics")


def test_P18_the_labels_are_the_tenant_an_outcome_a_state_a_version_and_a_bucket() -> None:
    metrics = Metrics("default", lambda: Tables({"live": 1}, {1: 1}))
    metrics.renewed("ok", 0.1)
    labels = {name for family in families(metrics) for one in family.samples for name in one.labels}
    assert labels == {"tenant", "outcome", "state", "version", "le"}


def test_it_is_an_observer_and_so_is_nobody() -> None:
    observers: list[Observer] = [Metrics("default"), observing.Unobserved()]
    for one in observers:
        one.renewed("ok", 1.0)
        one.waited(1.0)
        one.noticed(observing.TAMPERED)
    assert isinstance(observers[0], Metrics)


def test_without_the_library_the_fault_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(StoreFault, match=r"authrecord\[metrics\]") as refused:
        Metrics("default")
    assert refused.value.code == "no_metrics"


def test_nothing_else_loads_the_library() -> None:
    program = (
        "import authrecord, authrecord.keeper.keeper, authrecord.cli.app, authrecord.metrics.counting, sys; "
        "print('prometheus_client' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_what_waits_for_the_database_is_shown_although_that_is_away() -> None:
    def away() -> Tables:
        raise TryLater("the database is away.", code="store_away")

    metrics = Metrics("default", away)
    waiting = [2.0]
    metrics.show_spool(lambda: int(waiting[0]))
    assert samples(metrics)["authrecord_audit_spooled",] == 2
    waiting[0] = 0.0
    assert samples(metrics)["authrecord_audit_spooled",] == 0
    assert samples(metrics)["authrecord_store_up",] == 0
