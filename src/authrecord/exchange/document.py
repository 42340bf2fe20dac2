"""A document of records whose format nobody has named: pasted, or from standard input."""

from __future__ import annotations

from ..core.errors import RecordFault
from ..documents import Format, read
from ..record import Record


def read_document(text: str, *, source: str = "") -> tuple[Record, ...]:
    """The records. Raises `DocumentFault` with the faults of the format that it looks most like, and `RecordFault`."""
    first: RecordFault | None = None
    for one in (Format.JSON,) if text.lstrip().startswith(("{", "[")) else (Format.YAML, Format.TOML):
        try:
            records = read(text, format=one, source=source)
        except RecordFault as fault:
            first = first or fault
        else:
            if records:
                return records
    raise first or RecordFault("the document holds no record.")
