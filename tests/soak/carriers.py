"""What carries the requests of a soak, and what keeps its credentials fresh: the two engines, as a user starts them.

The embedded gateway has `authrecord keep` beside it. Envoy is run by its operator, so that it stays when its control
process is killed: `authrecord envoy config` and `authrecord envoy control` (docs/envoy.md, "Envoys of your own").
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authrecord.gateway.envoy import admin
from authrecord.gateway.envoy.binary import find_envoy
from authrecord.gateway.envoy.bootstrap import Files
from authrecord.gateway.envoy.callers import USER
from tests.cli.desk import installed

from .program import Program

START_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Carrier:
    """The programs of one engine; see `Scene`."""

    gateway: Program
    control: Program
    port: int
    proof: str


Open = Callable[[ExitStack, Path, Path, str, Mapping[str, str], str], Carrier]
"""Starts the programs: what ends them, a folder, the rules, the API's origin, the environment, the password."""


def carriers(engine: str) -> Open:
    """How an engine is started: `embedded` or `envoy`."""
    return {"embedded": _embedded, "envoy": _envoy}[engine]


def _embedded(
    stack: ExitStack, folder: Path, rules: Path, api: str, variables: Mapping[str, str], password: str
) -> Carrier:
    keep = Program((*installed(), "keep"), variables, folder / "keep.log")
    stack.callback(keep.end)
    words = ("--json", "gateway", "--rules", str(rules), "--listen", "127.0.0.1:0")
    gateway = Program((*installed(), *words), variables, folder / "gateway.log")
    stack.callback(gateway.end)
    port = int(gateway.said_json()["listens"]["reverse"].rpartition(":")[2])
    return Carrier(gateway, keep, port, password)


def _envoy(
    stack: ExitStack, folder: Path, rules: Path, api: str, variables: Mapping[str, str], password: str
) -> Carrier:
    files = Files(folder / "envoy")
    common = ("--rules", str(rules), "--folder", str(files.folder), "--upstream", api)
    config = ("envoy", "config", *common, "--listen", "127.0.0.1:0")
    subprocess.run(
        [*installed(), *config], env=variables, check=True, capture_output=True, timeout=START_SECONDS
    )
    control = Program((*installed(), "envoy", "control", *common), variables, folder / "control.log")
    stack.callback(control.end)
    words = ("--config-path", str(files.bootstrap), "--concurrency", "2", "--log-level", "warning")
    gateway = Program(
        (str(find_envoy(os.environ)), *words, "--disable-hot-restart"), variables, folder / "envoy.log"
    )
    stack.callback(gateway.end)
    port = asyncio.run(_port(gateway, files))
    proof = base64.b64encode(f"{USER}:{password}".encode()).decode()
    return Carrier(gateway, control, port, f"Basic {proof}")


async def _port(envoy: Program, files: Files) -> int:
    """Where Envoy listens, once it accepts requests. Raises `RuntimeError` when it ends instead, or takes too long."""
    give_up = time.monotonic() + START_SECONDS
    while not await admin.is_live(files.admin):
        if envoy.process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(envoy.last_words)
        await asyncio.sleep(0.05)
    return (await admin.ports(files.admin))["reverse"]
