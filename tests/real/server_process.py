"""Starts a server that is not ours, waits until it listens, and ends it: this process and no other.

A server reads its settings as one line of JSON from standard input, which no other process can read, prints
`READY <port>` when it listens, and ends when standard input is closed: so it never outlives the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

READY_SECONDS: Final = 60.0
"""How long a server may take to listen: two cores may be shared with many."""

STOP_SECONDS: Final = 5.0
_TICK_SECONDS: Final = 0.05
_TAIL_CHARACTERS: Final = 3000


@dataclass(frozen=True)
class ServerProcess:
    """A server that listens on 127.0.0.1. `log`: all that it wrote."""

    name: str
    port: int
    log: Path

    @property
    def origin(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def log_text(self) -> str:
        """What it wrote until now."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def serving(
    name: str, command: Sequence[str], *, settings: Mapping[str, Any], folder: Path | None = None
) -> Iterator[ServerProcess]:
    """The server that `command` starts, in `folder`. Fails the test with the end of its log when it does not start.

    Its `settings` get one more, `folder`: an empty one for what it keeps, removed at the end. What it makes as
    temporary files goes there too: a server that is ended cannot tidy up.
    """
    with (
        tempfile.TemporaryDirectory(prefix="authrecord-real-") as place,
        (Path(place) / "log").open("wb") as log,
    ):
        kept = Path(place) / "kept"
        kept.mkdir()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "TMPDIR": str(kept)},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _tell(process, {**settings, "folder": str(kept)})
            yield _ready(process, name, Path(log.name))
        finally:
            _stop(process)


def _tell(process: subprocess.Popen[bytes], settings: Mapping[str, Any]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return  # it has ended already: `_ready` says so, with its log


def _ready(process: subprocess.Popen[bytes], name: str, log: Path) -> ServerProcess:
    __tracebackhide__ = True
    deadline = time.monotonic() + READY_SECONDS
    while True:
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            if line.startswith("READY ") and line.endswith("\n"):
                return ServerProcess(name, int(line.split()[1]), log)
        if process.poll() is not None:
            _fail(f"{name} ended with exit code {process.returncode} before it listened", log)
        if time.monotonic() > deadline:
            _fail(f"{name} did not listen within {READY_SECONDS:.0f} seconds", log)
        time.sleep(_TICK_SECONDS)


def _fail(sentence: str, log: Path) -> NoReturn:
    __tracebackhide__ = True
    tail = log.read_text(encoding="utf-8", errors="replace")[-_TAIL_CHARACTERS:]
    pytest.fail(f"{sentence}. The end of its log:\n{tail or '(empty)'}", pytrace=False)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        try:
            process.stdin.close()
        except BrokenPipeError:
            process.stdin = None  # it has ended already
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
