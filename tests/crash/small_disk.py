"""A file system of some mebibytes, to fill."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SIZE: Final = "160m"
"""Enough for a hundred stores with their ballast, and soon full."""


@contextmanager
def small_disk(path: Path, size: str = SIZE) -> Iterator[Path | None]:
    """A tmpfs at `path` until the end; `None` where nobody lets us mount one (it takes root)."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield path if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(path)], check=True)
