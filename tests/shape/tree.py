"""The files of this project as the shape tests see them: as version control would keep them."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


@cache
def project_files() -> tuple[Path, ...]:
    """Every file of the project, new ones included, ignored ones not. Relative to `ROOT`."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    paths = (Path(name) for name in sorted(set(listed.split("\0"))) if name)
    return tuple(path for path in paths if (ROOT / path).is_file())


def python_files(*folders: str) -> list[Path]:
    """The Python files below `folders`, relative to `ROOT`."""
    return [path for path in project_files() if path.suffix == ".py" and path.parts[0] in folders]


@cache
def text_of(path: Path) -> str:
    """The text of a file of the project; empty when it is not text."""
    raw = (ROOT / path).read_bytes()
    return "" if b"\0" in raw[:8000] else raw.decode("utf-8", "replace")


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a Python file of the project."""
    return ast.parse(text_of(path), filename=str(path))


def check_nothing_found(faults: list[str]) -> None:
    """Fail with one line for each of `faults`."""
    assert not faults, f"{len(faults)} found:\n" + "\n".join(faults)
