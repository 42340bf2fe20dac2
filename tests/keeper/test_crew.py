"""The threads in which renewals run, where a process keeps some of them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from authrecord.keeper.crew import RENEWAL_THREAD, Crew, start_alone

SECONDS = 20


def run_in(start: Callable[[str, Callable[[], None]], None]) -> threading.Thread:
    """The thread in which `start` ran something."""
    ran: list[threading.Thread] = []
    done = threading.Event()

    def work() -> None:
        ran.append(threading.current_thread())
        assert ran[0].name == RENEWAL_THREAD + "orders"
        done.set()

    start("orders", work)
    assert done.wait(SECONDS)
    return ran[0]


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(RENEWAL_THREAD)]


def test_a_thread_is_kept_for_the_next_renewal_and_waits_under_another_name() -> None:
    crew = Crew(1)
    first = run_in(crew.start)
    while crew.busy:
        threading.Event().wait(0.001)
    assert names() == []
    assert run_in(crew.start) is first
    crew.close()
    first.join(SECONDS)
    assert not first.is_alive()


def test_I16_no_renewal_waits_for_another_one() -> None:
    crew, go_on, begun = Crew(2), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        begun.release()
        assert go_on.wait(SECONDS)

    for _ in range(5):
        crew.start("orders", work)
    assert all(begun.acquire(timeout=SECONDS) for _ in range(5)), "all of them run at once"
    assert len(names()) == 5
    go_on.set()
    crew.close()


def test_what_fails_takes_no_thread_away() -> None:
    crew = Crew(1)

    def fails() -> None:
        raise ZeroDivisionError

    crew.start("orders", fails)
    while crew.busy:
        threading.Event().wait(0.001)
    first = run_in(crew.start)
    assert run_in(crew.start) is first or crew.busy
    crew.close()


def test_a_closed_crew_starts_threads_of_their_own() -> None:
    crew = Crew(1)
    kept = run_in(crew.start)
    crew.close()
    assert run_in(crew.start) is not kept
    assert run_in(start_alone) is not kept


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # of forking with threads, which is the matter
def test_I15_a_forked_child_starts_threads_of_its_own() -> None:
    crew = Crew(1)
    run_in(crew.start)
    child = os.fork()
    if child == 0:
        crew.reset_after_fork()
        ran = threading.Event()
        crew.start("orders", ran.set)
        os._exit(0 if ran.wait(SECONDS) else 1)
    assert os.waitpid(child, 0)[1] == 0
    crew.close()


AT_THE_END = """
import atexit, time
from authrecord.keeper.crew import Crew
crew = Crew(2)
atexit.register(lambda: crew.start("orders", lambda: print("late")))
crew.start("orders", lambda: None)
crew.start("orders", lambda: (time.sleep(0.3), print("stored")))
"""


def test_H10_the_interpreter_waits_for_a_renewal_and_for_no_thread_that_waits() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", AT_THE_END], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    said = ended.stdout.split()
    assert said[0] == "stored"
    if sys.version_info < (3, 12):  # later ones start no thread at that time
        assert said == ["stored", "late"]
