"""What the benchmark scripts share: where the harness is, how a row is run in a process of its own, the machine."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HARNESS = HERE / "harness"
OURS = HERE / "ours_peers.py"

DISTRIBUTIONS = (
    "authrecord httpx2 httpx requests aiohttp httpx-auth requests-auth authlib requests-oauthlib oauthlib "
    "httpx-oauth httpx-oauth2 requests-oauth2client google-auth msal aiohttp-oauth2-client oauth2-client "
    "granian uvloop cryptography"
).split()


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with what every script takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", metavar="FILE", help="also write the results there; - for standard output")
    parser.add_argument(
        "--quick", action="store_true", help="a short pass: it shows that it works, not how fast"
    )
    return parser


def use_harness() -> None:
    """Make the modules of the harness importable."""
    if str(HARNESS) not in sys.path:
        sys.path.insert(0, str(HARNESS))


def finish(results: Any, file: str | None) -> None:
    """Write the results where `--json` said."""
    if file == "-":
        json.dump(results, sys.stdout, indent=1)
    elif file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def say(*words: object) -> None:
    """To standard error, so that `--json -` stays readable for a program."""
    print(*words, file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(one) for one in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    """A cell's text; a peer's error message must not end the row."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def child(script: str, *options: str, core: int | None = None, timeout: float = 300) -> dict[str, Any]:
    """What a script of the harness prints behind `RESULT` in a process of its own, or `{"crash": why}`."""
    pinned = ["taskset", "-c", str(core)] if core is not None and (os.cpu_count() or 1) > core else []
    command = [*pinned, sys.executable, str(HARNESS / script), "--child", *options]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return {"crash": f"not done after {timeout:.0f} s"}
    for line in ended.stdout.splitlines():
        if line.startswith("RESULT "):
            found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return found
    return {"crash": (ended.stderr.strip().splitlines() or ["it ended without a word"])[-1][:200]}


def peers_of_harness() -> dict[str, Any]:
    """The adapters of the harness and ours, by name."""
    use_harness()
    import peers

    peers.load_extra(str(OURS))
    return dict(peers.REG)


def machine() -> dict[str, Any]:
    """The machine and the versions that the numbers belong to."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}, {_distribution()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load": " ".join(f"{one:.2f}" for one in os.getloadavg()),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The installed versions of what is compared."""
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    for line in text.splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (ValueError, OSError):
        return "unknown"


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        return platform.platform()
