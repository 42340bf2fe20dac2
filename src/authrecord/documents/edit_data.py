"""Changes in JSON and TOML documents: through their data, written again in the document's own layout."""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from typing import Any

from .formats import Format
from .tree import CannotEdit


def added(text: str, document_format: Format, new: dict[str, Any]) -> str:
    """The document with the record `new` after the last one."""
    data = _loaded(text, document_format)
    if isinstance(data, list):
        data.append(new)
    elif "records" in data:
        _append(data["records"], new)
    elif not data:
        _begin(data, document_format, new)
    else:
        raise CannotEdit
    return _dumped(data, text, document_format)


def edited(
    text: str, document_format: Format, name: str, edit: Callable[[MutableMapping[str, Any]], None]
) -> str:
    """The document after `edit` has changed the record `name` in place."""
    data = _loaded(text, document_format)
    edit(next(record for record in _records(data) if record["name"] == name))
    return _dumped(data, text, document_format)


def removed(text: str, document_format: Format, name: str) -> str:
    """The document without the record `name`."""
    data = _loaded(text, document_format)
    records = _records(data)
    index = next(index for index, record in enumerate(records) if record["name"] == name)
    if records is not data and "records" not in data:
        return '{"records": []}\n' if document_format is Format.JSON else "records = []\n"
    del records[index]
    if not records and not isinstance(data, list):
        data["records"] = []
    return _dumped(data, text, document_format)


def _records(data: Any) -> Any:
    """The list of records in any of the three shapes."""
    if isinstance(data, list):
        return data
    return data.get("records", [data])


def _append(records: Any, new: dict[str, Any]) -> None:
    from tomlkit.items import AoT

    if isinstance(records, AoT):
        import tomlkit

        records.append(tomlkit.item(new))
    else:
        records.append(new)


def _begin(data: Any, document_format: Format, new: dict[str, Any]) -> None:
    """Put the first record into a document that holds none."""
    if document_format is Format.JSON:
        data["records"] = [new]
        return
    import tomlkit

    tables = tomlkit.aot()
    tables.append(tomlkit.item(new))
    data["records"] = tables


def _loaded(text: str, document_format: Format) -> Any:
    if document_format is Format.JSON:
        import json

        return json.loads(text.removeprefix("\ufeff"))
    import tomlkit

    return tomlkit.parse(text.removeprefix("\ufeff"))


def _dumped(data: Any, text: str, document_format: Format) -> str:
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    if document_format is Format.TOML:
        import tomlkit

        return mark + tomlkit.dumps(data)
    import json

    end = "\n" if text.endswith("\n") else ""
    return mark + json.dumps(data, indent=_indentation(text), ensure_ascii=False) + end


def _indentation(text: str) -> str | int | None:
    """The white space before the first indented line; `None` for a document on one line."""
    match = re.search(r"^[ \t]+", text, re.MULTILINE)
    if match:
        return match.group()
    return None if "\n" not in text.strip() else 0
