"""One load on one target: requests per second, times, processor time and memory of the proxy."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import Request, urlopen

from targets import PASSWORD, Stage, Target

CONNECTIONS = 32
MIB = 1024 * 1024
YOUNG_SECONDS = 1.2
"""A token without a told life is young for one second: a refusal costs no renewal."""


def wrk(target: Target, connections: int, seconds: int) -> dict[str, float]:
    """One round: requests per second, times in milliseconds, CPU microseconds per request of the proxy.

    A failed request ends the run.
    """
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in target.headers:
        words += ["-H", header]
    before = cpu_seconds(target.process)
    said = subprocess.run(
        [*words, f"http://127.0.0.1:{target.port}/orders"], capture_output=True, text=True, check=True
    ).stdout
    spent = cpu_seconds(target.process) - before
    count = float(re.search(r"(\d+) requests in", said).group(1))
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{target.name} answered with errors:\n{said}")
    return {
        "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)),
        "p50": _milliseconds(re.search(r"50%\s+([\d.]+)(us|ms|s)", said)),
        "p99": _milliseconds(re.search(r"99%\s+([\d.]+)(us|ms|s)", said)),
        "cpu": spent / max(count, 1) * 1e6,
    }


def hey(name: str, url: str, proxy: str, seconds: int) -> float:
    """Requests per second under TLS, by hey, which speaks through proxies. A failed request ends the run."""
    words = ["hey", "-c", str(CONNECTIONS), "-z", f"{seconds}s", *(["-x", proxy] if proxy else []), url]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    statuses = set(re.findall(r"\[(\d{3})\]\s+\d+ responses", said))
    if statuses != {"200"} or "Error distribution" in said:
        raise SystemExit(f"{name} answered {statuses}:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))


def _milliseconds(found: re.Match[str]) -> float:
    return float(found.group(1)) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found.group(2)]


def cpu_seconds(process: int) -> float:
    """Of a process and its children, which are its workers."""
    if not process:
        return 0.0
    ticks = 0
    for number in [process, *_children(process)]:
        parts = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(number: int) -> list[int]:
    text = Path(f"/proc/{number}/task/{number}/children").read_text()
    found = [int(one) for one in text.split()]
    return found + [below for one in found for below in _children(one)]


def _resident(number: int) -> float:
    """MiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{number}/status").read_text()).group(1)) / 1024


def grown(target: Target, mebibytes: int) -> dict[str, float]:
    """How far the proxy's memory grows (MiB) while a body of so many MiB passes, each way."""
    return {way: _grown(target, mebibytes, way) for way in ("download", "upload")}


def _grown(target: Target, mebibytes: int, way: str) -> float:
    before = highest = _resident(target.process)
    done = threading.Event()

    def sample() -> None:
        nonlocal highest
        while not done.wait(0.01):
            highest = max(highest, _resident(target.process))

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        size = _download(target, mebibytes) if way == "download" else _upload(target, mebibytes)
    finally:
        done.set()
        watcher.join()
    if size != mebibytes * MIB:
        raise SystemExit(f"{target.name} passed {size} bytes of {mebibytes} MiB")
    return highest - before


def _asking(target: Target) -> dict[str, str]:
    return dict(header.split(": ", 1) for header in target.headers)


def _download(target: Target, mebibytes: int) -> int:
    wanted = {**_asking(target), "Range": f"bytes=0-{mebibytes * MIB - 1}"}
    size = 0
    with urlopen(Request(f"http://127.0.0.1:{target.port}/big", headers=wanted)) as answer:
        while block := answer.read(MIB):
            size += len(block)
    return size


def _upload(target: Target, mebibytes: int) -> int:
    block, size = bytes(MIB), mebibytes * MIB
    body = (block for _ in range(mebibytes))
    headers = {**_asking(target), "Content-Length": str(size)}
    with urlopen(Request(f"http://127.0.0.1:{target.port}/upload", data=body, headers=headers)) as answer:
        return int(answer.read())


def rotated(stage: Stage, records: int) -> float:
    """What it adds to a request (p50, milliseconds) that its record's token was called back just before.

    All of it lies between: the API's refusal, the token request, the store, and the second sending. Each record is
    asked once before, and again when its token is no longer young.
    """
    port, api = stage.rotating()
    wanted = [f"r{number}" for number in range(0, stage.many, stage.many // records)]
    headers = {"X-Authrecord-Token": PASSWORD}
    gateway, provider = HTTPConnection("127.0.0.1", port), HTTPConnection("127.0.0.1", api)

    def ask(name: str) -> float:
        began = time.perf_counter()
        gateway.request("GET", f"/{name}", headers=headers)
        answer = gateway.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"{name} was answered with {answer.status}")
        return (time.perf_counter() - began) * 1000

    for name in wanted:
        ask(name)
    time.sleep(YOUNG_SECONDS)
    usual = statistics.median(ask(name) for name in wanted)
    times = []
    for name in wanted:
        provider.request("POST", f"/call-back/{name}", headers={"Content-Length": "0"})
        provider.getresponse().read()
        times.append(ask(name))
    return statistics.median(times) - usual
