"""The programs under test: those of authrecord, as installed, and Envoy, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ENDING_SECONDS = 60.0


class Program:
    """One command that runs until it is ended or killed, and may be started again. `log`: what it says."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = tuple(command)
        self._environment = dict(environment)
        self._log = log
        self.starts = 0
        self.process = self._start()

    def kill_and_start_again(self) -> None:
        """SIGKILL, and at once a new process."""
        self.process.kill()
        self._reap()
        self.process = self._start()

    def start_if_ended(self) -> None:
        """What a supervisor does: a process that ended by itself, because a database was away, is started again."""
        if self.process.poll() is not None:
            self._reap()
            self.process = self._start()

    def end(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        try:
            self.process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reap()
        return self.process.returncode

    def said_json(self) -> dict[str, dict[str, str]]:
        """What it prints once it is ready. Raises `RuntimeError`, with the end of its log, when it ends instead."""
        text = b""
        assert self.process.stdout is not None
        while not text.endswith(b"}\n"):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(self.last_words)
            text += line
        said: dict[str, dict[str, str]] = json.loads(text)
        return said

    @property
    def last_words(self) -> str:
        """The end of its log."""
        return self._log.read_text("utf-8")[-2000:]

    @property
    def resident_mib(self) -> float:
        """Its memory now, in MiB (Linux)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def _reap(self) -> None:
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
