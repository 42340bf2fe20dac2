"""Several programs, each with threads and tasks, while tokens end every second: nobody sees an expired answer."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Final

from tests.stores.remote.reach import Reach

LIFE: Final = 1.0
SECONDS: Final = 2.5
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
