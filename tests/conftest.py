"""What every test has: the canary plugin, property tests without a stop-watch, and no skipping in CI."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Generator

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "tests.canary", "tests.stores.postgres"]

# Timing is not asserted anywhere, two cores may be shared; examples that failed would be kept with their values.
settings.register_profile(
    "authrecord",
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("authrecord")


def pytest_configure() -> None:
    """A run in the background of a script ignores an interrupt, and so would every program that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """Wind the clock again: pytest and pytest-timeout stop theirs at a failure, for debuggers.

    A test that has failed may hang in its teardown, and then nothing would ever end the run.
    """
    seconds = float(node.config.getini("faulthandler_timeout"))
    faulthandler.dump_traceback_later(seconds, exit=True, file=node.config.stash[fault_handler_stderr_fd_key])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true nothing may be left out: a skipped test fails there, and says which part is missing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped, and with CI=true nothing may be left out.\n{report.longrepr}"
        )
    return report
