"""A record as the store holds it: a readable text without its secrets, and the secrets, each by its path.

The text is JSON in the shape of a document. Where a secret was stands `{"sealed": PATH}`, which no document can
say; a reference stands as the text that it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...core.errors import DocumentFault, RecordFault
from ...core.secret import Reference, Secret
from ...documents import records_from
from ...documents.plain import mapping_of
from ...record import OAuth2, Record

_SEALED: Final = "sealed"


@dataclass(frozen=True, slots=True)
class Config:
    """`text`: the JSON, keys sorted. `secrets`: by path, such as `auth.credentials.client_secret`."""

    text: str
    secrets: Mapping[str, Secret] = field(repr=False)


def taken_apart(record: Record) -> Config:
    """The record's text and its secrets."""
    secrets: dict[str, Secret] = {}
    data = _without_secrets(mapping_of(record), (), secrets)
    return Config(json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False), secrets)


def put_together(text: str, secrets: Mapping[str, Secret], name: str) -> Record:
    """The record of a text and its secrets, under the name of its row.

    Raises `RecordFault` (code `unreadable_record`) when this program cannot read it: a newer one wrote it.
    """
    try:
        data = _with_secrets(json.loads(text), secrets)
        data["name"] = name
        return records_from(data)[0]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        found = type(error).__name__
    except DocumentFault as fault:
        found = "; ".join(f"{one.path} {one.message}" for one in fault.faults)
    raise RecordFault(
        f"the stored record {name!r} cannot be read by this authrecord: {found}.",
        hint="Use the version that wrote it.",
        code="unreadable_record",
    )


def grant_of(record: Record) -> str:
    """The grant type; empty for a record that obtains no token."""
    return record.auth.grant if isinstance(record.auth, OAuth2) else ""


def changed_fields(before: Config, after: Config) -> tuple[str, ...]:
    """The paths of fields that differ, in order; of secrets too. Never a value."""
    one, other = dict(_leaves(json.loads(before.text), "")), dict(_leaves(json.loads(after.text), ""))
    plain = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    sealed = {
        path
        for path in before.secrets.keys() | after.secrets.keys()
        if path not in before.secrets
        or path not in after.secrets
        or before.secrets[path] != after.secrets[path]
    }
    return tuple(sorted(plain | sealed))


def _without_secrets(value: Any, path: tuple[str, ...], secrets: dict[str, Secret]) -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(item, (*path, key), secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item, (*path, str(number)), secrets) for number, item in enumerate(value)]
    if isinstance(value, Secret):
        secrets[".".join(path)] = value
        return {_SEALED: ".".join(path)}
    return str(value) if isinstance(value, Reference) else value


def _with_secrets(value: Any, secrets: Mapping[str, Secret]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_SEALED}:
            return secrets[value[_SEALED]]
        return {key: _with_secrets(item, secrets) for key, item in value.items()}
    return [_with_secrets(item, secrets) for item in value] if isinstance(value, list) else value


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    """Everything in plain data that is no group, with its path."""
    if isinstance(value, dict) and value.keys() != {_SEALED}:
        return [
            leaf for key, item in value.items() for leaf in _leaves(item, f"{path}.{key}" if path else key)
        ]
    return [(path, value)]
