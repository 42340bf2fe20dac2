"""Every fault point × what may happen there × both databases (attack rows K1, K4, K6, K9; targets R3, R4)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from authrecord.keeper import renewal
from tests.canary_watch import Canary
from tests.shape.tree import check_nothing_found

from .deeds import CLAIM_SECONDS, CLAIMING, DEEDS
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
    "disk_full": {"done", "disk_full", "unusable_file", "invalid_client"},
    "gone": {"done", "store_away", "file_replaced", "unusable_file", "invalid_client"},
}
"""How a child may end whose case names a point that it passes."""


GOES_ON = {"done", "store_busy", "store_away", "invalid_client", "claim_over", "restored"}
"""How a child may end that was stopped and let go on."""


@pytest.fixture(params=["sqlite", "postgres"])
def scene(
    request: pytest.FixtureRequest, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """A scene on each database."""
    for name in ("CLAIM_SECONDS", "SEND_SECONDS", "SLACK_SECONDS", "PATIENCE_SECONDS"):
        monkeypatch.setattr(renewal, name, getattr(renewal, name))  # put back when the scene ends
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
        assert ended["ended"] == ("invalid_client" if deed == "fail" else "done"), ended
        assert errors_of(case, scene.judge) == []
    return list(dict.fromkeys(ended["passed"]))


def happen(scene: Scene, deed: str, point: str, action: str) -> Iterator[str]:
    """One case, and what is wrong afterwards."""
    with scene.case(deed, point=point, action=action) as case:
        ended = scene.zygote.run(case)["ended"]
        if ended not in ENDINGS[action]:
            yield f"it ended with {ended}"
        scene.heal(case)
        yield from errors_of(case, scene.judge)


def stop_at(scene: Scene, deed: str, points: list[str]) -> Iterator[str]:
    """A child stopped at each point for longer than its claim stands, overtaken, and let go on.

    One that is stopped inside a transaction is not overtaken: SQLite has one writer, who is stopped (row K7).
    """
    with ExitStack() as opened:
        cases = [
            (point, opened.enter_context(scene.case(deed, point=point, action="stop"))) for point in points
        ]
        stopped = [(point, case, scene.zygote.run(case)) for point, case in cases]
        time.sleep(CLAIM_SECONDS if deed in CLAIMING else 0.05)
        for point, case, child in stopped:
            if child["ended"] != "stopped":
                yield f"{deed}, stop at {point}: it ended with {child['ended']}"
                continue
            found = [] if is_inside(point) else errors_of(case, scene.judge)
            ended = scene.zygote.resume(child["pid"])["ended"]
            if ended not in GOES_ON:
                found.append(f"it ended with {ended} when it was let go on")
            found += errors_of(case, scene.judge)
            yield from (f"{deed}, stop at {point}: {fault}" for fault in found)


def is_inside(point: str) -> bool:
    """Whether a point lies inside a write transaction."""
    return point.endswith(("before_commit", "before_rollback", ".step")) or point.startswith("audit.")


@pytest.mark.parametrize("action", [action for action in ENDINGS if action != "stop"])
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


def test_K1_I7_a_process_that_was_stopped_at_any_point_harms_nothing_when_it_goes_on(scene: Scene) -> None:
    check_nothing_found([fault for deed in DEEDS for fault in stop_at(scene, deed, points_of(scene, deed))])
