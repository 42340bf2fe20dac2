"""The demonstration that the README names runs to its end, and no expired answer reaches a caller."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.shape.tree import ROOT


@pytest.mark.slow
def test_the_demonstration_ends_by_itself_without_an_expired_answer() -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), "--once"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "expired answers that reached the caller: 0." in " ".join(ended.stdout.split())
