"""The canary plugin: no test lets a secret out. Attack row P1; it is on for every test.

`canary("client_secret")` makes a secret that exists once in the world. When the test has ended, everything that
a person or a program could have read is searched for it, in every encoding of row F8:

* `stdout`, `stderr`: of this process (file descriptors too), of child processes read with `communicate`, of
  click's `CliRunner`, and what the test took out of `capsys` or `capfd`;
* `argv`: the command line of every child process;
* `log`: every record that reaches the root logger at DEBUG, with its arguments, its extras and its traceback;
* `warning`; `exception`: what ended the test or was caught by `pytest.raises`, with causes, arguments, notes;
* `file:NAME`: names and bytes of all files below `tmp_path`, other temporary folders, and watched folders.

A leak fails the test and is named by label, sink and encoding, never by value; pytest's own reports are cleaned
of the value before they are printed. What a sink may hold is said with `canary.allow(value, sink="stdout")`.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator

import pytest

from tests.canary_sinks import ACTIVE, LogRecorder, install
from tests.canary_watch import Canary, Watch

_WATCH = pytest.StashKey[Watch]()
_RECORDER = pytest.StashKey[LogRecorder]()
_PLUGIN = "authrecord-canary"


@pytest.fixture
def canary(request: pytest.FixtureRequest) -> Canary:
    """Makes and watches the secrets of this test; see the module."""
    return Canary(request.node.stash[_WATCH])


@pytest.fixture(scope="session")
def session_canary(request: pytest.FixtureRequest) -> Canary:
    """The same for fixtures that outlive a test: what it makes is looked for in every test from then on."""
    plugin = request.config.pluginmanager.get_plugin(_PLUGIN)
    assert isinstance(plugin, CanaryPlugin)
    return Canary(plugin.lasting)


def pytest_configure(config: pytest.Config) -> None:
    """Put the recorders in place, and take care that pytest prints no locals: they hold revealed secrets."""
    config.option.showlocals = False
    config.pluginmanager.register(CanaryPlugin(), _PLUGIN)
    config.add_cleanup(install())


class CanaryPlugin:
    """The hooks: begin to listen before a test is set up, search when all of it is torn down."""

    def __init__(self) -> None:
        self.lasting = Watch()
        self._latest = self.lasting
        self._late: list[str] = []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Begin to listen."""
        watch = self._latest = item.stash[_WATCH] = Watch(self.lasting)
        recorder = item.stash[_RECORDER] = LogRecorder(watch)
        ACTIVE.append(watch)
        recorder.attach()
        yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """End the test; then, when every fixture is gone and the output is collected, search."""
        watch = item.stash[_WATCH]
        try:
            yield
        finally:
            item.stash[_RECORDER].detach()
            ACTIVE.remove(watch)
        for _when, sink, content in item._report_sections:
            watch.note(sink, content)
        leaks = watch.leaks()
        if leaks:
            pytest.fail("a secret got out:\n" + "\n".join(f"  {leak}" for leak in leaks), pytrace=False)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note the exception that ended the phase, and clean the report of every secret."""
        report = yield
        watch = item.stash[_WATCH]
        # A failed assertion of the test itself may compare secrets: it is cleaned, not counted.
        if call.excinfo is not None and not isinstance(
            call.excinfo.value, AssertionError | pytest.fail.Exception
        ):
            watch.note_exception(call.excinfo.value)
        if report.failed:
            clean = watch.redacted(report.longreprtext)
            if clean != report.longreprtext:
                report.longrepr = clean
            report.sections = [(name, watch.redacted(content)) for name, content in report.sections]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, nodeid: str) -> None:
        """Search a warning. pytest hands it over when its test has been reported: a leak fails the session."""
        leaks = list(self._latest.look_in("warning", str(warning_message.message)))
        if leaks:
            self._late += [f"{nodeid}: {leak}" for leak in leaks]
            warning_message.message = UserWarning("(not shown: it holds a secret)")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the session for what was found after its test."""
        if self._late and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what was found after its test."""
        for line in self._late:
            terminalreporter.write_line(f"a secret got out: {line}", red=True)
