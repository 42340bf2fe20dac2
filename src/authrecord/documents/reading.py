"""Documents to records. All faults of a document come at once, each with its line and never with its value."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..core.errors import DocumentFault
from ..record import Record
from .building import record_from
from .formats import LARGEST, Format, format_of, parse
from .plain import mapping_of
from .tree import Faults, shown_key, syntax_fault
from .tree import Path as DocumentPath

_STRAY_BYTE: Final = re.compile("[\udc80-\udcff]")


def read(
    text: str,
    *,
    format: Format,  # the public name of the argument
    source: str = "",
) -> tuple[Record, ...]:
    """The records of a document: `{records: [...]}`, a list of records, or one record.

    `source` names the document in errors. Raises `DocumentFault` with every fault.
    """
    parsed = parse(text, format, source)
    return _records(parsed.data, Faults(parsed.lines, parsed.faults), source)


def read_file(path: str | os.PathLike[str]) -> tuple[Record, ...]:
    """The records of a file; its suffix names the format.

    Raises `DocumentFault`, `RecordFault` for an unknown suffix, and `OSError` when the file cannot be read.
    """
    document_format = format_of(path)
    source = os.fspath(path)
    with Path(path).open("rb") as file:
        content = file.read(LARGEST + 1)
    return read(text_from(content, source=source), format=document_format, source=source)


def text_from(content: bytes, *, source: str = "") -> str:
    """The text of a file's bytes. Raises `DocumentFault` when they are too many or not UTF-8."""
    if len(content) > LARGEST:
        raise syntax_fault(f"is larger than {LARGEST // 1024 // 1024} MiB", None, source=source)
    text = content.decode("utf-8", "surrogateescape")  # strict decoding's error would hold the content
    stray = _STRAY_BYTE.search(text)
    if stray:
        line = text.count("\n", 0, stray.start()) + 1
        raise syntax_fault("is not UTF-8", line, hint="Save it as UTF-8.", source=source)
    return text


def records_from(
    data: object, positions: Mapping[DocumentPath, int] | None = None, *, source: str = ""
) -> tuple[Record, ...]:
    """The records in plain data, as a REST body or a parser has it. `positions` gives lines by path.

    Raises `DocumentFault` with every fault.
    """
    return _records(data, Faults(positions), source)


def _records(data: object, faults: Faults, source: str) -> tuple[Record, ...]:
    items = _items(data, faults)
    records = [record_from(item, path, faults) for path, item in items]
    _note_duplicates(items, faults)
    faults.raise_if_any(source)
    return tuple(record for record in records if record is not None)


def checked(record: Record) -> Record:
    """A record built in code, with values as a document would give them.

    Raises `DocumentFault` with the same faults that a document with these values has, without lines.
    """
    faults = Faults()
    result = record_from(mapping_of(record), (), faults)
    faults.raise_if_any(f"record {record.name!r}" if _is_name(record.name) else "record")
    if result is None:
        raise DocumentFault((), source="record")
    return result


def _is_name(name: object) -> bool:
    from .rules import Wrong
    from .rules import name as rule

    try:
        rule(name)
    except Wrong:
        return False
    return True


def _items(data: object, faults: Faults) -> list[tuple[DocumentPath, Any]]:
    """Each record's plain data and its path, from any of the three shapes."""
    if isinstance(data, list):
        return [((index,), item) for index, item in enumerate(data)]
    if not isinstance(data, Mapping):
        faults.add((), "holds no records", "Write `records:` and a list.")
        return []
    if "records" not in data:
        return [((), data)]
    for key in data:
        if key not in ("records", "$schema"):
            line = faults.line_of((key,))
            faults.add((shown_key(key),), "unknown key", "Beside `records` nothing stands here.", line=line)
    records = data["records"]
    if not isinstance(records, list):
        faults.add(("records",), "is not a list", "Write each record as an item of the list.")
        return []
    return [(("records", index), item) for index, item in enumerate(records)]


def _note_duplicates(items: list[tuple[DocumentPath, Any]], faults: Faults) -> None:
    seen: set[str] = set()
    for path, item in items:
        name = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            faults.add((*path, "name"), "is the name of an earlier record", "Names are unique in a document.")
        seen.add(name)
