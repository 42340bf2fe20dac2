"""Keys are changed by a process that is killed at each of its steps, while two others read and renew (rows L9, L10)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from authrecord.stores.keys import open_kek
from authrecord.stores.sql.key_status import keks, keys
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.tenants import initialise
from authrecord.stores.sql.vault import Vault
from tests.stores.sql import sealed_rows
from tests.stores.sql.rotation_worker import opened

PROGRAM = [sys.executable, "-m", "tests.stores.sql.rotation_worker"]
SECONDS = 60
RECORDS = 10
"""With four sealed values each, which nobody renews."""


class Scene:
    """A database, its key, a new key, and the processes that use them."""

    def __init__(self, database: str, folder: Path) -> None:
        self.database = database
        self.old = f"file:{folder / 'old.key'}"
        self.new = f"file:{folder / 'new.key'}"
        self.workers: list[subprocess.Popen[str]] = []
        with closing(opened(database)) as backend:
            migrate(backend)
            kek = open_kek(self.old, environment={}, random=os.urandom)
            vault = Vault(kek, os.urandom)
            initialise(backend, vault)
            sealed_rows.add(backend, vault, 0, RECORDS)

    def begin_work(self, name: str, source: str) -> subprocess.Popen[str]:
        """Another process that reads and renews its tokens."""
        worker = subprocess.Popen(
            [*PROGRAM, self.database, source, "work", name, "20"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.workers.append(worker)
        return worker

    def end_work(self, worker: subprocess.Popen[str]) -> None:
        """It must have worked all the time, and failed at nothing."""
        said, _ = worker.communicate(timeout=SECONDS)
        assert worker.returncode == 0, said
        assert json.loads(said)["writes"] > 0

    def act(self, source: str, act: str, *further: str) -> int:
        """Change keys; the exit status."""
        return subprocess.run(
            [*PROGRAM, self.database, source, act, *further],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        ).returncode

    def killed_then_done(self, source: str, act: str, point: str, *further: str) -> None:
        """Killed before its commit and after it; and then done by another process."""
        for when in ("before", "after"):
            status = self.act(source, act, f"{point}.{when}_commit", *further)
            assert status == -signal.SIGKILL
        assert self.act(source, act, "", *further) == 0


@pytest.fixture(params=["sqlite", "postgres"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    if request.param == "sqlite":
        database = str(tmp_path / "data" / "store.sqlite")
    else:
        database = request.getfixturevalue("postgres_url")
    scene = Scene(database, folder)
    yield scene
    for worker in scene.workers:
        worker.kill()
        worker.communicate()


@pytest.mark.slow
def test_L9_the_key_is_changed_under_two_running_processes(scene: Scene) -> None:
    first, second = scene.begin_work("a", scene.old), scene.begin_work("b", scene.old)
    scene.killed_then_done(scene.old, "rotate-kek", "keys.rotate_kek", scene.new)
    third = scene.begin_work("c", scene.new)
    scene.end_work(second)
    scene.killed_then_done(scene.new, "finish", "keys.finish")
    scene.end_work(first)
    scene.end_work(third)
    with closing(opened(scene.database)) as backend:
        assert [one.source for one in keks(backend)] == [scene.new]
    assert scene.act(scene.old, "rotate") == 1


@pytest.mark.slow
def test_L10_a_tenants_key_is_changed_under_two_running_processes(scene: Scene) -> None:
    workers = [scene.begin_work("a", scene.old), scene.begin_work("b", scene.old)]
    _until(lambda: _values(scene) >= 4 * RECORDS + 40)
    for step in ("switch", "batch", "retire"):
        status = scene.act(scene.old, "rotate", f"rotate.{step}.before_commit")
        assert status == -signal.SIGKILL
    assert scene.act(scene.old, "rotate") == 0
    for step in ("switch", "batch", "retire"):
        status = scene.act(scene.old, "rotate", f"rotate.{step}.after_commit")
        assert status == -signal.SIGKILL
    assert scene.act(scene.old, "rotate") == 0
    for when in ("before", "after"):
        assert scene.act(scene.old, "destroy", f"keys.destroy.{when}_commit") == -signal.SIGKILL
    for worker in workers:
        scene.end_work(worker)
    with closing(opened(scene.database)) as backend:
        found = keys(backend, "default")
        with backend.reading() as transaction:
            vault = Vault(open_kek(scene.old, environment={}), os.urandom)
            for number in range(RECORDS):
                assert sealed_rows.read_secret(transaction, vault, f"r{number:06}") == (
                    1,
                    b"secret %d" % number,
                )
    assert [one.state for one in found[-2:]] == ["retired", "active"]
    assert [one.values for one in found[:-1]] == [0] * (len(found) - 1)


def _values(scene: Scene) -> int:
    with closing(opened(scene.database)) as backend:
        return sum(one.values for one in keys(backend, "default"))


def _until(condition: Callable[[], bool]) -> None:
    """Waits for the workers' first round; the test's own time limit ends it."""
    while not condition():
        time.sleep(0.05)
