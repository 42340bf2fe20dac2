"""The page: what was measured, and what was to be reached, also where it was not."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass, field
from typing import Any

import envoys
from loads import CONNECTIONS
from targets import LARGE_TWINS, MANY, MITM, OURS, SECURE, SECURE_MITM, TWINS, Target

MADE_BY = "Made by `scripts/bench-gateway`. Do not edit: change `benchmarks/gateway` and run it again."
PURE_PYTHON = ("aiohttp", "raw ASGI")
VERSIONS = ("authrecord", "aiohttp", "granian", "uvloop")


@dataclass(slots=True)
class Found:
    """What one run has found.

    `more`: rounds that our gateways and the Envoys had by themselves. `memory` in MiB; `renewed`, `rotated` in
    milliseconds; `secure`: see `https`.
    """

    rounds: int
    seconds: int
    targets: list[Target]
    more: int = 0
    mebibytes: int = 0
    memory: dict[str, dict[str, float]] = field(default_factory=dict)
    renewed: float = 0.0
    rotated: dict[str, float] = field(default_factory=dict)
    secure: dict[str, list[float]] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)

    def named(self, name: str) -> Target:
        """The target of that name."""
        return next(one for one in self.targets if one.name == name)

    def has(self, name: str) -> bool:
        """True when it was measured: mitmproxy may be missing."""
        return any(one.name == name for one in self.targets)

    def ratio(self, name: str, other: str) -> float:
        """The median over the rounds of the ratio of their requests per second."""
        first, second = self.named(name), self.named(other)
        pairs = list(zip(first.rounds, second.rounds, strict=True))
        if first.more and second.more:
            pairs.extend(zip(first.more, second.more, strict=True))
        return statistics.median(one["rps"] / two["rps"] for one, two in pairs)

    def added(self, name: str, other: str) -> float:
        """The median over the rounds of what the p50 at one connection is longer, milliseconds."""
        pairs = zip(self.named(name).alone, self.named(other).alone, strict=True)
        return statistics.median(one["p50"] - two["p50"] for one, two in pairs)

    def secure_ratio(self, name: str) -> float:
        """Under TLS, beside mitmproxy."""
        pairs = zip(self.secure[name], self.secure[SECURE_MITM], strict=True)
        return statistics.median(one / two for one, two in pairs)


def page(found: Found) -> str:
    """All of it, in Markdown."""
    introduction = (
        f"{MADE_BY} wrk with {CONNECTIONS} connections, keep-alive; the upstream (nginx, one worker), the proxy and "
        f"wrk share {os.cpu_count()} cores. Medians of {found.rounds} interleaved rounds of {found.seconds} s, every "
        "second round backwards; a ratio is the median of the rounds' ratios. Of our gateways and the Envoys, which "
        f"are close to each other, {TWINS} processes each ({LARGE_TWINS} of those with many records) take their turn, "
        f"and they have {found.more} rounds of 1 s more, by themselves; their figures are those of all rounds. Compare "
        "numbers of one run with each other only."
    )
    parts = [
        ("# Performance of the gateway", [introduction]),
        ("## The machine", _machine(found.machine)),
        ("## The numbers to reach", _bars(found)),
        ("## Everything that was measured", [*_targets(found), *_secure(found), *_rest(found)]),
    ]
    return "\n".join(line for title, lines in parts for line in (title, "", *lines, "")).rstrip() + "\n"


def _machine(of: dict[str, Any]) -> list[str]:
    rows = [
        ("Measured", of["measured"]),
        ("Processor", of["processor"]),
        ("Cores", of["cores"]),
        ("Memory", of["memory"]),
        ("System", of["system"]),
        ("Python", of["python"]),
        ("Envoy", of["envoy"]),
        ("Load when it began", of["load"]),
        ("Versions", ", ".join(f"{name} {of['versions'][name]}" for name in VERSIONS)),
    ]
    return ["|  |  |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _bars(found: Found) -> list[str]:
    """Each bar: what, measured, to reach, reached or not."""
    python = [one.name for one in found.targets if one.name.startswith(PURE_PYTHON)]
    fastest = min(python, key=lambda name: found.ratio(OURS, name))
    least = [
        (
            f"embedded gateway beside the fastest pure-Python proxy ({fastest})",
            found.ratio(OURS, fastest),
            1.0,
        )
    ]
    if found.has(MITM):
        least.append(("embedded gateway beside mitmproxy with an addon", found.ratio(OURS, MITM), 12.0))
    least += [
        ("embedded gateway, 10,000 records and rules beside one", found.ratio(MANY, OURS), 0.95),
        (
            "Envoy engine, header credential, beside plain Envoy",
            found.ratio(envoys.HEADER, envoys.PLAIN),
            0.95,
        ),
        (
            "Envoy engine, expired pattern and replay, beside plain Envoy",
            found.ratio(envoys.REPLAY, envoys.PLAIN),
            0.78,
        ),
        (
            "Envoy engine, 10,000 records and rules beside one, found by Host",
            found.ratio(envoys.MANY, envoys.ONE),
            0.95,
        ),
        (
            "Envoy engine, 10,000 records and rules of one origin beside one, found by path",
            found.ratio(envoys.PATHS, envoys.HEADER),
            0.95,
        ),
    ]
    if SECURE_MITM in found.secure:
        least += [
            ("HTTPS through the embedded forward proxy beside mitmproxy", found.secure_ratio(SECURE), 10.0),
            ("HTTPS through Envoy's forward proxy beside mitmproxy", found.secure_ratio(envoys.SECURE), 10.0),
        ]
    most = [
        ("embedded gateway, added p50 at one connection", found.added(OURS, found.targets[0].name), 0.5, "ms"),
        ("embedded gateway, one of 10,000 records rotated: found out, renewed, stored, sent again (p50)",
         found.renewed, 10.0, "ms"),
        ("Envoy engine, one of 10,000 records rotated: from the new credential to its first request (p50)",
         found.rotated["median"], 10.0, "ms"),
    ]  # fmt: skip
    for name, ways in found.memory.items():
        most += [
            (f"{name}: growth of memory while {found.mebibytes} MiB pass ({way})", grown, 16.0, "MiB")
            for way, grown in ways.items()
        ]
    rows = [(name, f"{value:.2f} ×", f"≥ {bar:g} ×", value >= bar) for name, value, bar in least]
    rows += [
        (name, f"{value:.2f} {unit}", f"≤ {bar:g} {unit}", value <= bar) for name, value, bar, unit in most
    ]
    reached = sum(row[3] for row in rows)
    return [
        f"{reached} of {len(rows)} rows reached.",
        "",
        "| What | measured | to reach | |",
        "|---|---:|---:|---|",
        *(f"| {a} | {b} | {c} | {'reached' if d else '**NOT reached**'} |" for a, b, c, d in rows),
        "",
        _beside_the_prototype(found),
    ]


def _beside_the_prototype(found: Found) -> str:
    its, ours = found.ratio(envoys.PROTOTYPE, envoys.PLAIN), found.ratio(envoys.REPLAY, envoys.PROTOTYPE)
    return (
        "The bar for a pattern was taken from a prototype: a plain Envoy with 20 lines of Lua, which asks nobody who "
        f"is calling. In this run it reaches {its:.2f} × of a plain Envoy; the engine, {ours:.2f} × of the prototype."
    )


def _targets(found: Found) -> list[str]:
    lines = [
        "| What | requests/s | of plain Envoy | p50 ms | p99 ms | CPU of the proxy, µs | p50 ms, one connection |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in found.targets:
        middle = {
            key: statistics.median(each[key] for each in [*one.rounds, *one.more]) for key in one.rounds[0]
        }
        alone = statistics.median(each["p50"] for each in one.alone)
        cells = (
            one.name,
            f"{middle['rps']:,.0f}",
            f"{found.ratio(one.name, envoys.PLAIN):.2f}",
            f"{middle['p50']:.2f}",
            f"{middle['p99']:.1f}",
            f"{middle['cpu']:.0f}" if one.process else "",
            f"{alone:.2f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _secure(found: Found) -> list[str]:
    if not found.secure:
        return []
    rows = [f"| {name} | {statistics.median(rates):,.0f} |" for name, rates in found.secure.items()]
    return ["", "HTTPS, by `hey`:", "", "| What | requests/s |", "|---|---:|", *rows]


def _rest(found: Found) -> list[str]:
    rotated = found.rotated
    told = (
        f"An Envoy of 10,000 records was ready after {rotated['ready']:.1f} s, credentials included; the longest of "
        f"the rotations took {rotated['worst']:.1f} ms."
    )
    lines = ["", told]
    if not found.has(MITM):
        lines += ["", "mitmproxy could not be installed in this run."]
    return lines
