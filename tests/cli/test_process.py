"""What the process of the command line leaves behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.desk import Desk


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of a process are read from /proc")
def test_P16_the_process_writes_no_core_dump(desk: Desk) -> None:
    process = desk.start("devserver", "--json")
    assert process.stdout is not None
    assert process.stdout.readline(), "it runs"
    limits = Path(f"/proc/{process.pid}/limits").read_text(encoding="ascii")
    [core] = [line.split() for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core[4] == "0"
    process.terminate()
    process.communicate(timeout=60)
