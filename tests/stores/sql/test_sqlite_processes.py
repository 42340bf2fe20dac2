"""Many processes on one SQLite store: crashed, stopped, forked, and all at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from authrecord.core.errors import TryLater
from authrecord.stores.keys import sealing_key
from authrecord.stores.sql.store import SqlStore
from tests.canary_watch import Canary
from tests.stores.contract import ORDERS, plain_token
from tests.stores.opening import open_sqlite, sqlite_of
from tests.stores.sql import worker

Start = Callable[[str, str], "subprocess.Popen[str]"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are POSIX")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "store.key"


@pytest.fixture
def store(cache: Path, key_file: Path) -> SqlStore:
    key = sealing_key(f"file:{key_file}", environment={}, cache=str(cache), random=os.urandom)
    return open_sqlite(cache, key, time)


@pytest.fixture
def start(cache: Path, key_file: Path, store: SqlStore) -> Iterator[Start]:
    """Starts a worker; ends what still runs."""
    started: list[subprocess.Popen[str]] = []

    def starts(action: str, argument: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(Path(worker.__file__)), str(cache), str(key_file), action, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        started.append(process)
        return process

    yield starts
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_K1_kill_9_of_a_holder_frees_its_claim_at_once(store: SqlStore, start: Start) -> None:
    """Its 600 seconds are far from over, and nobody waits for them."""
    process = start("hold", "600")
    assert line(process) == "claimed"
    with pytest.raises(TryLater):
        store.claim(ORDERS, seconds=30, patience=0.05)
    process.kill()
    process.wait()
    assert store.claim(ORDERS, seconds=30, patience=10).generation == 0


def test_I7_a_stopped_holder_is_overtaken_after_its_time_and_fenced(
    store: SqlStore, start: Start, canary: Canary
) -> None:
    process = start("settle_late", "0.3")
    assert line(process) == "claimed"
    process.send_signal(signal.SIGSTOP)
    claim = store.claim(ORDERS, seconds=30, patience=20)
    saved = store.settle(claim, plain_token(canary))
    process.send_signal(signal.SIGCONT)
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert line(process) == "stale"
    assert store.load(ORDERS) == saved


def test_I7_a_stopped_holder_does_not_take_the_crash_rule_from_the_next_one(
    store: SqlStore, start: Start
) -> None:
    """The second holder, in its turn, is freed at once by `kill -9`, although the first still has its lock."""
    stopped = start("hold", "0.2")
    assert line(stopped) == "claimed"
    stopped.send_signal(signal.SIGSTOP)
    second = start("hold", "600")
    assert line(second) == "claimed"
    with pytest.raises(TryLater):
        store.claim(ORDERS, seconds=30, patience=0.05)
    second.kill()
    second.wait()
    store.claim(ORDERS, seconds=30, patience=10)


def test_I3_eight_processes_make_every_generation_once(store: SqlStore, start: Start) -> None:
    processes = [start("renew", "20") for _ in range(8)]
    made: list[int] = []
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        made.extend(int(number) for number in output.split())
    assert sorted(made) == list(range(1, 161))
    loaded = store.load(ORDERS)
    assert loaded is not None
    assert loaded.generation == 160


def test_K2_killed_writers_lose_no_acknowledged_token(store: SqlStore, start: Start) -> None:
    """Each round kills a writer in the middle; what it said it saved is there, and nothing is torn."""
    for _ in range(5):
        process = start("renew", "100000")
        for _ in range(3):
            acknowledged = int(line(process))
        process.kill()
        rest = process.communicate()[0].split()
        acknowledged = max([acknowledged, *(int(number) for number in rest if number.isdigit())])
        loaded = store.load(ORDERS)
        assert loaded is not None
        assert loaded.generation >= acknowledged


def in_child(work: Callable[[], bool]) -> bool:
    """Whether `work` was true in a forked child."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        except BaseException:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_I15_a_forked_child_has_its_own_connection(store: SqlStore, canary: Canary) -> None:
    store.settle(store.claim(ORDERS, seconds=30, patience=0), plain_token(canary))
    parents = sqlite_of(store)._connection
    access_token = plain_token(canary)

    def work() -> bool:
        saved = store.settle(store.claim(ORDERS, seconds=30, patience=5), access_token)
        assert parents is not None
        assert not parents.in_transaction  # raises if it was closed here: only the parent may close it
        return saved is not None and saved.generation == 2 and sqlite_of(store)._connection is not parents

    assert in_child(work)
    loaded = store.load(ORDERS)
    assert loaded is not None
    assert loaded.generation == 2


def test_I15_a_child_neither_frees_nor_keeps_its_parents_claim(store: SqlStore) -> None:
    claim = store.claim(ORDERS, seconds=600, patience=0)
    reader, writer = os.pipe()

    child = os.fork()
    if child == 0:  # lives on with what it has inherited
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)

    def refused() -> bool:
        try:
            store.claim(ORDERS, seconds=30, patience=0.05)
        except TryLater:
            return True
        return False

    assert in_child(refused)
    # The parent's OS lock ends with the parent's own descriptor, as it would at its death.
    assert store._slots is not None
    store._slots.give_back(claim.holder)
    store.claim(ORDERS, seconds=30, patience=10)
    os.close(writer)
    os.waitpid(child, 0)


def test_I15_a_fork_while_another_thread_works_does_not_hang(store: SqlStore, canary: Canary) -> None:
    token = plain_token(canary)
    stop = threading.Event()

    def renew() -> None:
        while not stop.is_set():
            store.settle(store.claim(ORDERS, seconds=30, patience=30), token)

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        assert all(in_child(lambda: store.load(worker.KEY) is not None or True) for _ in range(5))
    finally:
        stop.set()
        thread.join()
