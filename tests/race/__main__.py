"""Runs races and prints their figures: `python -m tests.race --minutes 30 --store sqlite`. See `scripts/race`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.stores.postgres import running_postgres

from .conductor import race
from .plans import on_postgres, on_sqlite
from .shortening import REAL_CLAIM


def main() -> int:
    """The exit status: 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="scripts/race", description=__doc__.partition(":")[0] + ".")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--pace", type=float, default=0.03, help="seconds between two calls of a caller")
    parser.add_argument("--seed", type=int, default=0, help="of everything random in the harness")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the histories")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="race-", dir="/tmp"))
    with ExitStack() as opened:
        more = {
            "seed": options.seed,
            "pace": options.pace,
            "claim_seconds": REAL_CLAIM,
            "grace": 600.0,
            "rest": 2.0,
        }
        if options.store == "postgres":
            url = opened.enter_context(running_postgres(folder / "postgres"))
            plan = on_postgres(folder / "race", options.minutes * 60, url, **more)
        else:
            plan = on_sqlite(folder / "race", options.minutes * 60, **more)
        result = race(plan)
    print(result.figures.table())
    for fault in result.faults[:50]:
        print(f"FAULT {fault}", file=sys.stderr)
    if options.keep or result.faults:
        print(f"the histories: {plan.folder / 'history'}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
