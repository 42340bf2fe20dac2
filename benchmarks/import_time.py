"""Cold imports: `import authrecord` beside its peers, over bare Python, each sample a fresh process.

    python benchmarks/import_time.py [--quick] [--json FILE] [--all]

The samples of all rows take turns. `over bare` is the difference of the medians of whole processes.
`with all names` loads every public name, which a user never needs at once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from common import arguments, finish, say, table, use_harness

BARE = "(bare python)"
ROWS = (
    "httpx-auth",
    "requests-auth",
    "authlib (httpx2 client)",
    "authlib (requests client)",
    "requests-oauthlib",
    "requests-oauth2client",
    "google-auth (service account + requests)",
    "msal",
    "aiohttp-oauth2-client",
    "httpx2",
)
OURS = {
    "authrecord": "import authrecord",
    "authrecord, ready to attach": "import authrecord; authrecord.attach, authrecord.open_records",
    "authrecord, all public names": "import authrecord; [getattr(authrecord, n) for n in authrecord.__all__]",
    "authrecord, attached to httpx2": (
        "import authrecord, httpx2; authrecord.attach(httpx2.Client(), authrecord.Record(name='a', "
        "allowed_origins=('https://api.example.com',), auth=authrecord.Bearer(token=authrecord.Secret('x'))))"
    ),
}


def sample(code: str) -> float:
    """Milliseconds of a whole process."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--all", action="store_true", help="every row of the harness")
    options = parser.parse_args()
    use_harness()
    from imports import MODS

    codes = {BARE: MODS[BARE], **OURS, **{name: MODS[name] for name in (MODS if options.all else ROWS)}}
    for name, code in list(codes.items()):
        written = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=False
        )  # writes .pyc
        if written.returncode:
            say(f"left out: {name}: {written.stderr.decode().strip().splitlines()[-1]}")
            del codes[name]
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(5 if options.quick else options.rounds):
        for name, code in codes.items():
            taken[name].append(sample(code))
    bare = statistics.median(taken[BARE])
    found = {
        name: {
            "ms": round(statistics.median(times), 1),
            "over_bare": round(statistics.median(times) - bare, 1),
            "best_over_bare": round(min(times) - min(taken[BARE]), 1),
        }
        for name, times in taken.items()
    }
    rows = [(name, one["ms"], one["over_bare"], one["best_over_bare"]) for name, one in found.items()]
    print(table(("import", "ms, median", "over bare", "best over bare's best"), rows))
    finish(found, options.json)


if __name__ == "__main__":
    main()
