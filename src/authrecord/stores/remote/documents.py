"""Records on their way between a server and here. A secret goes in and never comes out: a reference stands for it.

The reference `${server:auth.credentials.client_secret}` is of a kind of its own, which no document may hold and
nobody resolves. A reference that stands in the server's record, such as `${env:NAME}`, is not resolved here either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from ...core.errors import DocumentFault, Fault, StoreFault
from ...core.secret import Reference, Secret
from ...documents import records_from
from ...documents.plain import mapping_of
from ...keeper.ports import Page, StoredRecord, Summary
from ...record import Record

KIND: Final = "server"
"""The kind of a reference to a secret that the server has."""

_STEP: Final = re.compile(r"([a-z_]+)|\[(\d{1,3})\]")


def stored_from(data: Mapping[str, Any], origin: str) -> StoredRecord:
    """The record in an answer of the server at `origin`.

    Raises `DocumentFault` for a record that is none here, `StoreFault` (code `not_authrecord`) for another answer.
    """
    try:
        document = _copied(data["record"])
        for path in data["secrets_set"]:
            _put(document, path)
        (record,) = records_from(document, source=f"the record of {origin}")
        if not record.allowed_origins:
            raise DocumentFault((Fault("allowed_origins", "is empty."),), source=f"the record of {origin}")
        return StoredRecord(
            identity=str(data["identity"]),
            revision=int(data["revision"]),
            record=record,
            created_at=float(data["created_at"]),
            created_by=str(data["created_by"]),
            updated_at=float(data["updated_at"]),
            updated_by=str(data["updated_by"]),
        )
    except (KeyError, IndexError, TypeError, ValueError):
        pass  # of an answer in another shape: the error below says all that may be said of it
    raise _unlike(origin)


def page_from(data: Mapping[str, Any], origin: str) -> Page:
    """A page of the list in an answer of the server at `origin`. Raises `StoreFault`."""
    try:
        return Page(tuple(_line(one) for one in data["records"]), str(data["next"]))
    except (KeyError, TypeError, ValueError):
        pass  # as above
    raise _unlike(origin)


def document_of(record: Record) -> dict[str, Any]:
    """`record` as the server reads it, secrets in the clear. One that the server has is left out, and so stays."""
    found = _written(mapping_of(record))
    assert isinstance(found, dict)  # noqa: S101 - a record is a group; states it for the type
    return found


def is_at_server(value: object) -> bool:
    """True for what stands for a secret that the server has."""
    return isinstance(value, Reference) and value.kind == KIND


def _written(value: object) -> object:
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items() if not is_at_server(item)}
    if isinstance(value, list):
        return [_written(item) for item in value]
    if isinstance(value, Secret):
        return value.reveal()
    return str(value) if isinstance(value, Reference) else value


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _put(document: Any, path: str) -> None:
    """Put a reference at `path`, such as `auth.token_exchange.parameters[0].value`; groups on the way are made."""
    steps: list[str | int] = [word or int(number) for word, number in _STEP.findall(path)]
    for step, after in pairwise(steps):
        if isinstance(document, dict) and step not in document and isinstance(after, str):
            document[step] = {}
        document = document[step]
    document[steps[-1]] = Reference(KIND, path)


def _line(one: Mapping[str, Any]) -> Summary:
    return Summary(
        identity=str(one["identity"]),
        name=str(one["name"]),
        revision=int(one["revision"]),
        auth_type=str(one["auth_type"]),
        grant=str(one["grant"]),
        origins=tuple(str(text) for text in one["origins"]),
        tags=tuple(str(text) for text in one["tags"]),
        description=str(one["description"]),
        state=str(one["state"]),
        reason=str(one["reason"]),
        live_until=_moment(one["live_until"]),
        used_at=_moment(one["used_at"]),
        updated_at=float(one["updated_at"]),
    )


def _moment(value: object) -> float | None:
    return None if value is None else float(str(value))


def _unlike(origin: str) -> StoreFault:
    return StoreFault(
        f"{origin} answers in a shape that is not known here.",
        hint="Is the server much older or newer than this program?",
        code="not_authrecord",
    )
