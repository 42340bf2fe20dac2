"""The access log that Envoy writes: the lines of the embedded gateway, without a query."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from authrecord.core.origin import allowed_origins
from authrecord.core.secret import Secret
from authrecord.gateway.listening import Listen
from authrecord.gateway.rules import Rule, Rules
from authrecord.record import Record
from authrecord.schemes.api_key import ApiKey
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.gateway.envoy.stage import Make, request_for
from tests.gateway.envoy.test_engine import until
from tests.gateway.stage import Upstream

ANYWHERE = Listen("127.0.0.1", 0)


def lines_of(file: Path, count: int) -> list[dict[str, Any]]:
    """So many lines, once they stand there: Envoy writes each second."""
    until(lambda: file.read_text().count("\n") >= count)
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_F5_a_line_for_each_request_and_no_query_in_any(
    upstream: Callable[..., Upstream],
    envoy: Make,
    bearer: Callable[..., Record],
    canary: Canary,
    tmp_path: Path,
) -> None:
    """`canary` looks into the file: neither the caller's query nor the record's stands there."""
    api, file = upstream(), tmp_path / "access.log"
    key = canary("api key")
    records = [
        bearer(api.url),
        Record(
            name="key", allowed_origins=(api.url,), auth=ApiKey(key="k", value=Secret(key), send_in="query")
        ),
    ]
    rules = Rules(
        [
            Rule(records=("orders", "key"), origins=allowed_origins([api.url]), path="/both"),
            Rule(records=(), origins=allowed_origins([api.url]), path="/plain"),
        ]
    )
    through = envoy(api.url, *records, rules=rules, proxy=ANYWHERE, hosts=("x.example",), access_log=file)
    began = time.time()
    asked = canary("what a caller asks")
    assert through.get(f"/both/%20?q={asked}").status == 200
    assert through.ask(request_for("POST", "/plain", body=b"abc")).status == 200
    assert through.get("/nothing").status == 404
    assert through.ask(b"GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 407
    told, caller = through.tunnel(api.host)
    with caller:
        assert told.status == 200
        inner = f"GET /both?{asked} HTTP/1.1\r\nHost: {api.host}\r\n\r\n".encode()
        assert caller.ask(inner).status == 200
        lines = lines_of(file, 6)
    first, second, third, fourth, connect, inside = sorted(lines, key=lambda one: one["time"])
    assert began - 1 < first.pop("time") < time.time() + 1
    assert first.pop("milliseconds") >= 0
    assert first == {
        "peer": "127.0.0.1", "method": "GET", "path": "/both/%20", "status": 200, "origin": api.url,
        "records": ["orders", "key"], "bytes": 2, "outcome": "authenticated",
    }  # fmt: skip
    assert (second["method"], second["records"], second["outcome"]) == ("POST", [], "")
    for line, status, code in ((third, 404, "no_rule"), (fourth, 407, "unknown_caller")):
        assert (line["status"], line["code"], line["path"]) == (status, code, line["path"])
        assert set(line) == {"time", "peer", "method", "path", "status", "code"}
    del connect["time"]
    assert connect == {
        "peer": "127.0.0.1", "method": "CONNECT", "path": api.host, "status": 200, "opened": True,
    }  # fmt: skip
    assert (inside["peer"], inside["path"], inside["status"]) == ("127.0.0.1", "/both", 200)


def test_the_outcome_of_an_expired_answer_stands_in_the_log(
    envoy: Make, provider: HonestServer, provider_record: Callable[..., Record], tmp_path: Path
) -> None:
    file = tmp_path / "access.log"
    through = envoy(provider.url, provider_record(provider.url), access_log=file)
    assert through.get("/api/orders").status == 200
    provider.expire_all()
    assert through.get("/api/orders").status == 200
    lines = lines_of(file, 2)
    assert [line["outcome"] for line in lines] == ["authenticated", "renewed-and-replayed"]
