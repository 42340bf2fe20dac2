"""The means of these tests: a missing part is said clearly, and a server that fails shows its log."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.real import availability, server_process
from tests.real.server_process import serving


def test_a_missing_part_skips_with_its_reason_and_fails_where_nothing_may_be_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = availability.missing_packages("sys", "no_such_package")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no_such_package is not installed"):
        availability.require(missing)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no_such_package is not installed"):
        availability.require(missing)


def test_a_part_that_is_here_is_not_missing() -> None:
    assert availability.missing_packages("sys", "pytest") == ""


def test_a_server_that_ends_too_early_shows_the_end_of_its_log() -> None:
    code = "import sys; print('no table named orders'); sys.exit(3)"
    with (
        pytest.raises(pytest.fail.Exception, match=r"(?s)shop ended with exit code 3.*no table named orders"),
        serving("shop", [sys.executable, "-c", code], settings={}),
    ):
        pytest.fail("the server was said to be ready")


def test_a_server_that_never_listens_is_given_up_and_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server_process, "READY_SECONDS", 3.0)
    monkeypatch.setattr(server_process, "STOP_SECONDS", 0.5)
    mark = tmp_path / "pid"
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with (
        pytest.raises(pytest.fail.Exception, match="shop did not listen within"),
        serving("shop", [sys.executable, "-c", code], settings={}),
    ):
        pytest.fail("the server was said to be ready")
    assert_gone(int(mark.read_text()))


def test_a_server_that_ignores_the_request_to_end_is_ended_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_process, "STOP_SECONDS", 0.5)
    code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('READY', os.getpid(), flush=True); time.sleep(60)"
    )
    with serving("shop", [sys.executable, "-c", code], settings={}) as server:
        pid = server.port
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.1)
        os.kill(pid, 0)
    assert_gone(pid)


def assert_gone(pid: int) -> None:
    """No such process is left."""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
