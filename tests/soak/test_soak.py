"""A short soak; `scripts/soak` runs long ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.canary_watch import Canary

from .soak import Plan, soak

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]


@pytest.mark.parametrize("engine", ["embedded", "envoy"])
def test_no_answer_is_lost_and_none_says_expired_while_everything_around_the_gateway_fails(
    tmp_path: Path, canary: Canary, postgres_url: str, engine: str
) -> None:
    plan = Plan(
        folder=tmp_path / "soak",
        database_url=postgres_url,
        seconds=30.0,
        engine=engine,
        rate=100.0,
        away=3.0,
        token_life=2.0,
        connections=8,
        between_renewals=True,
        make_secret=canary.make,
    )
    result = soak(plan)
    assert result.faults == ()
    figures = result.figures
    assert (figures.expired_shown, figures.lost) == (0, 0)
    assert figures.control_starts >= 3
    assert figures.refused - figures.refused_while_away < figures.requests * 0.1
    assert figures.answered > figures.requests * 0.7
    assert figures.token_requests > 30
    assert figures.token_failures > 0
