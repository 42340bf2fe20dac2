"""Runs races and prints their figures: `python -m tests.race --minutes 30 --store sqlite`. See `scripts/race`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from .conductor import Plan, race


def main() -> int:
    """The exit status: 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="scripts/race", description=__doc__.partition(":")[0] + ".")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=0, help="of everything random in the harness")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the histories")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="race-"))
    plan = Plan(
        folder=folder / "race",
        seconds=options.minutes * 60,
        store=f"sqlite://{folder}/race/home/state/tokens.sqlite",
        key=f"file:{folder}/race/keys/cache.key",
        seed=options.seed,
    )
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
