"""Records in and out of the API: without their secrets out, with those that stay in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.errors import RecordFault
from ...core.secret import Reference, Secret
from ...documents.plain import mapping_of
from ...keeper.ports import StoredRecord, Summary
from ...record import OAuth2, Record
from ..submitted import Submitted
from .shapes import RecordLine, StoredRecordAnswer


def shown(stored: StoredRecord) -> StoredRecordAnswer:
    """A record as the API shows it."""
    left_out: list[str] = []
    record = _without_secrets(mapping_of(stored.record), "", left_out)
    return StoredRecordAnswer(
        identity=stored.identity,
        revision=stored.revision,
        created_at=stored.created_at,
        created_by=stored.created_by,
        updated_at=stored.updated_at,
        updated_by=stored.updated_by,
        secrets_set=left_out,
        record=record,
    )


def line(one: Summary) -> RecordLine:
    """A line of the list."""
    return RecordLine(
        name=one.name,
        identity=one.identity,
        revision=one.revision,
        auth_type=one.auth_type,
        grant=one.grant,
        origins=list(one.origins),
        tags=list(one.tags),
        description=one.description,
        state=one.state,
        reason=one.reason,
        live_until=one.live_until,
        used_at=one.used_at,
        updated_at=one.updated_at,
    )


def etag(stored: StoredRecord) -> str:
    """The entity tag of a record: it changes with each revision."""
    return f'"{stored.identity}.{stored.revision}"'


def revision_of(header: str, stored: StoredRecord) -> int:
    """The revision that `If-Match` names. Raises `RecordFault`: `no_revision` without one, `stale` for another."""
    if not header:
        raise RecordFault(
            "the request does not say which revision it changes.",
            field="If-Match",
            hint="Send the record's ETag as If-Match.",
            code="no_revision",
        )
    if header.strip() != etag(stored):
        raise RecordFault(
            "the record has changed meanwhile.", field="If-Match", hint="Read it again.", code="stale"
        )
    return stored.revision


def given(data: Any, stored: Record | None) -> Submitted:
    """A document as `editing.accepted` takes it. A secret field that is left out stays; `null` clears it."""
    if not isinstance(data, Mapping):
        raise RecordFault("the body is not a record.", code="bad_json")
    if "records" in data:
        raise RecordFault("the body holds several records.", hint="Send one record.", code="bad_json")
    kept: list[str] = []
    merged = _with_kept(data, {} if stored is None else _kept_from(stored, data), "", kept)
    return Submitted(merged, tuple(kept))


def _kept_from(stored: Record, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of the stored record may stay: nothing where the kind of authentication is another one now."""
    auth = data.get("auth")
    old = stored.auth
    if not isinstance(auth, Mapping) or auth.get("type") != old.type:
        return {}
    if isinstance(old, OAuth2) and auth.get("grant") != old.grant:
        return {}
    return mapping_of(stored)


def _with_kept(
    data: Mapping[str, Any], stored: Mapping[str, Any], path: str, kept: list[str]
) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key, value in data.items():
        here = f"{path}.{key}" if path else str(key)
        old = stored.get(key)
        if isinstance(value, Mapping):
            merged[key] = _with_kept(value, old if isinstance(old, Mapping) else {}, here, kept)
        elif isinstance(value, list):
            merged[key] = _lines(value, old if isinstance(old, list) else [], here, kept)
        elif value is None and isinstance(old, Secret):
            continue
        else:
            merged[key] = value
    for key, old in stored.items():
        if key not in data and isinstance(old, Secret):
            merged[key] = old
            kept.append(f"{path}.{key}" if path else str(key))
        elif key not in data and isinstance(old, Mapping) and _holds_secret(old):
            merged[key] = _with_kept({}, old, f"{path}.{key}" if path else str(key), kept)
    return merged


def _holds_secret(group: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Secret) for value in group.values())


def _lines(lines: list[Any], stored: list[Any], path: str, kept: list[str]) -> list[Any]:
    """A list of parameters: a sensitive one without a value keeps that of the same key."""
    secrets = {
        one.get("key"): one["value"]
        for one in stored
        if isinstance(one, Mapping) and isinstance(one.get("value"), Secret)
    }
    merged: list[Any] = []
    for number, one in enumerate(lines):
        if (
            isinstance(one, Mapping)
            and "value" not in one
            and one.get("sensitive") is True
            and one.get("key") in secrets
        ):
            kept.append(f"{path}[{number}].value")
            merged.append({**one, "value": secrets[one.get("key")]})
        else:
            merged.append(dict(one) if isinstance(one, Mapping) else one)
    return merged


def _without_secrets(value: Any, path: str, left_out: list[str]) -> Any:
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, item in value.items():
            here = f"{path}.{key}" if path else str(key)
            if isinstance(item, Secret):
                left_out.append(here)
            else:
                found[key] = _without_secrets(item, here, left_out)
        return found
    if isinstance(value, list):
        return [_without_secrets(item, f"{path}[{number}]", left_out) for number, item in enumerate(value)]
    return str(value) if isinstance(value, Reference) else value
