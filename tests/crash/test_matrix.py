"""Every fault point × what may happen there × both databases (attack rows K1, K4, K6, K9; targets R3, R4)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import pytest

from tests.canary_watch import Canary
from tests.race.shortening import MODULES, NAMES
from tests.shape.fault_rules import names_of_points
from tests.shape.tree import check_nothing_found, python_files, tree_of

from .deeds import CLAIM_SECONDS, DEEDS
from .scene import Scene, errors_of
from .small_disk import LARGE, SMALL, small_disk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are POSIX"),
]

ENDINGS = {
    "kill": {"killed"},
    "raise": {"hit"},
    "stop": {"stopped"},
    "disk_full": {"done", "disk_full", "unusable_file", "spool_unusable", "invalid_client"},
    "gone": {"done", "store_away", "file_replaced", "unusable_file", "invalid_client"},
}
"""How a child may end whose case names a point that it passes."""


PASSED: dict[tuple[str, str], list[str]] = {}
"""What `points_of` has found."""

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
        fills = request.node.callspec.params.get("action") == "disk_full"
        small = small_disk(tmp_path / "disk", SMALL if fills else LARGE)
        disk = None if on_postgres else opened.enter_context(small)
        yield Scene(tmp_path, canary.make, opened, server=server, disk=disk)


def points_of(scene: Scene, deed: str) -> list[str]:
    """The fault points that a deed passes when nothing happens to it, each once, in order."""
    known = PASSED.get((scene.kind, deed))
    if known is not None:
        return known
    with scene.case(deed) as case:
        ended = scene.zygote.run(case)
        assert ended["ended"] == ("invalid_client" if deed == "fail" else "done"), ended
        assert errors_of(case, scene.judge) == []
    return PASSED.setdefault((scene.kind, deed), list(dict.fromkeys(ended["passed"])))


def chosen(scene: Scene) -> list[tuple[str, str]]:
    """Deeds and points: each point once; with AUTHRECORD_CRASHES=all in each deed that passes it."""
    every = [(deed, point) for deed in DEEDS for point in points_of(scene, deed)]
    if os.environ.get("AUTHRECORD_CRASHES") == "all":
        return every
    # The deed that passes the fewest points is about its points; others pass them on their way.
    first = {point: deed for deed, point in sorted(every, key=lambda one: -len(points_of(scene, one[0])))}
    return [(deed, point) for point, deed in first.items()]


def happen(scene: Scene, action: str, part: int) -> Iterator[str]:
    """`action` at each point of a part of them, in a store of its own, and what is wrong afterwards.

    A claim that died with its holder is over after its time, where no lock shows it; all wait for that together.
    A process that is stopped inside a transaction is not overtaken: SQLite has one writer, who is stopped (row K7).
    """
    with ExitStack() as opened:
        cases = [
            opened.enter_context(scene.case(deed, point=point, action=action))
            for deed, point in chosen(scene)[part::PARTS]
        ]
        ended = scene.run_all(cases, at_a_time=AT_A_TIME.get(action, 1))
        time.sleep(CLAIM_SECONDS if scene.claims_end_by_time(action) else 0.0)
        for case, (child, zygote) in zip(cases, ended, strict=True):
            scene.renew_provider(case)
            found = [] if child["ended"] in ENDINGS[action] else [f"it ended with {child['ended']}"]
            if child["ended"] == "stopped":
                found += [] if is_inside(case["point"]) else errors_of(case, scene.judge)
                went_on = zygote.resume(child["pid"])["ended"]
                found += [] if went_on in GOES_ON else [f"it ended with {went_on} when it was let go on"]
            found += errors_of(case, scene.judge)
            yield from (f"{case['deed']}, {action} at {case['point']}: {fault}" for fault in found)


def is_inside(point: str) -> bool:
    """Whether a point lies inside a write transaction."""
    return point.endswith(("before_commit", "before_rollback", ".step")) or point.startswith("audit.")


PARTS = 3
"""A run of all points is cut into so many, so that none is cut as one that hangs."""

CASES = [
    (kind, action, part)
    for kind in ("sqlite", "postgres")
    for action in ENDINGS
    for part in range(PARTS)
    if (kind, action) != ("postgres", "disk_full")
]
"""PostgreSQL's disk is its server's: what a full one gives is an error like others."""

AT_A_TIME = {"gone": 4}
"""Whoever meets a database that is gone waits for it most of the time; the others are quick."""


@pytest.mark.parametrize(("scene", "action", "part"), CASES, indirect=["scene"])
def test_K1_I7_after_anything_at_any_point_all_is_wholly_old_or_wholly_new(
    scene: Scene, action: str, part: int
) -> None:
    check_nothing_found(list(happen(scene, action, part)))


ELSEWHERE = {
    "delete.revoke_sent": "tests/cli: the command revokes before it deletes",
    "export.before_commit": "tests/stores/test_exporting.py",
    "export.after_commit": "tests/stores/test_exporting.py",
    "journal.before_commit": "one row of the audit log in a transaction of its own, as `append` writes it in each deed",
    "journal.after_commit": "one row of the audit log in a transaction of its own, as `append` writes it in each deed",
    "keys.finish.before_commit": "tests/stores/sql/test_rotation_processes.py",
    "keys.finish.after_commit": "tests/stores/sql/test_rotation_processes.py",
    "watch.ready.before_rollback": "writes nothing that stays",
    "watch.ready.after_rollback": "writes nothing that stays",
}
"""Fault points that no deed passes, and where they are met instead."""


def test_K1_every_fault_point_of_the_source_is_passed_by_a_deed(scene: Scene) -> None:
    """A new point without a deed fails here, so that the matrix is never smaller than the source."""
    passed = {point for deed in DEEDS for point in points_of(scene, deed)} | ELSEWHERE.keys()
    written = {name for path in python_files("src") for name in names_of_points(tree_of(path))}
    check_nothing_found(sorted(written - passed))
    assert not ELSEWHERE.keys() - written
