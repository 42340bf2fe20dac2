"""Load on the gateway beside other proxies: wrk, one upstream, interleaved rounds, medians of ratios.

    python benchmarks/gateway/measure.py [--quick] [--mitmdump PATH] [PAGE]

It writes the page (docs/performance-gateway.md), or prints it. `scripts/bench-gateway` sets everything up.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from envoys import REPLAY, Envoys
from loads import CONNECTIONS, grown, hey, rotated, wrk
from page import Found, page
from targets import OURS, Stage, Target

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import machine, say

MORE_ROUNDS = 40
"""Of one second, for what is close to each other: a single round tells ten percent of difference from none, no less."""

FEW_ROUNDS = 5
"""Of what is measured by one connection, and under TLS."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a short pass: it shows that everything runs")
    parser.add_argument("--mitmdump", default="", help="mitmdump of a virtual environment of its own")
    parser.add_argument("page", nargs="?", type=Path)
    given = parser.parse_args()
    began = dt.datetime.now(dt.UTC)
    of_machine = machine()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authrecord-bench-")))
        stage = Stage(folder, given.mitmdump, 500 if given.quick else 10_000)
        stack.callback(stage.close)
        envoys = Envoys(stage, stage.many)
        stack.callback(envoys.close)
        found = measured(stage, envoys, quick=given.quick)
    found.machine = {"measured": f"{began:%Y-%m-%d %H:%M} UTC", **of_machine, "envoy": envoys.version}
    text = page(found)
    if given.page:
        given.page.write_text(text, encoding="utf-8")
        say(f"wrote {given.page}")
    else:
        print(text)


def measured(stage: Stage, envoys: Envoys, *, quick: bool) -> Found:
    """Everything. What is imported and connected at the first request is not measured."""
    rounds, seconds = (2, 1) if quick else (9, 3)
    found = Found(rounds, seconds, [*stage.targets(), *envoys.targets()], more=2 if quick else MORE_ROUNDS)
    close = [target for target in found.targets if target.twins]
    for target in found.targets:
        for number in range(1 + len(target.twins)):
            wrk(target.of_round(number), 4, 1 if quick else 2)
    asked = envoys.verdicts
    for number in range(rounds):
        for target in in_turn(found.targets, number):
            target.rounds.append(wrk(target.of_round(number), CONNECTIONS, seconds))
        rates = ", ".join(f"{one.rounds[-1]['rps']:,.0f}" for one in found.targets)
        say(f"round {number + 1} of {rounds}: {rates}")
    for number in range(found.more):
        for target in in_turn(close, number):
            target.more.append(wrk(target.of_round(number), CONNECTIONS, 1))
        rates = ", ".join(f"{one.more[-1]['rps']:,.0f}" for one in close)
        say(f"what is close, round {number + 1} of {found.more}: {rates}")
    for number in range(min(rounds, FEW_ROUNDS)):
        say(f"one connection, round {number + 1}")
        for target in in_turn(found.targets, number):
            target.alone.append(wrk(target.of_round(number), 1, max(1, seconds // 2)))
    if envoys.verdicts != asked:
        raise SystemExit("Envoy asked Python about requests that nobody had refused")
    by_name = {target.name: target for target in found.targets}
    found.mebibytes = 64 if quick else 1024
    for name in (OURS, REPLAY):
        say(f"memory: {name}")
        found.memory[name] = grown(by_name[name], found.mebibytes)
    found.secure = https(stage, envoys, min(rounds, FEW_ROUNDS), seconds)
    say("rotation")
    times = 10 if quick else 50
    found.renewed = rotated(stage, times)
    found.rotated = envoys.rotated(times)
    return found


def in_turn(targets: list[Target], number: int) -> list[Target]:
    """Forwards and backwards, so that a machine that gets slower does not decide."""
    return targets if number % 2 == 0 else targets[::-1]


def https(stage: Stage, envoys: Envoys, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Requests per second of each way through a forward proxy, for each round; empty where hey is missing."""
    if shutil.which("hey") is None:
        return {}
    ways = [*stage.secure_targets(), envoys.secure()]
    found: dict[str, list[float]] = {name: [] for name, _ in ways}
    url = f"https://localhost:{stage.tls_port}/orders"
    for number in range(rounds):
        for name, proxy in ways if number % 2 == 0 else ways[::-1]:
            found[name].append(hey(name, url, proxy, seconds))
            time.sleep(0.2)
        say(f"https, round {number + 1}: " + ", ".join(f"{rates[-1]:,.0f}" for rates in found.values()))
    return found


if __name__ == "__main__":
    main()
