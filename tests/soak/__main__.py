"""Runs a soak and prints its figures: `python -m tests.soak --minutes 30`. See `scripts/soak`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.stores.postgres import running_postgres

from .soak import Plan, soak

HALF = 0.0
"""The rate that stands for half of the top, see `Plan`."""


def main() -> int:
    """The exit status: 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__.partition(":")[0] + ".")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--engine", choices=("embedded", "envoy"), default="embedded")
    parser.add_argument(
        "--rate",
        type=_rate,
        default=HALF,
        metavar="half|NUMBER",
        help="requests a second; half of the top that a few seconds show by default",
    )
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0, help="of the provider's failures")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-", dir="/tmp"))
    with ExitStack() as opened:
        url = opened.enter_context(running_postgres(folder / "postgres"))
        plan = Plan(
            folder=folder / "soak",
            database_url=url,
            seconds=options.minutes * 60,
            engine=options.engine,
            rate=options.rate,
            connections=options.connections,
            seed=options.seed,
        )
        result = soak(plan)
    print(result.figures.table())
    for fault in result.faults:
        print(f"FAULT {fault}", file=sys.stderr)
    if result.faults:
        print(f"the logs: {plan.folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return 1 if result.faults else 0


def _rate(text: str) -> float:
    return HALF if text == "half" else float(text)


if __name__ == "__main__":
    sys.exit(main())
