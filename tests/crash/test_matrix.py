"""Every fault point × what may happen there × both databases (attack rows K1, K4, K6, K9; targets R3, R4)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from authrecord.keeper import renewal
from tests.canary_watch import Canary
from tests.shape.fault_rules import names_of_points
from tests.shape.tree import check_nothing_found, python_files, tree_of

from .deeds import CLAIM_SECONDS, DEEDS
from .scene import Scene, errors_of
from .small_disk import small_disk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are POSIX"),
]

ENDINGS = {
    "kill": {"killed"},
    "raise": {"hit"},
    "stop": {"stopped"},
    "disk_full": {"done", "disk_full", "misconfigured"},
    "gone": {"done", "store_away", "file_replaced", "unusable_file", "misconfigured"},
}
"""How a child may end whose case names a point that it passes."""


@pytest.fixture(params=["sqlite", "postgres"])
def scene(
    request: pytest.FixtureRequest, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """A scene on each database."""
    monkeypatch.setattr(renewal, "CLAIM_SECONDS", CLAIM_SECONDS)
    monkeypatch.setenv("RACE_SECRET", "set by the scene")
    with ExitStack() as opened:
        on_postgres = request.param == "postgres"
        server = request.getfixturevalue("postgres_server") if on_postgres else ""
        disk = None if on_postgres else opened.enter_context(small_disk(tmp_path / "disk"))
        yield Scene(tmp_path, canary.make, opened, server=server, disk=disk)


def points_of(scene: Scene, deed: str) -> list[str]:
    """The fault points that a deed passes when nothing happens to it, each once, in order."""
    with scene.case(deed) as case:
        ended = scene.zygote.run(case)
        assert ended["ended"] == ("misconfigured" if deed == "fail" else "done"), ended
        assert errors_of(case, scene.judge) == []
    return list(dict.fromkeys(ended["passed"]))


def happen(scene: Scene, deed: str, point: str, action: str) -> Iterator[str]:
    """One case, and what is wrong afterwards."""
    with scene.case(deed, point=point, action=action) as case:
        ended = scene.zygote.run(case)
        if ended["ended"] not in ENDINGS[action]:
            yield f"it ended with {ended['ended']}"
        scene.heal(case)
        if ended["ended"] == "stopped":
            time.sleep(CLAIM_SECONDS)
            yield from errors_of(case, scene.judge)
            ended = scene.zygote.resume(ended["pid"])
            if ended["ended"] not in {"done", "store_busy", "store_away", "misconfigured"}:
                yield f"it ended with {ended['ended']} when it was let go on"
        yield from errors_of(case, scene.judge)


@pytest.mark.parametrize("action", ENDINGS)
def test_K1_after_anything_at_any_point_each_token_is_wholly_old_or_wholly_new(
    scene: Scene, action: str
) -> None:
    faults: list[str] = []
    for deed in DEEDS:
        for point in points_of(scene, deed):
            faults += [
                f"{deed}, {action} at {point}: {fault}" for fault in happen(scene, deed, point, action)
            ]
    check_nothing_found(faults)
