"""Writes docs/performance.md out of the results of one run of scripts/bench.

    python benchmarks/report.py benchmarks/results [docs/performance.md]

Without a second argument the page is printed. Nothing in it is written by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from authentication_cost import FAMILIES
from common import table
from key_rotation import rotation_of
from verdicts import verdicts

Results = dict[str, Any]
PARTS = ("machine", "cost", "step", "herds", "long_runs", "imports", "cli", "leaks", "logins", "store")

INTRODUCTION = """\
# Performance

Made by `scripts/bench`, which measures authrecord and its Python peers in one run on one machine. Do not edit:
change `benchmarks/` and run it again. Times depend on the machine and on what else runs there; compare numbers of
one run with each other only. Counts (token requests, failures, leaks) do not depend on the machine's speed.

Pages of their own: [the store](performance-store.md), with the rotation of keys under load,
[the page and the API](performance-page.md), and [the gateway](performance-gateway.md).
"""

COST_NOTE = (
    "Whole requests without a network, a live credential in memory. `extra` is the median over all rounds"
    " of what a row took more than the bare client (`none`) in the same round; `best` compares the "
    "quietest rounds; `ratio` is of medians."
)

HERD_NOTE = (
    "1,000 requests by 64 threads or as 1,000 tasks at once; the token endpoint takes 50 ms. `cold`: no "
    "token yet. `expiry`: the token has run out. `rotation`: one refresh token, which each refresh "
    "rotates and whose second use ends the login. † The library does not fetch its first token by itself:"
    " the row does what users do, fetch when there is none. The bare rows carry a token that does not "
    "end. `Bad file descriptor` is a fault of httpx's own connection pool (httpcore issue 1110): with 64 "
    "threads it meets the bare client too, now and then, and in our rows of httpx it is told apart from "
    "failures of authrecord's."
)

STALL_NOTE = (
    "The longest time that a task which sleeps 1 ms had to wait, beside the burst; ms. The bare client and ours "
    "take turns; httpx's `AsyncClient` has fewer of them, since its own pool keeps the bare client busy for half a "
    "minute in a cold wave: it looks at every request that waits, for every connection, whenever one comes or goes. "
    "Ours waits in front of that pool (decision 19)."
)

LONG_RUN_NOTE = (
    "Sync: 8 threads on one client; async: 32 tasks. A peer is stopped when its time is up, so that some "
    "have done fewer requests. `margin` is the early-renewal margin: the library's default, or 0 where it"
    " can be set."
)

LEAK_NOTE = (
    "Leaking cells of all cells that could be tried. Each cell has a secret of its own, which is searched"
    " for in plain, percent-encoded, hexadecimal and Base64. Redirects: to a foreign host; in the query "
    "cells the API's redirect repeats the query, as a proxy's `$request_uri` does; the body cells are "
    "token requests answered with 307. msal and google-auth give a text for a token file, which the "
    "program writes; the others write it themselves."
)


def read(folder: Path) -> Results:
    """What the scripts wrote; a part that is missing is missing."""
    found = {}
    for part in PARTS:
        file = folder / f"{part}.json"
        if file.exists():
            found[part] = json.loads(file.read_text(encoding="utf-8"))
    return found


def machine(results: Results) -> str:
    one = results["machine"]
    rows = [
        ("Measured", one["measured"]),
        ("Processor", one["processor"]),
        ("Cores", one["cores"]),
        ("Memory", one["memory"]),
        ("System", one["system"]),
        ("Python", one["python"]),
        ("Load when it began", one["load"]),
    ]
    versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
    return f"## The machine\n\n{table(('', ''), rows)}\n\nVersions: {versions}."


def reached(results: Results) -> str:
    rows = [
        (row.what, row.peers, row.reach, row.ours, "reached" if row.reached else "**NOT reached**")
        for row in verdicts(results)
    ]
    count = sum(row[-1] == "reached" for row in rows)
    head = ("what", "peers, in this run", "to reach", "authrecord", "")
    return f"## The numbers to reach\n\n{count} of {len(rows)} rows reached.\n\n{table(head, rows)}"


def cost(results: Results) -> str:
    parts = [
        "## Cost of authentication per request",
        COST_NOTE,
    ]
    for family, title in FAMILIES.items():
        if family in results["cost"]:
            rows = [
                (
                    _ours(name),
                    one["us"],
                    f"{one['extra']:+.1f}",
                    f"{one['best_extra']:+.1f}",
                    f"{one['ratio']:.2f}",
                )
                for name, one in results["cost"][family].items()
            ]
            parts += [f"### {title}", table(("row", "µs per request", "extra µs", "best", "ratio"), rows)]
    return "\n\n".join(parts)


def step(results: Results) -> str:
    rows = [(_ours(name), value) for name, value in results["step"].items()]
    return (
        "## The authentication step alone\n\nOn a request that exists already. Ours is a transport, and its row "
        "includes the call of the next transport.\n\n" + table(("row", "µs, median"), rows)
    )


def herds(results: Results) -> str:
    found = results["herds"]
    rows = []
    for row in found["rows"]:
        mark = "" if row["lazy"] else " †"
        clients = "1,000 tasks" if row["is_async"] else "64 threads"
        for phase in ("cold", "expiry", "rotation"):
            if phase in row:
                one = row[phase]
                alive = {True: "alive", False: "**lost**"}.get(row.get("alive_after"), "-")  # type: ignore[arg-type]  # no login: None
                stalled = one.get("loop_stall_ms", "-")
                how = ", ".join(f"{name[:60]} × {count}" for name, count in one["errors"].items()) or "-"
                cells = (
                    one["token"],
                    one["failed"],
                    how,
                    one["wall"],
                    stalled,
                    alive if phase == "rotation" else "-",
                )
                rows.append((_ours(row["peer"]) + mark, clients, phase, *cells))
        if "crash" in row:
            rows.append((_ours(row["peer"]) + mark, clients, row["scenario"], row["crash"], *("-",) * 5))
    head = ("row", "clients", "phase", "token requests", "failed of 1,000", "how", "s", "stall, ms", "login")
    stalls = [
        (one["client"], phase, one["bare " + phase], one["authrecord " + phase], one["above " + phase],
         " ".join(map(str, one["bare " + phase + " all"])), " ".join(map(str, one["authrecord " + phase + " all"])))
        for one in found["stalls"]
        for phase in ("cold", "expiry")
    ]  # fmt: skip
    stall_head = (
        "client",
        "phase",
        "bare, median",
        "authrecord, median",
        "above",
        "bare, all",
        "authrecord, all",
    )
    return "\n\n".join(
        (
            "## Herds",
            HERD_NOTE,
            table(head, rows),
            "### Event loop stall",
            STALL_NOTE,
            table(stall_head, stalls),
        )
    )


def _safe(text: str) -> str:
    """An error's text as it may be printed: one peer puts the token into it."""
    return re.sub(r"[A-Za-z0-9_-]{24,}", "(the token)", text)


