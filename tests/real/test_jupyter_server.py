"""Jupyter Server: an API that takes a prefix of its own in `Authorization`, and a token in the query."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from authrecord.core.replay import Reason
from tests.canary_watch import Canary
from tests.real.callers import LIBRARIES, get
from tests.real.conftest import Open
from tests.real.jupyter_site import JupyterServer


def bearer(server: JupyterServer, prefix: str = "token") -> dict[str, Any]:
    auth = {"type": "bearer", "prefix": prefix, "token": "${env:JUPYTER_TOKEN}"}
    return {"name": "notebook", "allowed_origins": [server.server.origin], "auth": auth}


def key_in_query(server: JupyterServer) -> dict[str, Any]:
    return api_key(server, key="token", value="${env:JUPYTER_TOKEN}", send_in="query")


def key_in_header(server: JupyterServer) -> dict[str, Any]:
    """An API key that is a whole header: the prefix is part of its value."""
    return api_key(server, key="Authorization", value="${env:JUPYTER_HEADER}", send_in="header")


def api_key(server: JupyterServer, **fields: str) -> dict[str, Any]:
    auth = {"type": "api_key", **fields}
    return {"name": "notebook", "allowed_origins": [server.server.origin], "auth": auth}


def secrets_for(token: str) -> dict[str, str]:
    """What the records' references stand for."""
    return {"JUPYTER_TOKEN": token, "JUPYTER_HEADER": f"token {token}"}


RECORDS = pytest.mark.parametrize("record", [bearer, key_in_query, key_in_header])


def test_the_server_refuses_a_request_without_a_token(jupyter_server: JupyterServer) -> None:
    assert httpx2.get(jupyter_server.contents, trust_env=False).status_code == 403


@RECORDS
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_token_is_accepted_after_its_prefix_and_in_the_query(
    jupyter_server: JupyterServer, open_records: Open, canary: Canary, library: str, record: Any
) -> None:
    records = open_records([record(jupyter_server)], secrets_for(jupyter_server.token))
    got = get(library, lambda client: records.attach(client, "notebook"), jupyter_server.status)
    assert got.status == 200
    assert "started" in got.data
    canary.scan(got.printable, "what the caller can print")


@RECORDS
def test_a_query_of_the_request_stays_beside_the_token(
    jupyter_server: JupyterServer, open_records: Open, record: Any
) -> None:
    records = open_records([record(jupyter_server)], secrets_for(jupyter_server.token))
    got = get(
        "httpx2", lambda client: records.attach(client, "notebook"), jupyter_server.contents, {"content": "0"}
    )
    assert (got.status, got.data["type"], got.data["content"]) == (200, "directory", None)


@RECORDS
@pytest.mark.parametrize("library", LIBRARIES)
def test_F1_a_wrong_token_is_refused_and_the_exception_of_the_status_does_not_hold_it(
    jupyter_server: JupyterServer, open_records: Open, canary: Canary, library: str, record: Any
) -> None:
    records = open_records([record(jupyter_server)], secrets_for(canary("wrong_jupyter_token")))
    got = get(library, lambda client: records.attach(client, "notebook"), jupyter_server.contents)
    assert (got.status, got.data["message"]) == (403, "Forbidden")
    assert "Traceback" in got.printable
    assert got.outcome is not None
    assert (got.outcome.reason, got.outcome.replays) == (Reason.AUTHENTICATED, 0)
    canary.scan(got.printable, "what the caller can print")


def test_the_prefix_decides_another_prefix_is_refused(
    jupyter_server: JupyterServer, open_records: Open
) -> None:
    """Jupyter knows `token` and `Bearer`; that a wrong prefix fails shows that ours is what is sent."""
    records = open_records([bearer(jupyter_server, "key")], secrets_for(jupyter_server.token))
    got = get("httpx2", lambda client: records.attach(client, "notebook"), jupyter_server.contents)
    assert got.status == 403
