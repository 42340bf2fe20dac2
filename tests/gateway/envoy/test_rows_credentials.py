"""Rows about a credential's place, and the client's own in it, at the Envoy engine, by raw sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

import pytest

from authrecord.core.origin import allowed_origins
from authrecord.core.secret import Secret
from authrecord.gateway.rules import OwnCredential, Rule
from authrecord.record import Record
from authrecord.schemes.api_key import ApiKey
from authrecord.schemes.bearer import Bearer
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.gateway.conftest import authorization, token_of
from tests.gateway.envoy.stage import Make, client_record
from tests.gateway.stage import Upstream

MakeUpstream = Callable[..., Upstream]
MakeRecord = Callable[..., Record]


def key_record(
    canary: Canary,
    url: str,
    place: str = "header",
    *,
    alphabet: Literal["plain", "hard"] = "plain",
    key: str = "X-API-Key",
) -> Record:
    """A record with a static key."""
    value = Secret(canary("api key", alphabet=alphabet))
    return Record(name="key", allowed_origins=(url,), auth=ApiKey(key=key, value=value, send_in=place))


def value_of(record: Record) -> str:
    """The key of such a record."""
    assert isinstance(record.auth, ApiKey)
    assert isinstance(record.auth.value, Secret)
    return record.auth.value.reveal()


def test_O1_E14_the_clients_own_credential_is_replaced_under_every_spelling(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord, canary: Canary
) -> None:
    api = upstream()
    record, key = bearer(api.url), key_record(canary, api.url)
    through = envoy(api.url, record, key)
    for sent in (
        ("Authorization: Bearer own", "X-API-Key: own"),
        ("authorization: own", "X_API_KEY: own"),
        ("AUTHORIZATION: a", "Authorization: b", "x-api_key: own", "x_api-key: own"),
        ("Authorization:", "x-api-key: own", "X-Api-Key: own"),
    ):
        assert through.get("/", *sent).status == 200
        assert authorization(api.taken[-1]) == [token_of(record)]
        lines = [
            line for line in api.taken[-1].lines if line.lower().replace(b"_", b"-").startswith(b"x-api-key")
        ]
        assert [line.lower().partition(b":")[0] for line in lines] == [b"x-api-key"]
        assert api.taken[-1].values("x-api-key") == [value_of(key)]


def test_O1_the_clients_own_credential_is_replaced_where_answers_are_looked_at(
    upstream: MakeUpstream, envoy: Make, provider: HonestServer, canary: Canary
) -> None:
    """A token that is renewed goes on by another filter than a static one, before the route takes spellings off."""
    api = upstream()
    record = client_record(
        provider, api.url, pattern="expired", header_name="X-Access-Token", header_prefix=""
    )
    key = key_record(canary, api.url)
    through = envoy(api.url, record, key)
    tokens = set()
    for sent in (
        (),
        ("X-Access-Token: own", "X-API-Key: own"),
        ("x-access-token: own", "X-Access-Token: own", "X_ACCESS_TOKEN: own", "x-api-key: a", "X-Api-Key: b"),
        ("X-Access_Token: own", "x_api_key: own", "X-API-Key:"),
    ):
        assert through.get("/", *sent).status == 200
        lines = api.taken[-1].lines
        (token,), (value,) = (
            [line.partition(b":")[2].strip() for line in lines if spelled(line) == name]
            for name in (b"x-access-token", b"x-api-key")
        )
        assert value == value_of(key).encode()
        tokens.add(token)
    assert len(tokens) == 1
    assert tokens != {b"own"}


def test_records_in_a_header_and_in_the_query_share_a_gateway(
    upstream: MakeUpstream, envoy: Make, provider: HonestServer
) -> None:
    """A path's own way does not ask for the credential of another's."""
    api = upstream()
    header = client_record(provider, api.url, pattern="expired")
    query = client_record(provider, api.url, pattern="expired", name="query", add_to="query", query_name="t")
    rules = [
        Rule(records=(name,), origins=allowed_origins([api.url]), path=f"/{name}")
        for name in ("orders", "query")
    ]
    through = envoy(api.url, header, query, rules=rules)
    assert [through.get(path).status for path in ("/orders", "/query", "/orders?t=mine")] == [200] * 3
    in_header, in_query, again = api.taken
    assert in_header.line == b"GET /orders HTTP/1.1"
    assert authorization(in_header)[0].startswith("Bearer ")
    assert in_query.line.startswith(b"GET /query?t=")
    assert authorization(in_query) == []
    assert again.line == b"GET /orders?t=mine HTTP/1.1"
    assert authorization(again) == authorization(in_header)


def spelled(line: bytes) -> bytes:
    """The name of a header as a lax server reads it."""
    return line.partition(b":")[0].lower().replace(b"_", b"-")


def test_O1_a_credential_in_the_query_takes_the_place_of_the_clients(
    upstream: MakeUpstream, envoy: Make, canary: Canary
) -> None:
    api = upstream()
    record = key_record(canary, api.url, "query", alphabet="hard", key="k")
    through = envoy(api.url, record)
    ours = f"k={quote(value_of(record), safe='')}"
    for sent, arrived in (
        ("/x?a=%26&k=own&&b=%zz", f"/x?a=%26&&b=%zz&{ours}"),
        ("/x", f"/x?{ours}"),
        ("/x?", f"/x?{ours}"),
        ("/x?k=own", f"/x?{ours}"),
        ("/x?%6b=own&a", f"/x?a&{ours}"),
        ("/x?a&", f"/x?a&{ours}"),
        ("/p%20q/%2e%2e//x/../y;a=1?q=%27%00&z", f"/p%20q/%2e%2e//x/../y;a=1?q=%27%00&z&{ours}"),
    ):
        assert through.get(sent, "X-Envoy-Authrecord-Credential-1: k=forged").status == 200
        assert api.taken[-1].line == f"GET {arrived} HTTP/1.1".encode()
        assert api.taken[-1].values("x-envoy-authrecord-credential-1") == []


def test_O1_a_credential_in_a_cookie_takes_the_place_of_the_clients(
    upstream: MakeUpstream, envoy: Make, canary: Canary
) -> None:
    api = upstream()
    record = key_record(canary, api.url, "cookie", key="k")
    through = envoy(api.url, record)
    ours = f"k={value_of(record)}"
    for sent, arrived in (
        (("Cookie: a=1; k=own; kk=2",), f"a=1; kk=2; {ours}"),
        (("Cookie: k=own",), ours),
        ((), ours),
    ):
        assert through.get("/x?k=mine", *sent).status == 200
        assert api.taken[-1].values("cookie") == [arrived]
        assert api.taken[-1].line == b"GET /x?k=mine HTTP/1.1"


def test_the_rule_may_keep_or_refuse_the_clients_own_credential(
    upstream: MakeUpstream, envoy: Make, either_bearer: MakeRecord
) -> None:
    api = upstream()
    record = either_bearer(api.url)
    rules = [
        Rule(records=("orders",), origins=allowed_origins([api.url]), path=path, own_credential=own)
        for path, own in (("/keep", OwnCredential.KEEP), ("/refuse", OwnCredential.REFUSE))
    ]
    through = envoy(api.url, record, rules=rules)
    own = "Authorization: Bearer own"
    statuses = [through.get("/keep", own).status, through.get("/keep").status]
    statuses += [through.get("/refuse", own).status, through.get("/refuse").status]
    assert statuses == [200, 200, 403, 200]
    kept, (first,), (second,) = map(authorization, api.taken)
    assert kept == ["Bearer own"]
    assert first == second != "Bearer own"
    assert first.startswith("Bearer ")
    if isinstance(record.auth, Bearer):
        assert first == token_of(record)


@pytest.mark.parametrize("kind", ["renewable", "renewable, in the query", "static"])
def test_O20_a_request_whose_credential_cannot_be_had_is_not_sent(
    upstream: MakeUpstream, envoy: Make, provider: HonestServer, kind: str, canary: Canary
) -> None:
    from authrecord.core.secret import Reference

    api = upstream()
    if kind != "static":
        record = client_record(provider, api.url, add_to="query" if "query" in kind else "header")
        provider.stop()
    else:
        record = Record(
            name="orders", allowed_origins=(api.url,), auth=Bearer(token=Reference("env", "NOT_SET_ANYWHERE"))
        )
    told = envoy(api.url, record).get()
    assert told.status == 502
    assert told.values("x-authrecord-error") == ["no_credential"]
    assert json.loads(told.body)["code"] == "no_credential"
    assert api.taken == []
