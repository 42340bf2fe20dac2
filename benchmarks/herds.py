"""A herd: 64 threads or 1,000 tasks at once, authrecord beside its peers, and what it does to the event loop.

    python benchmarks/herds.py [--quick] [--json FILE] [--only WORD]

Each row runs in a process of its own on one core, the token server on the other; the endpoint takes 50 ms.
`cold`: no token yet. `expiry`: one token has run out. `rotation`: the access token has run out, there is one
refresh token, each refresh rotates it, and a refresh token that is used twice ends the login.
The rows that the event loop's stall is judged by, ours and the bare clients, take turns several times.
"""

from __future__ import annotations

import statistics
from typing import Any

from common import OURS, arguments, child, finish, peers_of_harness, say, table, use_harness

QUICK = ("authrecord", "bare httpx2[async]", "bare aiohttp[async]", "authlib-httpx2", "google-auth")
SLOW = "httpx[async]"
"""A thousand tasks keep the bare client's own pool busy for half a minute: it has three turns only."""
SLOW_TURNS = 3

STALLING = ("httpx2[async]", "aiohttp[async]", SLOW)


def _in_short_pass(name: str) -> bool:
    return name.startswith(QUICK) and SLOW not in name


def measured(name: str, scenario: str, extra: str, timeout: float) -> dict[str, Any]:
    row = child("herd.py", "--peer", name, "--scenario", scenario, "--extra", extra, core=1, timeout=timeout)
    return {"peer": name, "scenario": scenario, **row}


def shown(row: dict[str, Any]) -> str:
    if "crash" in row:
        return f"{row['peer']} {row['scenario']}: {row['crash']}"
    phases = [name for name in ("cold", "expiry", "rotation") if name in row]
    parts = [
        f"{phase}: {row[phase]['token']} token requests, {row[phase]['failed']} failed, {row[phase]['wall']} s"
        + (f", stall {row[phase]['loop_stall_ms']} ms" if "loop_stall_ms" in row[phase] else "")
        for phase in phases
    ]
    alive = f"; alive after: {row['alive_after']}" if "alive_after" in row else ""
    return f"{row['peer']}: " + "; ".join(parts) + alive


def stalls(turns: int, clients: tuple[str, ...], timeout: float) -> list[dict[str, Any]]:
    """The event loop's stall of ours and of the bare client, in turns: the machine is not quiet."""
    taken: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for turn in range(turns):
        for client in clients:
            if client == SLOW and turn >= SLOW_TURNS:
                continue
            pair = ("bare", "authrecord") if turn % 2 == 0 else ("authrecord", "bare")
            for who in pair:
                row = measured(f"{who} {client}", "cc", str(OURS), timeout)
                taken.setdefault((who, client), []).append(row)
                say(f"turn {turn + 1}", shown(row))
    return [_compared(client, taken) for client in clients]


def _compared(client: str, taken: dict[tuple[str, str], list[dict[str, Any]]]) -> dict[str, Any]:
    found: dict[str, Any] = {"client": client}
    for who in ("bare", "authrecord"):
        for phase in ("cold", "expiry"):
            times = [row[phase]["loop_stall_ms"] for row in taken[who, client] if phase in row]
            found[f"{who} {phase}"] = statistics.median(times) if times else None
            found[f"{who} {phase} all"] = times
    for phase in ("cold", "expiry"):
        ours, bare = found[f"authrecord {phase}"], found[f"bare {phase}"]
        found[f"above {phase}"] = None if ours is None or bare is None else ours - bare
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--only", help="only rows whose name holds this")
    parser.add_argument(
        "--turns", type=int, default=5, help="how often ours and bare take turns for the stall"
    )
    options = parser.parse_args()
    use_harness()
    import herd
    import server

    rows: list[dict[str, Any]] = []
    timeout = 60.0 if options.quick else 300.0
    running = server.start(herd.PORT, core=0)
    try:
        for scenario in ("cc", "refresh"):
            for name, peer in peers_of_harness().items():
                if scenario not in peer.SCEN or (options.only and options.only not in name):
                    continue
                if options.quick and not options.only and not _in_short_pass(name):
                    continue
                rows.append(measured(name, scenario, str(OURS), timeout))
                say(shown(rows[-1]))
        clients = STALLING[:2] if options.quick else STALLING
        stalled = [] if options.only else stalls(2 if options.quick else options.turns, clients, timeout)
    finally:
        server.stop(running)
    for row in rows:
        peer = peers_of_harness()[row["peer"]]
        row["is_async"] = peer.is_async
        row["lazy"] = peer.LAZY
    head = ("client", "bare cold", "authrecord cold", "bare expiry", "authrecord expiry")
    print("event loop stall, ms, medians\n")
    print(table(head, [[one[name] for name in head] for one in stalled]))
    finish({"rows": rows, "stalls": stalled}, options.json)


if __name__ == "__main__":
    main()
