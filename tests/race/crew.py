"""The processes of a race: started, stopped, killed, started again. Each start has a name of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import authrecord

from .history import Journal
from .machine import Machine
from .worker import Orders

ENDING_SECONDS = 120.0
"""How long a worker may take to end: whatever it waits for is bounded far below that."""


class Member:
    """One worker, which may be killed and started again."""

    def __init__(
        self,
        orders: Orders,
        folder: Path,
        environment: Mapping[str, str],
        journal: Journal,
        machine: Machine | None,
    ) -> None:
        self._orders = orders
        self._folder = folder
        self._environment = dict(environment)
        self._journal = journal
        self.machine = machine
        self.starts = 0
        self._process = self._start()

    @property
    def who(self) -> str:
        """Its name, with the number of its start."""
        return f"{self._orders.who}.{self.starts}"

    @property
    def may_be_killed(self) -> bool:
        """True for those whose records the provider gives a grace."""
        return self._orders.group == "rough"

    def stop(self) -> None:
        """SIGSTOP."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGSTOP)
        self._journal.note("stopped", began=began, detail=self.who)

    def resume(self) -> None:
        """SIGCONT."""
        self._journal.note("resumed", detail=self.who)
        self._process.send_signal(signal.SIGCONT)

    def kill_and_start_again(self) -> None:
        """SIGKILL, and at once a new process with the same orders."""
        began = time.monotonic()
        self._process.kill()
        self._process.communicate()
        self._journal.note("killed", began=began, detail=self.who)
        self._process = self._start()

    def end(self) -> None:
        """Tell it to end. `wait` afterwards: all of them end at the same time."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait(self) -> str:
        """What went wrong with it; empty when it ended well."""
        give_up = time.monotonic() + ENDING_SECONDS
        while self._process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.02)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            return f"{self.who} did not end"
        return f"{self.who} ended with {self._process.returncode}" if self._process.returncode else ""

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        path = self._folder / f"{self.who}.orders"
        history = self._folder / "history" / f"{self.who}.jsonl"
        replace(self._orders, who=self.who, history=str(history), seed=self._orders.seed + self.starts).write(
            path
        )
        command = [sys.executable, "-m", "tests.race.worker", str(path)]
        with (self._folder / f"{self.who}.log").open("wb") as log:
            return subprocess.Popen(
                command if self.machine is None else self.machine.command(command),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=Path(__file__).parents[2],
            )


def environment(folder: Path, secret: str) -> dict[str, str]:
    """What the processes of a race have: the source they test, a home of their own, the secret of the clients."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    home = folder / "home"
    return kept | {
        "HOME": str(home),
        "AUTHRECORD_HOME": str(home),
        "RACE_SECRET": secret,
        "PYTHONPATH": str(Path(authrecord.__file__).parents[1]),
    }
