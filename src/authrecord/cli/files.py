"""Documents on disk: written whole or not at all, for their owner's eyes only when they are new."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

NEW_MODE = 0o600


def read_document(path: Path) -> str:
    """The text of a document, its line ends as they are. Raises `DocumentFault` when it is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        pass  # outside of this block: the codec's exception holds the content
    from ..documents import read_file

    read_file(path)
    raise AssertionError("a document that is not UTF-8 was read")  # never reached: read_file refuses it


def write_private(path: Path, text: str) -> None:
    """Put `text` into `path` in one step. A new file is readable by its owner alone; an old one keeps its mode."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else NEW_MODE
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
