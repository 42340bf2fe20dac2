"""Metrics of a command that runs on: what happens in its process, and what its store's tables say."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing

import pytest

from authrecord.cli.watching import FRESH_SECONDS, metrics_of, serve_metrics
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.ports import TokenKey
from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.restored import mark_restored
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import initialise
from authrecord.stores.sql.vault import Vault
from tests.canary_watch import Canary
from tests.stores.sql.tiny import TinyBackend


@pytest.fixture
def store() -> Iterator[SqlStore]:
    backend = TinyBackend()
    vault = Vault(LocalKek(SealingKey(os.urandom(32)), "env:KEY", os.urandom), os.urandom)
    initialise(backend, vault)
    with closing(SqlStore(backend, vault, actor="keep:host")) as one:
        yield one


def settle(store: SqlStore, name: str, canary: Canary) -> None:
    claim = store.claim(TokenKey(name, "a" * 64), seconds=30, patience=0)
    assert store.settle(claim, Token(access_token=Secret(canary("token")), obtained_at=1.0)) is not None


def text_at(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_P1_the_metrics_of_a_store_count_and_hold_no_secret(store: SqlStore, canary: Canary) -> None:
    settle(store, "orders", canary)
    metrics = metrics_of(store, time.monotonic)
    metrics.renewed("ok", 0.1)
    with closing(serve_metrics("127.0.0.1:0", metrics, store)) as server:
        status, text = text_at(server.url)
    assert status == 200
    assert 'authrecord_refresh_total{outcome="ok",tenant="default"} 1.0' in text
    assert 'authrecord_audit_rows{tenant="default"} 1.0' in text
    assert 'authrecord_key_version_rows{tenant="default",version="1"} 1.0' in text
    assert "orders" not in text
    canary.scan(text, "metrics")


def test_the_tables_are_counted_now_and_then_however_many_ask(store: SqlStore, canary: Canary) -> None:
    now = [100.0]
    metrics = metrics_of(store, lambda: now[0])
    settle(store, "orders", canary)
    assert b'authrecord_audit_rows{tenant="default"} 1.0' in metrics.text()
    settle(store, "billing", canary)
    assert b'authrecord_audit_rows{tenant="default"} 1.0' in metrics.text()
    now[0] += FRESH_SECONDS
    assert b'authrecord_audit_rows{tenant="default"} 2.0' in metrics.text()


def test_readiness_is_the_store_s(store: SqlStore) -> None:
    with closing(serve_metrics("127.0.0.1:0", metrics_of(store, time.monotonic), store)) as server:
        ready = server.url.replace("/metrics", "/readyz")
        assert text_at(ready) == (200, "ok\n")
        with store.backend.writing() as transaction:
            mark_restored(transaction, 1_800_000_000.0)
        assert text_at(ready) == (503, "restored\n")
