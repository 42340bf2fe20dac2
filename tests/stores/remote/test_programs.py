"""Several programs, each with threads and tasks, while tokens end every second: nobody sees an expired answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from typing import Final

import pytest

from tests.stores.remote.reach import Reach

LIFE: Final = 1.0
SECONDS: Final = 2.2
PROGRAMS: Final = 2


def test_I4_programs_over_a_url_see_no_expired_answer_and_share_each_renewal(reach: Reach) -> None:
    reach.provider.token_life = LIFE
    reach.machine()
    began = time.monotonic()
    programs = [started(reach) for _ in range(PROGRAMS)]
    ended = [program.communicate(timeout=60) for program in programs]
    ran = time.monotonic() - began
    assert [program.returncode for program in programs] == [0] * PROGRAMS, ended
    told = [json.loads(out) for out, _ in ended]
    counters = reach.provider.counters
    for one in told:
        assert set(one["statuses"]) == {"200"}, one
        assert one["calls"] >= 2, "it lived through renewals"
    mended = counters.expired_answers  # on a starved machine a token may end on its way to the API
    lives = 1 + ran / (LIFE * 0.9)
    assert 2 <= counters.token_requests <= 1 + lives + mended
    assert max(one["calls"] for one in told) <= 2 * (1 + lives) + mended, "a question or two for each life"


def started(reach: Reach) -> subprocess.Popen[str]:
    """A program that begins at once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stores.remote.program"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    environment = dict(reach.settings().environment)
    given = {
        "environment": environment,
        "url": f"{reach.provider.api_url}/orders",
        "seconds": SECONDS,
    }
    process.stdin.write(json.dumps(given) + "\n")
    process.stdin.flush()
    return process


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_I15_a_forked_child_asks_the_server_by_itself(reach: Reach) -> None:
    reach.machine()
    records, wire = reach.wired()
    token = records.token("orders")
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of Python 3.12: this process has threads, as servers do
        child = os.fork()
    if child == 0:
        try:
            other = records.keeper.token(records["orders"], rejected=token)
            said = b"same" if other.is_same(token) else b"other"
            os.write(write_end, said + b" %d" % len(wire.asked))
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said == b"same 3", "too young for another one, and told over a connection of its own"
    assert len(wire.asked) == 2
    assert records.token("orders").is_same(token)
