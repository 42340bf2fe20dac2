"""Long runs: 20,000 requests with tokens that live one second, and a server that revokes all tokens in mid-run.

    python benchmarks/long_runs.py [--quick] [--json FILE] [--only WORD] [--budget 45]

Counted is what reaches the caller: answers other than 200, and exceptions. Each row runs in a process of its own
on one core, the token server on the other. `default` is what the library does unasked; `0` is a margin of zero
where it can be set. A row is stopped after `--budget` seconds; then it has done fewer requests.

A run of two seconds needs three tokens of one second, whoever asks for them. So that a rate of token requests can be
judged, a row of ours that was done sooner runs once more, with as many requests as make 20 seconds.
"""

from __future__ import annotations

from typing import Any

from common import OURS, arguments, child, finish, peers_of_harness, say, use_harness

QUICK = ("authrecord", "authlib-httpx2", "google-auth")
NO_MARGIN = ("oauth2-client", "requests-oauthlib")
ENDLESS = ("httpx-oauth2",)
"""Asks for tokens for ever when they live a second (found by the harness); it gets a short budget."""


LONG_SECONDS = 20.0


def margins(name: str, peer: Any, mode: str) -> tuple[str, ...]:
    if mode == "life1s" and peer.CAN_LEEWAY and name not in NO_MARGIN:
        return ("default", "0")
    return ("default",)


def run(name: str, margin: str, mode: str, requests: int, budget: float) -> dict[str, Any]:
    endless = name in ENDLESS and mode == "life1s"
    seconds = min(budget, 10.0) if endless else budget
    options = ("--peer", name, "--leeway", margin, "--mode", mode, "--extra", str(OURS))
    sizes = ("-n", str(requests), "--budget", str(seconds))
    found = child("longrun.py", *options, *sizes, core=1, timeout=seconds + (10 if endless else 100))
    row = {"peer": name, "mode": mode, "leeway": margin, "asked": requests, **found}
    if "crash" not in row:
        row["per_second"] = round(row["token"] / row["wall"], 2)
    return row


def once_more(name: str, margin: str, first: dict[str, Any]) -> list[dict[str, Any]]:
    """The same for 20 seconds, if the first run was shorter."""
    if "crash" in first or first["wall"] >= LONG_SECONDS:
        return []
    requests = int(first["done"] / first["wall"] * LONG_SECONDS * 1.15)
    row = {**run(name, margin, "life1s", requests, 300.0), "mode": "life1s, 20 s"}
    say(shown(row))
    return [row]


def shown(row: dict[str, Any]) -> str:
    if "crash" in row:
        return f"{row['peer']} {row['mode']} {row['leeway']}: {row['crash']}"
    return (
        f"{row['peer']} {row['mode']} {row['leeway']}: {row['done']} done, {row['failed']} failed {row['errors']}, "
        f"{row['token']} token requests, {row['per_second']} a second, {row['wall']} s"
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--only", help="only rows whose name holds this")
    parser.add_argument("--budget", type=float, default=45.0, help="seconds that a peer may take")
    parser.add_argument("--requests", type=int, help="instead of 20,000, and of 4,000 with revocation")
    options = parser.parse_args()
    use_harness()
    import longrun
    import server

    rows: list[dict[str, Any]] = []
    running = server.start(longrun.PORT, 0)
    try:
        for mode, full, short in (("life1s", 20_000, 2_000), ("revoke", 4_000, 1_000)):
            requests = options.requests or (short if options.quick else full)
            for name, peer in peers_of_harness().items():
                if (
                    "cc" not in peer.SCEN
                    or name.startswith("bare")
                    or (options.only and options.only not in name)
                ):
                    continue
                if options.quick and not options.only and not name.startswith(QUICK):
                    continue
                # Ours may take its time, so that it is judged by all its requests.
                budget = 300.0 if name.startswith("authrecord") else options.budget
                for margin in margins(name, peer, mode):
                    rows.append(run(name, margin, mode, requests, budget))
                    say(shown(rows[-1]))
                    if name.startswith("authrecord") and mode == "life1s" and not options.quick:
                        rows.extend(once_more(name, margin, rows[-1]))
    finally:
        server.stop(running)
    finish({"rows": rows}, options.json)


if __name__ == "__main__":
    main()
