"""A record as plain data, in the shape of a document; defaults are left out, secrets stay sealed."""

from __future__ import annotations

from typing import Any

from ..core.fields import Field, Kind
from ..record import Record
from .descriptions import described


def mapping_of(record: Record) -> dict[str, Any]:
    """`record` as nested dictionaries and lists. Secrets and references are still `Secret` and `Reference`."""
    data = group_of(record, skip=("auth",))
    data["auth"] = {"type": record.auth.type, **group_of(record.auth)}
    return data


def group_of(group: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """One group's keys that differ from their defaults, in the order of the description."""
    data: dict[str, Any] = {}
    for field in described(type(group)):
        if field.key in skip:
            continue
        value = getattr(group, field.key)
        if field.required or not _is_default(field, value):
            data[field.key] = _plain(field, value)
    return data


def _is_default(field: Field, value: object) -> bool:
    return type(value) is type(field.default) and value == field.default


def _plain(field: Field, value: Any) -> Any:
    if field.kind is Kind.PARAMETERS:
        skip = ("send_in",) if len(field.places) == 1 else ()
        return [group_of(parameter, skip=skip) for parameter in value]
    if isinstance(value, (tuple, list)):
        return list(value)
    return group_of(value) if field.group_class is not None else value