LONGER_RUN_NOTE = (
    "The same for 20 seconds, with as many requests as that takes: a run of two seconds needs three tokens, whoever "
    "asks for them."
)


def long_runs(results: Results) -> str:
    def lines(mode: str) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for row in results["long_runs"]["rows"]:
            if row["mode"] != mode:
                continue
            start = (_ours(row["peer"]), row["leeway"])
            if "crash" in row:
                found.append((*start, row["crash"], "-", "-", "-", "-", "-"))
                continue
            errors = ", ".join(f"{_safe(name)} × {count}" for name, count in row["errors"].items()) or "-"
            cells = (f"{row['done']:,}", f"{row['failed']:,}", errors, f"{row['token']:,}", row["per_second"])
            found.append((*start, *cells, row["rps"]))
        return found

    head = ("row", "margin", "done", "failed", "how", "token requests", "per second", "requests per second")
    return "\n\n".join(
        (
            "## Long runs",
            LONG_RUN_NOTE,
            "### Tokens living one second",
            table(head, lines("life1s")),
            LONGER_RUN_NOTE,
            table(head, lines("life1s, 20 s")),
            "### All tokens revoked in mid-run",
            table(head, lines("revoke")),
        )
    )


def imports(results: Results) -> str:
    rows = [
        (_ours(name), one["ms"], one["over_bare"], one["best_over_bare"])
        for name, one in results["imports"].items()
    ]
    head = ("import", "ms, median", "over bare", "best, over bare's best")
    note = "Fresh processes in turns. authrecord loads a public name when it is first used, so more rows show more."
    return f"## Cold imports\n\n{note}\n\n{table(head, rows)}"


def cli(results: Results) -> str:
    rows = [
        (_ours(name), one["ms"], one["times_bare"], one["best_times_bare"])
        for name, one in results["cli"].items()
    ]
    head = ("process", "ms, median", "× bare", "best × bare's best")
    return f"## `authrecord token NAME`\n\n{table(head, rows)}"


def leaks(results: Results) -> str:
    counts = results["leaks"]["counts"]
    cells = results["leaks"]["cells"]
    groups = ("authrecord", "plain library", "peer")
    leaking = [
        (one["kind"], one["group"], one["subject"], one["placement"], one["note"])
        for one in cells
        if one["leaks"]
    ]
    void = [
        (one["kind"], one["subject"], one["placement"], one["note"])
        for one in cells
        if one["leaks"] is None and one["note"] != "not offered"
    ]
    untried = table(("kind", "who", "placement", "why"), void) if void else "None."
    return "\n\n".join(
        (
            "## Leaks",
            LEAK_NOTE,
            table(
                ("kind", *groups), [(kind, *(one[group] for group in groups)) for kind, one in counts.items()]
            ),
            "### Every leaking cell",
            table(("kind", "whose", "who", "placement", "note"), leaking),
            "### Cells that could not be tried",
            "Placements that a peer does not offer are not listed.",
            untried,
        )
    )


def logins(results: Results) -> str:
    rows = [
        (
            _ours(one["subject"]),
            one["forged"],
            one["genuine"],
            ", ".join(one["bound_to"]) or "-",
            one["other_address"],
        )
        for one in results["logins"]["logins"]
    ]
    head = (
        "login",
        "forged state",
        "genuine answer afterwards",
        "bound to",
        "by the machine's other address",
    )
    note = "The forged answer carries a code of the attacker's; it is accepted when that code is exchanged."
    return f"## Logins under attack\n\n{note}\n\n{table(head, rows)}"


def store(results: Results) -> str:
    """Of what `scripts/bench-store` measured: the rest is on its own page."""
    told = rotation_of(results["store"]["rotation"])
    return f"## Rotation of keys under load\n\nMeasured by `scripts/bench-store`. {told}"


def _ours(name: str) -> str:
    return f"**{name}**" if name.startswith("authrecord") else name


DETAILS: dict[str, Callable[[Results], str]] = {
    "cost": cost,
    "step": step,
    "herds": herds,
    "long_runs": long_runs,
    "imports": imports,
    "cli": cli,
    "leaks": leaks,
    "logins": logins,
    "store": store,
}


def page(results: Results) -> str:
    parts = [INTRODUCTION.rstrip(), machine(results), reached(results)]
    parts += [make(results) for name, make in DETAILS.items() if name in results]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    if len(sys.argv) not in {2, 3}:
        raise SystemExit(__doc__)
    text = page(read(Path(sys.argv[1])))
    if len(sys.argv) == 3:
        Path(sys.argv[2]).write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
