"""`authrecord token NAME` with a live token and its key in a file: the whole process, beside a bare Python.

    python benchmarks/cli_start.py [--quick] [--json FILE] [--rounds 60]

An honest server issues the token once; the first run fills the cache, and the server is stopped before the
others, so that none of them can have asked it. `bare` is `python3 -I -c pass` of the interpreter that runs the
console script. Bare and ours take turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import arguments, finish, table

DOCUMENT = """\
records:
  - name: orders
    allowed_origins: ["{origin}"]
    auth:
      type: oauth2
      grant: client_credentials
      credentials:
        client_id: {client}
        client_secret: ${{env:BENCH_CLIENT_SECRET}}
      token_exchange:
        url: {token_url}
"""


def environment(home: Path, secret: str = "") -> dict[str, str]:
    """What a user's shell has, without anything that hides the cache."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    folder = {"AUTHRECORD_HOME": str(home), "HOME": str(home)}
    return kept | folder | ({"BENCH_CLIENT_SECRET": secret} if secret else {})


def timed(command: list[str], variables: dict[str, str], expected: str | None = None) -> float:
    """Milliseconds of a whole process. Ends the benchmark when it does not print what it must."""
    begun = time.perf_counter()
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    taken = (time.perf_counter() - begun) * 1000
    if ended.returncode or (expected is not None and ended.stdout.strip() != expected):
        raise SystemExit(f"{command[0]} ended with {ended.returncode}: {ended.stderr.strip()[:500]}")
    return taken


def measure(home: Path, rounds: int) -> dict[str, list[float]]:
    from authrecord.testing import HonestServer

    script = Path(sys.executable).with_name("authrecord")
    document = home / "authrecord.yaml"
    with HonestServer(token_life=36000) as server:
        client = server.register_client("client_credentials")
        text = DOCUMENT.format(origin=server.url, client=client.client_id, token_url=server.token_url)
        document.write_text(text, encoding="utf-8")
        first = subprocess.run(
            [str(script), "--file", str(document), "token", "orders"],
            env=environment(home, client.secret),
            capture_output=True,
            text=True,
            check=False,
        )
        if first.returncode:
            raise SystemExit(f"the first run ended with {first.returncode}: {first.stderr.strip()[:500]}")
    variables, token = environment(home), first.stdout.strip()
    commands = {
        "bare": [sys.executable, "-I", "-c", "pass"],
        "bare, without -I": [sys.executable, "-c", "pass"],
        "authrecord --file F token orders": [str(script), "--file", str(document), "token", "orders"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 2):
        for name, command in commands.items():
            spent = timed(command, variables, token if name.startswith("authrecord") else None)
            if number >= 2:  # the first two warm up
                taken[name].append(spent)
    return taken


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(Path(folder), 10 if options.quick else options.rounds)
    bare = statistics.median(taken["bare"])
    found = {
        name: {
            "ms": round(statistics.median(times), 2),
            "best": round(min(times), 2),
            "times_bare": round(statistics.median(times) / bare, 2),
            "best_times_bare": round(min(times) / min(taken["bare"]), 2),
        }
        for name, times in taken.items()
    }
    rows = [(name, one["ms"], one["times_bare"], one["best_times_bare"]) for name, one in found.items()]
    print(table(("process", "ms, median", "× bare", "best × bare's best"), rows))
    finish(found, options.json)


if __name__ == "__main__":
    main()
