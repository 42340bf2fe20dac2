"""Exports hold records as they are, and tokens that are handed over: a refresh token never lives twice."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from authrecord.core.errors import AuthrecordError
from authrecord.core.secret import Reference, Secret
from authrecord.core.token import Token
from authrecord.documents import Format, read
from authrecord.keeper.naming import token_key
from authrecord.record import Record
from authrecord.stores.exporting import (
    Export,
    hand_over,
    read_export,
    take_in,
    tokens_of,
    written_export,
)
from authrecord.stores.sql.memory import MemoryBackend
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import initialise
from tests.canary_watch import Canary
from tests.stores.sql.keys import fresh_vault


def new_store() -> SqlStore:
    """The store of a machine of its own."""
    backend, vault = MemoryBackend("memory", time), fresh_vault()
    migrate(backend)
    initialise(backend, vault)
    return SqlStore(backend, vault, actor="cli:ada@machine")


def records(canary: Canary) -> tuple[Record, ...]:
    """One of each kind of secret: literal ones, hard to write, and a reference."""
    data = {
        "records": [
            {
                "name": "orders",
                "description": "Snow \N{SNOWMAN}",
                "allowed_origins": ["https://api.example.com"],
                "auth": {
                    "type": "oauth2",
                    "grant": "password",
                    "credentials": {
                        "client_id": "scanner",
                        "client_secret": canary("client secret", "hard"),
                        "username": "ada",
                        "password": "${env:PASSWORD}",
                    },
                    "token_exchange": {"url": "https://id.example.com/token"},
                },
            },
            {
                "name": "key",
                "allowed_origins": ["https://api.example.com"],
                "auth": {"type": "api_key", "key": "X-Key", "value": canary("key"), "send_in": "header"},
            },
        ]
    }
    return read(json.dumps(data), format=Format.JSON)


def token(canary: Canary, *, refresh: bool = True) -> Token:
    return Token(
        access_token=Secret(canary("access token")),
        obtained_at=time.time(),
        life=3600.0,
        refresh_token=Secret(canary("refresh token")) if refresh else None,
        issued_by="https://id.example.com/token",
    )


def put(store: SqlStore, record: Record, value: Token) -> None:
    claim = store.claim(token_key(record), seconds=45, patience=1)
    assert store.settle(claim, value) is not None


def test_records_and_tokens_survive(canary: Canary) -> None:
    some = records(canary)
    value = token(canary)
    export = Export(some, ((token_key(some[0]), value),))
    assert read_export(written_export(export)) == export
    assert isinstance(some[0].auth.credentials.password, Reference)  # type: ignore[union-attr]  # an OAuth record


def test_an_empty_export_is_one() -> None:
    assert read_export(written_export(Export(()))) == Export(())


def test_what_tokens_an_export_holds(canary: Canary) -> None:
    store, some = new_store(), records(canary)
    assert tokens_of(store, some) == ()
    put(store, some[0], token(canary))
    ((key, found),) = tokens_of(store, some)
    assert (key, found) == (token_key(some[0]), store.load(token_key(some[0])))


def test_I13_a_token_that_is_handed_over_renews_on_the_other_machine_only(canary: Canary) -> None:
    source, target, some = new_store(), new_store(), records(canary)
    key, value = token_key(some[0]), token(canary)
    put(source, some[0], value)
    export = read_export(written_export(Export(some, tokens_of(source, some))))
    ((_, exported),) = export.tokens
    assert hand_over(source, key, exported)
    left = source.load(key)
    assert left is not None
    assert left.is_same(value)  # it may be used until it ends
    assert left.refresh_token is None
    assert take_in(target, key, exported)
    arrived = target.load(key)
    assert arrived is not None
    assert (arrived.refresh_token, arrived.obtained_at) == (value.refresh_token, value.obtained_at)


def test_I13_a_token_that_was_renewed_since_its_export_is_not_handed_over(canary: Canary) -> None:
    """The exported one is stale: the source keeps the newer one, and the caller exports again."""
    store, some = new_store(), records(canary)
    key = token_key(some[0])
    put(store, some[0], token(canary))
    ((_, exported),) = tokens_of(store, some)
    newer = token(canary)
    put(store, some[0], newer)
    assert not hand_over(store, key, exported)
    left = store.load(key)
    assert left is not None
    assert left.refresh_token == newer.refresh_token
    claim = store.claim(key, seconds=45, patience=0)  # and nobody is kept waiting
    store.release(claim)


def test_handing_over_twice_is_no_fault(canary: Canary) -> None:
    store, some = new_store(), records(canary)
    put(store, some[0], token(canary))
    ((key, exported),) = tokens_of(store, some)
    assert hand_over(store, key, exported)
    assert hand_over(store, key, exported)
    assert hand_over(store, key, replace(exported, refresh_token=None))


def test_I13_an_import_does_not_put_a_token_over_one_that_renews(canary: Canary) -> None:
    store, some = new_store(), records(canary)
    key, own = token_key(some[0]), token(canary)
    put(store, some[0], own)
    assert not take_in(store, key, token(canary))
    left = store.load(key)
    assert left is not None
    assert left.is_same(own)


def test_a_token_of_a_record_that_is_not_in_the_export_is_dropped(canary: Canary) -> None:
    some = records(canary)
    export = Export(some[1:], ((token_key(some[0]), token(canary)),))
    assert read_export(written_export(export)).tokens == ()


@pytest.mark.parametrize(
    "plain",
    [b"", b"\xff", b"[]", b"{}",
     b'{"format": 2, "records": [], "tokens": []}', b'{"format": 1, "records": {}, "tokens": []}',
     b'{"format": 1, "records": [], "tokens": [{}]}', b'{"format": 1, "records": [], "tokens": null}',
     b'{"format": 1, "records": [], "tokens": [{"name": "a", "digest": "b", "binding": "c", "token": "AAAA"}]}']
)  # fmt: skip
def test_what_is_no_export_is_refused(plain: bytes) -> None:
    with pytest.raises(AuthrecordError) as caught:
        read_export(plain)
    assert caught.value.code == "export_format"


def test_a_record_that_is_wrong_in_an_export_is_named(canary: Canary) -> None:
    plain = json.loads(written_export(Export(records(canary))))
    plain["records"][0]["auth"]["token_exchange"]["url"] = "not a url"
    with pytest.raises(AuthrecordError) as caught:
        read_export(json.dumps(plain).encode())
    assert caught.value.code == "document"
