"""Notes the machine and the versions that a run belongs to: python benchmarks/note_machine.py --json FILE."""

from __future__ import annotations

import datetime as dt

from common import arguments, finish, machine


def main() -> None:
    options = arguments(__doc__).parse_args()
    measured = dt.datetime.now(dt.UTC).date().isoformat()
    finish({"measured": measured, **machine()}, options.json or "-")


if __name__ == "__main__":
    main()
