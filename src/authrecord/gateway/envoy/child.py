"""Envoy as a child process: started with a bootstrap of ours, asked whether it is ready, ended with us."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Final

from ...core.errors import StoreFault
from . import admin

START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 10.0
_KEPT_LINES: Final = 20
_PR_SET_PDEATHSIG: Final = 1
_DIGEST: Final = re.compile(r"\{SHA\}[A-Za-z0-9+/=]+")


class Child:
    """One running Envoy. `socket`: that of its administration, which nobody but its owner reaches."""

    def __init__(self, process: asyncio.subprocess.Process, socket: Path) -> None:
        self._process = process
        self._admin = socket
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, binary: Path, bootstrap: Path, socket: Path, *, workers: int) -> Child:
        """Start Envoy. Raises `StoreFault` when the file does not run."""
        starting = asyncio.create_subprocess_exec(
            *_ends_with_us(),
            str(binary),
            *("--config-path", str(bootstrap)),
            *("--concurrency", str(workers)),
            # Never more talkative: at `debug` Envoy prints headers.
            *("--log-level", "warning"),
            *("--drain-time-s", "5"),
            *("--file-flush-interval-msec", "1000"),  # the access log; ten seconds otherwise
            "--disable-hot-restart",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={},
        )
        try:
            return cls(await starting, socket)
        except OSError as error:
            raise StoreFault(f"{binary} does not run: {error.strerror}.", code="no_envoy") from None

    async def ready(self) -> None:
        """Wait until it accepts requests. Raises `StoreFault` with its last words when it does not."""
        try:
            await asyncio.wait_for(self._until_live(), START_SECONDS)
        except TimeoutError:
            raise StoreFault(
                "Envoy did not become ready.", hint=self.last_words, code="envoy_failed"
            ) from None

    @property
    def last_words(self) -> str:
        """The end of what Envoy wrote, without digests of passwords, which it quotes with its configuration."""
        return _DIGEST.sub("{SHA}…", " | ".join(self._last_lines))

    @property
    def crashed(self) -> bool:
        """True when a signal that nobody sent on purpose ended it."""
        code = self._process.returncode
        return code is not None and code < 0 and -code not in (signal.SIGTERM, signal.SIGINT)

    @property
    def process_id(self) -> int:
        """The process's id."""
        return self._process.pid

    async def ports(self) -> dict[str, int]:
        """The port of each listener by its name."""
        return await admin.ports(self._admin)

    async def figures(self) -> admin.Figures:
        """Envoy's counters, gauges and histograms."""
        return await admin.figures(self._admin)

    async def ended(self) -> int:
        """Wait until Envoy ends; its exit code."""
        return await self._process.wait()

    async def stop(self) -> None:
        """End it: at once when it does not end by itself."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self._reading

    async def _until_live(self) -> None:
        while True:
            if self._process.returncode is not None:
                await self._reading
                raise StoreFault(
                    f"Envoy ended at its start ({_told(self._process.returncode)}).",
                    hint=self.last_words,
                    code="envoy_failed",
                )
            if self._admin.exists() and await admin.is_live(self._admin):
                return
            await asyncio.sleep(0.02)

    async def _read(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it was started with a pipe; states it for the type
        async for line in self._process.stderr:
            self._last_lines.append(line.decode("utf-8", "replace").rstrip()[:300])


def _told(code: int) -> str:
    """An exit code in words: negative ones stand for a signal."""
    if code >= 0:
        return f"code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _ends_with_us() -> tuple[str, ...]:
    """The beginning of a command whose process the kernel ends when we are killed (prctl(2), PR_SET_PDEATHSIG).

    A short Python that becomes Envoy: code of ours between fork and exec is not safe beside gRPC's threads.
    """
    if sys.platform != "linux":
        return ()
    becomes = f"import ctypes, os, sys; ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, {int(signal.SIGTERM)})"
    return (sys.executable, "-I", "-S", "-c", f"{becomes}; os.execv(sys.argv[1], sys.argv[1:])")
