"""`authrecord keep`: what is due is renewed, once, and a signal lets what was begun come to its end."""

from __future__ import annotations

import signal
import sqlite3
import time

import pytest

from tests.cli.desk import Shop


def make_due(shop: Shop) -> None:
    """As if most of the token's life were over."""
    with sqlite3.connect(shop.desk.cache) as connection:
        connection.execute("UPDATE records SET renew_at = 1, keep_until = 0")
    connection.close()


@pytest.fixture
def stored(shop: Shop) -> Shop:
    """The record in the store, with a live token."""
    assert shop.desk.run("import", "authrecord.yaml").code == 0
    (shop.desk.folder / "authrecord.yaml").unlink()
    token = shop.desk.spawn("token", "orders").out
    shop.canary.allow(token.strip(), sink="stdout")
    return shop


def test_what_is_due_is_renewed_once_although_it_still_lives(stored: Shop) -> None:
    before = stored.server.counters.token_requests
    assert stored.desk.run("keep", "--once", "--json").data == {"renewed": 0, "failed": 0}
    make_due(stored)
    ended = stored.desk.run("keep", "--once", "--json")
    assert ended.data == {"renewed": 1, "failed": 0}, ended.err
    assert stored.server.counters.token_requests == before + 1
    assert stored.desk.run("keep", "--once", "--json").data == {"renewed": 0, "failed": 0}
    told = stored.desk.run("audit", "list", "--json").out
    assert "keep:" in told


def test_a_record_that_cannot_be_renewed_stops_nobody(stored: Shop) -> None:
    make_due(stored)
    stored.desk.unset("ORDERS_SECRET")
    ended = stored.desk.run("keep", "--once", "--json")
    assert ended.data == {"renewed": 0, "failed": 1}


def test_K12_a_signal_ends_it_after_what_was_begun(stored: Shop) -> None:
    process = stored.desk.start("keep", "--json")
    make_due(stored)
    before = stored.server.counters.token_requests
    give_up = time.monotonic() + 60
    while stored.server.counters.token_requests == before and time.monotonic() < give_up:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b'"renewed": 1' in out
    state = stored.desk.run("list", "--json").data["records"][0]["state"]
    assert state == "live"
