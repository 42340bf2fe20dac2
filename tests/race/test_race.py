"""Short races; `scripts/race` runs long ones. Rows I3, I4, I5, I7 and I9 happen in them by chance, again and again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.canary_watch import Canary

from .conductor import Result, race
from .plans import on_postgres, on_sqlite

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform == "win32", reason="signals and Unix sockets are POSIX"),
]

SECONDS = 30.0


def check_race(result: Result) -> None:
    """Every invariant held, and enough happened for that to mean something."""
    assert result.faults == ()
    assert result.figures.expiries >= result.figures.records
    assert result.figures.calls > result.figures.expiries
    assert result.figures.reuse_detected == 0
    assert dict(result.figures.deeds)


def test_I3_I5_processes_and_commands_on_one_sqlite_file(tmp_path: Path, canary: Canary) -> None:
    check_race(race(on_sqlite(tmp_path / "race", SECONDS, make_secret=canary.make)))


def test_I4_I7_machines_on_one_postgresql_behind_a_network_that_fails(
    tmp_path: Path, canary: Canary, postgres_url: str
) -> None:
    check_race(race(on_postgres(tmp_path / "race", SECONDS, postgres_url, make_secret=canary.make)))
