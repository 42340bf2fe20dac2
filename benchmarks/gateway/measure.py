"""Load on the gateway beside other proxies: wrk, one upstream, interleaved rounds, medians.

    python benchmarks/gateway/measure.py [--quick] [--mitmdump PATH] [PAGE]

It writes the page (docs/performance-gateway.md), or prints it. `scripts/bench-gateway` sets everything up.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
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
OURS = "authrecord gateway, header credential"
MANY = "authrecord gateway, 10,000 records and rules"
MADE_BY = "Made by `scripts/bench-gateway`. Do not edit: change `benchmarks/gateway` and run it again."
PURE_PYTHON = ("aiohttp", "raw ASGI")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a short pass: it shows that everything runs")
    parser.add_argument("--mitmdump", default="", help="mitmdump of a virtual environment of its own")
    parser.add_argument("page", nargs="?", type=Path)
    given = parser.parse_args()
    rounds, seconds = (1, 2) if given.quick else (9, 4)
    with tempfile.TemporaryDirectory(prefix="authrecord-bench-") as folder:
        stage = Stage(Path(folder), given.mitmdump)
        try:
            targets = list(stage.targets())
            for target in targets:  # what is imported and connected at the first request is not measured
                load(target, 4, 2)
            for number in range(rounds):
                for target in targets:
                    say(f"round {number + 1}/{rounds}: {target.name}")
                    target.rounds.append(load(target, CONNECTIONS, seconds))
            for _ in range(rounds):
                for target in targets:
                    target.alone.append(load(target, 1, max(1, seconds // 2)))
            memory = grown(targets[1], 64 if given.quick else 1024)
            renewed = rotated(stage, 10 if given.quick else 50)
            secure = https(stage, rounds, seconds)
        finally:
            stage.close()
    text = page(targets, memory, renewed, secure, rounds, seconds)
    if given.page:
        given.page.write_text(text, encoding="utf-8")
        say(f"wrote {given.page}")
    else:
        print(text)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def load(target: Target, connections: int, seconds: int) -> dict[str, float]:
    """One round: requests per second, times in milliseconds, CPU microseconds per request of the proxy."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in target.headers:
        words += ["-H", header]
    before = cpu_seconds(target.process)
    said = subprocess.run(
        [*words, f"http://127.0.0.1:{target.port}/orders"], capture_output=True, text=True, check=True
    ).stdout
    spent = cpu_seconds(target.process) - before
    count = float(re.search(r"(\d+) requests in", said).group(1))
    if "Non-2xx" in said:
        raise SystemExit(f"{target.name} answered with errors:\n{said}")
    return {
        "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)),
        "p50": milliseconds(re.search(r"50%\s+([\d.]+)(us|ms|s)", said)),
        "p99": milliseconds(re.search(r"99%\s+([\d.]+)(us|ms|s)", said)),
        "cpu": spent / max(count, 1) * 1e6,
    }


def milliseconds(found: re.Match[str]) -> float:
    return float(found.group(1)) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found.group(2)]


def cpu_seconds(process: subprocess.Popen[bytes] | None) -> float:
    """Of a process and its children, which are its workers."""
    if process is None:
        return 0.0
    ticks = 0
    for number in [process.pid, *children(process.pid)]:
        parts = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(number: int) -> list[int]:
    text = Path(f"/proc/{number}/task/{number}/children").read_text()
    found = [int(one) for one in text.split()]
    return found + [below for one in found for below in children(one)]


def resident(number: int) -> float:
    """MiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{number}/status").read_text()).group(1)) / 1024


def grown(target: Target, mebibytes: int) -> dict[str, float]:
    """How far the gateway's memory grows while a body of so many MiB passes, each way."""
    found: dict[str, float] = {}
    url, headers = f"http://127.0.0.1:{target.port}", {"X-Authrecord-Token": PASSWORD}
    for way in ("download", "upload"):
        before = highest = resident(target.process.pid)
        done = threading.Event()

        def sample(done: threading.Event = done) -> None:
            nonlocal highest
            while not done.wait(0.01):
                highest = max(highest, resident(target.process.pid))

        watcher = threading.Thread(target=sample)
        watcher.start()
        if way == "download":
            request = Request(f"{url}/big", headers={**headers, "Range": f"bytes=0-{mebibytes * MIB - 1}"})
            with urlopen(request) as answer:
                size = 0
                while block := answer.read(MIB):
                    size += len(block)
        else:
            block, size = bytes(MIB), mebibytes * MIB
            body = (block for _ in range(mebibytes))
            request = Request(f"{url}/upload", data=body, headers={**headers, "Content-Length": str(size)})
            with urlopen(request) as answer:
                answer.read()
        done.set()
        watcher.join()
        assert size == mebibytes * MIB
        found[way] = highest - before
    found["size"] = mebibytes
    return found


