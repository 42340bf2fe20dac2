"""P21: whoever traces the statements of the store's database reads ciphertext."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from authrecord.stores.sealing import SealingKey
from tests.canary_watch import Canary

from .contract import ORDERS, full_token
from .opening import open_sqlite


def test_P21_statements_with_their_values_hold_ciphertext_only(
    cache: Path, key: SealingKey, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own trace expands every bound value into the statement's text, as `echo` of other layers does."""
    statements: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    store = open_sqlite(cache, key, time)
    token = full_token(canary)
    store.settle(store.claim(ORDERS, seconds=30, patience=0), token)
    found = store.load(ORDERS)
    assert found is not None
    assert found.is_same(token)
    store.forget(ORDERS)
    store.close()
    text = "\n".join(statements)
    assert "INSERT" in text.upper()
    # Blobs are written as hexadecimal digits: the canary's scan knows that form, and three more.
    canary.scan(text, "the statements of the database")
    access = token.access_token.reveal()
    assert access not in text
    assert access.encode().hex().upper() not in text.upper()
    assert any(len(word) > 100 for word in text.split("'"))
