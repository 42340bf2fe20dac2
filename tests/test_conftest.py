"""What `conftest.py` promises for every run."""

from __future__ import annotations

from pathlib import Path

import pytest

HANGING = """
import time
import pytest

@pytest.fixture
def hangs():
    yield
    time.sleep(600)

def test_fails(hangs):
    assert False
"""


def test_a_test_that_failed_and_hangs_in_its_teardown_ends_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeconftest("from tests.conftest import pytest_exception_interact")
    pytester.makepyfile(HANGING)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    ended = pytester.runpytest_subprocess(
        "-o", "faulthandler_timeout=1", "-p", "no:cacheprovider", timeout=60
    )
    assert ended.ret == 1
    assert "Timeout (0:00:01)!" in ended.stderr.str()