def rotated(stage: Stage, records: int) -> float:
    """What it adds to a request (p50, milliseconds) that its record's token was called back just before.

    All of it lies between: the API's refusal, the token request, the store, and the second sending. Each record is
    asked once before, and again when its token is no longer young.
    """
    port, api = stage.rotating()
    wanted = [f"r{number}" for number in range(0, 10_000, 10_000 // records)]
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


def https(stage: Stage, rounds: int, seconds: int) -> list[tuple[str, float]]:
    """Requests per second under TLS, by hey, which speaks through proxies; empty where it is missing."""
    if shutil.which("hey") is None:
        return []
    found: dict[str, list[float]] = {}
    targets = list(stage.secure_targets())
    for _ in range(min(rounds, 5)):
        for name, proxy in targets:
            say(f"https: {name}")
            words = ["hey", "-c", str(CONNECTIONS), "-z", f"{seconds}s", *(["-x", proxy] if proxy else [])]
            said = subprocess.run(
                [*words, f"https://localhost:{stage.tls_port}/orders"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            statuses = set(re.findall(r"\[(\d{3})\]\s+\d+ responses", said))
            if statuses != {"200"}:
                raise SystemExit(f"{name} answered {statuses}:\n{said}")
            found.setdefault(name, []).append(float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)))
            time.sleep(0.2)
    return [(name, statistics.median(rates)) for name, rates in found.items()]


def page(
    targets: list[Target],
    memory: dict[str, float],
    renewed: float,
    secure: list[tuple[str, float]],
    rounds: int,
    seconds: int,
) -> str:
    def middle(target: Target, what: str, alone: bool = False) -> float:
        return statistics.median(one[what] for one in (target.alone if alone else target.rounds))

    by_name = {target.name: target for target in targets}
    ours, direct = by_name[OURS], targets[0]
    python = [one for one in targets if one.name.startswith(PURE_PYTHON)]
    fastest = max(python, key=lambda one: middle(one, "rps"))
    mitm = next((one for one in targets if one.name.startswith("mitmproxy")), None)
    introduction = (
        f"{MADE_BY} wrk with {CONNECTIONS} connections, keep-alive, an upstream (nginx, one worker) and the proxy "
        f"share {os.cpu_count()} cores; medians of {rounds} interleaved rounds of {seconds} s. Compare numbers of one "
        "run with each other only."
    )
    lines = [
        "# Performance of the gateway",
        "",
        introduction,
        "",
        "| What | requests/s | p50 ms | p99 ms | CPU of the proxy, µs per request | p50 ms at one connection |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one.name} | {middle(one, 'rps'):,.0f} | {middle(one, 'p50'):.2f} | {middle(one, 'p99'):.1f} | "
        f"{middle(one, 'cpu'):.0f} | {middle(one, 'p50', alone=True):.2f} |"
        for one in targets
    ]
    rows = [
        (
            f"at least as fast as the fastest pure-Python proxy ({fastest.name})",
            middle(ours, "rps") / middle(fastest, "rps"),
            1.0,
            "×",
        ),
        (
            "throughput with 10,000 records and rules",
            middle(by_name[MANY], "rps") / middle(ours, "rps"),
            0.95,
            "×",
        ),
    ]
    if mitm is not None:
        rows.append(("mitmproxy with an addon", middle(ours, "rps") / middle(mitm, "rps"), 12.0, "×"))
    rates = dict(secure)
    if "HTTPS through mitmproxy" in rates:
        ratio = rates["HTTPS through authrecord gateway"] / rates["HTTPS through mitmproxy"]
        rows.append(("HTTPS through the forward proxy, beside mitmproxy", ratio, 10.0, "×"))
    added = middle(ours, "p50", alone=True) - middle(direct, "p50", alone=True)
    lines += ["", "| To reach | measured | reach | |", "|---|---:|---:|---|"]
    lines += [
        f"| {name} | {value:.2f} {unit} | ≥ {limit:g} {unit} | {'reached' if value >= limit else 'not reached'} |"
        for name, value, limit, unit in rows
    ]
    below = [
        ("added p50 at one connection", added, 0.5, "ms"),
        ("one of 10,000 records rotated: found out, renewed, stored, sent again (p50)", renewed, 10.0, "ms"),
    ]
    below += [
        (f"growth of memory while {memory['size']:.0f} MiB pass ({way})", memory[way], 16.0, "MiB")
        for way in ("download", "upload")
    ]
    lines += [
        f"| {name} | {value:.2f} {unit} | ≤ {limit:g} {unit} | {'reached' if value <= limit else 'not reached'} |"
        for name, value, limit, unit in below
    ]
    if secure:
        lines += ["", "HTTPS, by `hey`:", "", "| What | requests/s |", "|---|---:|"]
        lines += [f"| {name} | {rate:,.0f} |" for name, rate in secure]
    if mitm is None:
        lines += ["", "mitmproxy could not be installed in this run."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
