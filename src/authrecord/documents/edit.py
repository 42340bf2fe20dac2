"""Changes one record of a document that a person wrote, and leaves the rest as it stands, comments included.

YAML is changed in its text, byte for byte; TOML through tomlkit, which keeps its layout; JSON is written again
with its indentation. Every result is read back, and refused unless it holds exactly the records that it should.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from ..core.errors import DocumentFault, RecordFault
from ..record import Record
from .formats import Format
from .reading import checked, read, records_from
from .tree import CannotEdit
from .writing import Written, emit, plain_record


def upsert(
    text: str,
    *,
    format: Format,  # the public name of the argument
    record: Record,
    reveal: bool = False,
) -> Written:
    """The document with `record` in it, in the place of the record of that name or after the last one.

    A literal secret that already stands in the document stays; a new one is replaced by a reference and listed
    in `left_out`, unless `reveal` is true. Raises `DocumentFault` for a faulty document or record, and
    `RecordFault` when the change has no place in the document's form.
    """
    existing = read(text, format=format) if not _is_blank(text, format) else ()
    old = next((one for one in existing if one.name == record.name), None)
    new, left_out = plain_record(checked(record), reveal=reveal, known=old)
    expected = records_from(new)[0]
    if old is None:
        records = (*existing, expected)
        attempts = [lambda: _added(text, format, new, bool(existing))]
    else:
        before, _ = plain_record(old, reveal=True)
        records = tuple(expected if one.name == record.name else one for one in existing)
        attempts = [
            lambda: _changed(text, format, before, new),
            lambda: _replaced(text, format, new),
        ]
    return Written(_first_right(attempts, format, records), left_out)


def remove(
    text: str,
    *,
    format: Format,  # the public name of the argument
    name: str,
) -> str:
    """The document without the record `name`.

    Raises `DocumentFault` for a faulty document, `RecordFault` when it holds no such record.
    """
    existing = read(text, format=format)
    if all(record.name != name for record in existing):
        raise RecordFault("the document holds no record of that name.", field="name")
    expected = tuple(record for record in existing if record.name != name)
    return _first_right([lambda: _removed(text, format, name)], format, expected)


def change(target: MutableMapping[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    """Change in `target` what differs between `before` and `after`; what is the same in both stays as written."""
    for key in [*before, *(key for key in after if key not in before)]:
        if before.get(key) == after.get(key):
            continue
        if key not in after:
            target.pop(key, None)
        elif isinstance(after[key], dict) and isinstance(target.get(key), MutableMapping):
            change(target[key], before.get(key, {}), after[key])
        else:
            target[key] = after[key]


def _is_blank(text: str, document_format: Format) -> bool:
    """True for a document that holds nothing yet: no text, or comments only."""
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    comments = () if document_format is Format.JSON else ("#",)
    return all(not line or line.startswith(comments) for line in lines)


def _first_right(attempts: list[Any], document_format: Format, expected: tuple[Record, ...]) -> str:
    """The first result that reads back as `expected`."""
    for attempt in attempts:
        try:
            result: str = attempt()
            if read(result, format=document_format) == expected:
                return result
        except (CannotEdit, DocumentFault):
            continue
    raise RecordFault(
        "this document is written in a form that cannot be changed by a program without loss.",
        hint="Change it in an editor, and run `authrecord list` to have it checked.",
    )


def _added(text: str, document_format: Format, new: dict[str, Any], has_records: bool) -> str:
    if document_format is Format.YAML:
        from . import edit_yaml

        return edit_yaml.added(text, new, has_records)
    if not text.strip():
        return emit({"records": [new]}, document_format)
    from . import edit_data

    return edit_data.added(text, document_format, new)


def _changed(text: str, document_format: Format, before: dict[str, Any], new: dict[str, Any]) -> str:
    if document_format is Format.YAML:
        from . import edit_yaml

        return edit_yaml.changed(text, before, new)
    from . import edit_data

    return edit_data.edited(text, document_format, new["name"], lambda target: change(target, before, new))


def _replaced(text: str, document_format: Format, new: dict[str, Any]) -> str:
    if document_format is Format.YAML:
        from . import edit_yaml

        return edit_yaml.replaced(text, new)
    from . import edit_data

    def put(target: MutableMapping[str, Any]) -> None:
        for key in list(target):
            del target[key]
        target.update(new)

    return edit_data.edited(text, document_format, new["name"], put)


def _removed(text: str, document_format: Format, name: str) -> str:
    if document_format is Format.YAML:
        from . import edit_yaml

        return edit_yaml.removed(text, name)
    from . import edit_data

    return edit_data.removed(text, document_format, name)
