"""Where credentials leak: redirects, objects that are printed, DEBUG logs, exception texts, token files.

    python benchmarks/leaks.py [--json FILE] [--all]

Each cell has a secret of its own that exists once in the world; the servers, the log, the texts and the files are
then searched for it, in plain, percent-encoded, hexadecimal and Base64. A cell counts only when the credential
did arrive where it belongs. The peers' own objects and the plain HTTP libraries run in the same pass.
"""

from __future__ import annotations

import warnings
from collections import Counter

import leak_redirects
import leak_texts
from common import arguments, finish, table
from leak_stage import Cell, Stage

KINDS = ("redirect", "repr", "debug log", "exception", "token file")
GROUPS = ("authrecord", "plain library", "peer")


def counted(cells: list[Cell]) -> dict[str, dict[str, str]]:
    """Leaking cells of all cells, by kind and group; void cells are left out of both."""
    leaking = Counter((one.kind, one.group) for one in cells if one.leaks)
    tried = Counter((one.kind, one.group) for one in cells if one.leaks is not None)
    return {
        kind: {group: f"{leaking[kind, group]} of {tried[kind, group]}" for group in GROUPS} for kind in KINDS
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument(
        "--all", action="store_true", help="print every cell, not only the leaking and the void ones"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with Stage() as stage:
        cells = [*leak_redirects.cells(stage), *leak_texts.cells(stage)]
    words = {True: "LEAKS", False: "-", None: "void"}
    shown = [
        (one.kind, one.group, one.subject, one.placement, words[one.leaks], one.note)
        for one in cells
        if options.all or one.leaks or (one.leaks is None and one.note != "not offered")
    ]
    print(table(("kind", "group", "subject", "placement", "", "note"), shown))
    counts = counted(cells)
    print()
    print(table(("leaking cells", *GROUPS), [(kind, *counts[kind].values()) for kind in KINDS]))
    finish({"counts": counts, "cells": [one.plain() for one in cells]}, options.json)


if __name__ == "__main__":
    main()
