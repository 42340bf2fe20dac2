"""Every fault point × what may happen there × both databases (attack rows K1, K4, K6, K9; targets R3, R4)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import pytest

from tests.canary_watch import Canary
from tests.race.shortening import MODULES, NAMES
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
    for module, name in product(MODULES, NAMES):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, getattr(module, name))  # put back when the scene ends
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


def happen(scene: Scene, deed: str, action: str) -> Iterator[str]:
    """The same at each point of a deed, in a store of its own, and what is wrong afterwards.

    A claim that died with its holder is over after its time, where no lock shows it; all wait for that together.
    A process that is stopped inside a transaction is not overtaken: SQLite has one writer, who is stopped (row K7).
    """
    with ExitStack() as opened:
        cases = []
        for point in points_of(scene, deed):
            case = opened.enter_context(scene.case(deed, point=point, action=action))
            cases.append((point, case, scene.zygote.run(case)))
            scene.heal(case)
        time.sleep(CLAIM_SECONDS if deed in CLAIMING and scene.claims_end_by_time(action) else 0.0)
        for point, case, child in cases:
            found = [] if child["ended"] in ENDINGS[action] else [f"it ended with {child['ended']}"]
            if child["ended"] == "stopped":
                found += [] if is_inside(point) else errors_of(case, scene.judge)
                ended = scene.zygote.resume(child["pid"])["ended"]
                found += [] if ended in GOES_ON else [f"it ended with {ended} when it was let go on"]
            found += errors_of(case, scene.judge)
            yield from (f"{deed}, {action} at {point}: {fault}" for fault in found)


def is_inside(point: str) -> bool:
    """Whether a point lies inside a write transaction."""
    return point.endswith(("before_commit", "before_rollback", ".step")) or point.startswith("audit.")


@pytest.mark.parametrize("action", ENDINGS)
def test_K1_I7_after_anything_at_any_point_all_is_wholly_old_or_wholly_new(scene: Scene, action: str) -> None:
    check_nothing_found([fault for deed in DEEDS for fault in happen(scene, deed, action)])
