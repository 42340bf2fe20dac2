"""Plain data of right documents, and what is wrong with a changed one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from authrecord.core.errors import DocumentFault, Fault
from authrecord.documents import records_from
from authrecord.record import Record

GRANTS = ("authorization_code", "implicit", "password", "client_credentials")

_AUTHORIZATION = {"url": "https://id.example.com/authorize", "callback_url": "http://127.0.0.1:8765/callback"}
_EXCHANGE = {"url": "https://id.example.com/token"}
_GROUPS: dict[str, dict[str, Any]] = {
    "authorization_code": {
        "authorization": _AUTHORIZATION,
        "credentials": {"client_id": "scanner", "client_secret": "${env:ORDERS_SECRET}"},
        "token_exchange": _EXCHANGE,
    },
    "implicit": {"authorization": _AUTHORIZATION, "credentials": {"client_id": "scanner"}},
    "password": {
        "credentials": {"client_id": "scanner", "username": "ann", "password": "${env:ANNS_PASSWORD}"},
        "token_exchange": _EXCHANGE,
    },
    "client_credentials": {
        "credentials": {"client_id": "scanner", "client_secret": "${env:ORDERS_SECRET}"},
        "token_exchange": _EXCHANGE,
    },
}


def bearer(**auth: Any) -> dict[str, Any]:
    """A Bearer Token record."""
    return {"name": "orders", "auth": {"type": "bearer", "token": "${env:TOKEN}", **auth}}


def api_key(**auth: Any) -> dict[str, Any]:
    """An API Key record."""
    return {"name": "orders", "auth": {"type": "api_key", "key": "X-Api-Key", "value": "${env:KEY}", **auth}}


def oauth2(grant: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """An OAuth 2.0 record; `changes` maps paths below `auth` (`credentials.client_id`) to values, `...` removes."""
    auth: dict[str, Any] = {"type": "oauth2", "grant": grant, **copy.deepcopy(_GROUPS[grant])}
    for path, value in (changes or {}).items():
        *groups, key = path.split(".")
        place = auth
        for group in groups:
            place = place.setdefault(group, {})
        if value is ...:
            place.pop(key, None)
        else:
            place[key] = value
    return {"name": "orders", "auth": auth}


def record(data: dict[str, Any]) -> Record:
    """The one record of plain data."""
    (only,) = records_from(data)
    return only


def faults_of(data: Any) -> tuple[Fault, ...]:
    """The faults for which plain data is refused; fails when it is accepted."""
    with pytest.raises(DocumentFault) as refused:
        records_from(data)
    return refused.value.faults


def paths_of(data: Any) -> list[str]:
    """The paths of the faults."""
    return [fault.path for fault in faults_of(data)]
