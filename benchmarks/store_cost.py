"""What the store costs with ten records, ten thousand and a million, on SQLite and on PostgreSQL.

scripts/bench-store            all of it; writes docs/performance-store.md
scripts/bench-store --quick    a short pass that shows that everything runs
"""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cli_start import environment, timed
from common import arguments, finish, machine, say, table
from key_rotation import measure as measure_rotation
from key_rotation import rotation_of
from store_filling import TAGS, Filled, filled, name_of, token
from tests.stores.postgres import running_postgres

from authrecord.keeper.ports import Filter

SIZES = (10, 10_000, 1_000_000)
QUICK_SIZES = (10, 1_000)
ROTATED = 100_000
ROTATED_QUICK = 500
TIMES_LARGER = 2.0
"""The p99 with the most records may be so many times the p99 with the next fewer ones."""

INTRODUCTION = """\
# Performance of the store

Made by `scripts/bench-store`. Do not edit: change `benchmarks/` and run it again. Milliseconds of one call in one
process, without a cache of tokens in between; what a program asks for again and again it finds in its memory.
Times depend on the machine; what does not is that they must not grow with the number of records.
"""


def deeds(store: Filled, random_: random.Random) -> dict[str, Callable[[], None]]:
    """What is measured, by name."""
    one, records = store.store, store.records

    def read() -> None:
        assert one.load(random_.choice(store.keys)) is not None

    def renew() -> None:
        claim = one.claim(random_.choice(store.keys), seconds=45, patience=0)
        assert one.intend(claim, None, seconds=20)
        assert one.settle(claim, token()) is not None

    def page() -> None:
        assert one.page(Filter(), after=name_of(random_.randrange(records // 2 + 1)), limit=100).lines

    def by_tag() -> None:
        wanted = Filter(tag="t0" if records < 2 * TAGS else f"t{random_.randrange(TAGS)}")
        assert one.page(wanted, after=name_of(random_.randrange(records // 2 + 1)), limit=100) is not None

    def by_state() -> None:
        assert one.page(Filter(state="live"), limit=100).lines

    return {
        "read of a live token": read,
        "claim, intent and settle": renew,
        "page of 100 records": page,
        "page of a tag": by_tag,
        "page of a state": by_state,
    }


def measured(store: Filled, rounds: int) -> dict[str, dict[str, float]]:
    """Median and p99 of each deed, milliseconds."""
    found: dict[str, dict[str, float]] = {}
    for name, deed in deeds(store, random.Random(1)).items():
        times = []
        for number in range(rounds + 20):
            begun = time.perf_counter()
            deed()
            if number >= 20:  # the first ones warm up
                times.append((time.perf_counter() - begun) * 1000)
        quantiles = statistics.quantiles(times, n=100)
        found[name] = {"median": round(statistics.median(times), 3), "p99": round(quantiles[98], 3)}
    return found


def whole_process(url: str, key: str, name: str, rounds: int) -> dict[str, float]:
    """`authrecord token NAME` with a live token in the sealed file, beside a Python that does nothing."""
    script = str(Path(sys.executable).with_name("authrecord"))
    with tempfile.TemporaryDirectory() as home:
        variables = environment(Path(home)) | {"AUTHRECORD_STORE": url, "AUTHRECORD_KEY": key}
        command = [script, "token", name]
        first = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        if first.returncode:
            raise SystemExit(f"`authrecord token` ended with {first.returncode}: {first.stderr[:500]}")
        ours, bare = [], []
        for _ in range(rounds):
            ours.append(timed(command, variables, first.stdout.strip()))
            bare.append(timed([sys.executable, "-I", "-c", "pass"], variables))
    return {"ours": round(statistics.median(ours), 1), "bare": round(statistics.median(bare), 1)}


def measure(quick: bool) -> dict[str, Any]:
    """All results: for each database and size."""
    sizes, rounds = (QUICK_SIZES, 100) if quick else (SIZES, 2000)
    found: dict[str, Any] = {"machine": machine(), "stores": {}, "command": {}}
    folder = Path(tempfile.mkdtemp(prefix="ar-bench-", dir="/tmp"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own
    with ExitStack() as opened:
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        for kind in ("sqlite", "postgres"):
            for size in sizes:
                with ExitStack() as one:
                    url = f"sqlite://{folder}/{kind}-{size}/store.sqlite"
                    if kind == "postgres":
                        url = one.enter_context(
                            running_postgres(folder / f"pg-{size}" / "data", durable=True)
                        )
                    key = f"file:{folder}/keys/{kind}-{size}.key"
                    say(f"{kind}, {size:,} records")
                    store = filled(url, key, size)
                    one.callback(store.store.close)
                    found["stores"].setdefault(kind, {})[str(size)] = measured(store, rounds)
                    if kind == "sqlite":
                        found["command"][str(size)] = whole_process(
                            url, key, store.names[-1], 5 if quick else 40
                        )
        say("rotation of keys")
        keys = folder / "rotation-keys"
        keys.mkdir(mode=0o700)
        count = ROTATED_QUICK if quick else ROTATED
        found["rotation"] = measure_rotation(str(folder / "rotation" / "store.sqlite"), keys, count)
    return found


def page_of(found: dict[str, Any]) -> str:
    """The page."""
    parts = [INTRODUCTION.rstrip()]
    about = found["machine"]
    parts.append(
        f"Measured on {about['cores']} cores, {about['processor']}, {about['system']}, {about['python']}; load when it"
        f" began {about['load']}."
    )
    for kind, title in (("sqlite", "SQLite"), ("postgres", "PostgreSQL")):
        sizes = list(found["stores"][kind])
        head = [
            "",
            *(f"{int(size):,} records: median" for size in sizes),
            *(f"p99, {int(size):,}" for size in sizes),
        ]
        head.append(f"p99: {int(sizes[-1]):,} to {int(sizes[-2]):,}")
        rows = []
        for name in found["stores"][kind][sizes[0]]:
            each = [found["stores"][kind][size][name] for size in sizes]
            ratio = each[-1]["p99"] / each[-2]["p99"]
            verdict = f"{ratio:.2f} ×" + ("" if ratio <= TIMES_LARGER else " **more than 2**")
            rows.append([name, *(one["median"] for one in each), *(one["p99"] for one in each), verdict])
        parts += [f"## {title}, ms", table(head, rows)]
    rows = [
        [f"{int(size):,} records", one["ours"], one["bare"], f"{one['ours'] / one['bare']:.2f} ×"]
        for size, one in found["command"].items()
    ]
    parts += [
        "## `authrecord token NAME`, the whole process",
        "A live token in the sealed SQLite store, its key in a file; beside it `python3 -I -c pass`.",
        table(["", "ms", "bare Python, ms", ""], rows),
        "## Rotation of keys under load",
        rotation_of(found["rotation"]),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--page", metavar="FILE", help="write the page there")
    options = parser.parse_args()
    found = measure(options.quick)
    page = page_of(found)
    if options.page:
        Path(options.page).write_text(page, encoding="utf-8")
    else:
        print(page)
    finish(found, options.json)


if __name__ == "__main__":
    main()
