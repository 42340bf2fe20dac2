"""A process that has imported everything and forks a child for each case: `python -m tests.crash.zygote`.

Reads a case as a line of JSON, lets a child do its deed, and writes how that ended as a line of JSON: `ended`
(`done`, `hit`, `killed`, `stopped`, or the code of an error), `passed` (the fault points, in order), `pid`. After
`stopped` it waits for the child's end at the next line, which is `{"resume": pid}`.

It never starts a thread: the children of a process with threads are not sound.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DONE, HIT, FAULT, BROKEN = 0, 10, 11, 12

IMPORTED_ONCE = (
    "authrecord.clients.sender_network",
    "authrecord.documents.yaml_text",
    "authrecord.stores.sql.postgres",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.kdf.hkdf",
    "httpcore2",
    "psycopg_pool",
)
"""What the program imports where it needs it: no child has to do it again."""


class Zygote:
    """The process, as a test sees it. `with` starts and ends it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(environment),
            cwd=Path(__file__).parents[2],
        )

    def run(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """How the child of `case` ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the zygote died"
        ended: dict[str, Any] = json.loads(line)
        return ended

    def resume(self, pid: int) -> dict[str, Any]:
        """How a stopped child ended, once it was let go on."""
        return self.run({"resume": pid})

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def main() -> None:
    """Serve until standard input ends."""
    from . import deeds

    for module in IMPORTED_ONCE:
        importlib.import_module(module)
    passed: dict[int, str] = {}
    stopped: set[int] = set()
    for line in sys.stdin:
        case = json.loads(line)
        if "resume" in case:
            pid = case["resume"]
            stopped.remove(pid)
            os.kill(pid, signal.SIGCONT)
        else:
            note = Path(case["folder"]) / "passed"
            note.write_text("")
            pid = os.fork()
            if pid == 0:
                _child(case, note, deeds.DEEDS)
            passed[pid] = str(note)
        outcome = _outcome(pid, Path(passed[pid]))
        stopped |= {pid} if outcome["ended"] == "stopped" else set()
        print(json.dumps(outcome), flush=True)
    for pid in stopped:
        # A test that failed lets none of them go on; they hold our standard output, which the test waits for.
        os.kill(pid, signal.SIGKILL)


def _child(case: dict[str, Any], note: Path, deeds: Mapping[str, Any]) -> None:
    """Do the deed and end, without a way back into the zygote."""
    from authrecord.core.errors import AuthrecordError

    from . import actions

    code = BROKEN
    try:
        actions.remember_connections()
        written = os.open(note, os.O_WRONLY | os.O_APPEND)
        actions.install(case, lambda name: _say(written, name))
        try:
            deeds[case["deed"]](case)
            code = DONE
        except actions.Hit:
            code = HIT
        except AuthrecordError as error:
            _say(written, f"error {error.code}")
            code = FAULT
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _say(descriptor: int, word: str) -> None:
    os.write(descriptor, word.encode() + b"\n")


def _outcome(pid: int, note: Path) -> dict[str, Any]:
    _, status = os.waitpid(pid, os.WUNTRACED)
    words = note.read_text().split("\n")[:-1]
    points = [word for word in words if not word.startswith("error ")]
    if os.WIFSTOPPED(status):
        ended = "stopped"
    elif os.WIFSIGNALED(status):
        ended = "killed" if os.WTERMSIG(status) == signal.SIGKILL else f"signal {os.WTERMSIG(status)}"
    else:
        code = os.waitstatus_to_exitcode(status)
        ended = {DONE: "done", HIT: "hit", FAULT: words[-1].removeprefix("error ")}.get(code, "broken")
    return {"pid": pid, "ended": ended, "passed": points}


if __name__ == "__main__":
    main()
