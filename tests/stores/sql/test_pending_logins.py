"""Logins that wait and wrong passwords, on each database."""

from __future__ import annotations

import pytest

from authrecord.stores.sql import pending_logins
from authrecord.stores.sql.failures import WINDOW_SECONDS, Failures
from authrecord.stores.sql.pending_logins import PendingLogins, WaitingRow
from authrecord.stores.sql.store import SqlStore
from tests.canary_watch import Canary
from tests.stores.contract import TurnedClock
from tests.stores.sql.conftest import OpenStore

TENANT = "default"


def row(canary: Canary, login: str = "a", session: str = "s1") -> WaitingRow:
    return WaitingRow(session, login, "record", canary("code verifier").encode())


def test_A13_a_login_is_found_by_every_server_and_taken_once(
    store: SqlStore, open_store: OpenStore, clock: TurnedClock, canary: Canary
) -> None:
    one = PendingLogins(store.backend, store.vault)
    elsewhere = open_store(clock)
    other = PendingLogins(elsewhere.backend, elsewhere.vault)
    kept = row(canary)
    one.keep(TENANT, kept, seconds=600)
    assert other.find(TENANT, "s1", "a") == kept
    assert other.find(TENANT, "s2", "a") is None
    assert other.find("another", "s1", "a") is None
    assert other.take(TENANT, "s1", "a") is True
    assert one.take(TENANT, "s1", "a") is False
    assert one.find(TENANT, "s1", "a") is None


def test_a_session_has_its_own_the_newest_first(store: SqlStore, clock: TurnedClock, canary: Canary) -> None:
    logins = PendingLogins(store.backend, store.vault)
    for login, session in (("a", "s1"), ("b", "s1"), ("c", "s10"), ("a", "s1")):
        logins.keep(TENANT, row(canary, login, session), seconds=600)
        clock.now += 1
    assert [one.login for one in logins.of_session(TENANT, "s1")] == ["a", "b"]


def test_A5_what_waits_too_long_is_gone(store: SqlStore, clock: TurnedClock, canary: Canary) -> None:
    logins = PendingLogins(store.backend, store.vault)
    logins.keep(TENANT, row(canary), seconds=600)
    clock.now += 601
    assert logins.find(TENANT, "s1", "a") is None
    assert logins.of_session(TENANT, "s1") == []
    logins.keep(TENANT, row(canary, "b"), seconds=600)
    with store.backend.reading() as transaction:
        assert len(transaction.rows("SELECT 1 FROM logins")) == 1


def test_they_are_bounded(
    store: SqlStore, clock: TurnedClock, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_logins, "MOST_WAITING", 3)
    logins = PendingLogins(store.backend, store.vault)
    for number in range(5):
        logins.keep(TENANT, row(canary, str(number)), seconds=600)
        clock.now += 1
    assert [one.login for one in logins.of_session(TENANT, "s1")] == ["4", "3", "2"]


def test_L5_a_row_that_was_moved_to_another_session_is_nobodys(store: SqlStore, canary: Canary) -> None:
    logins = PendingLogins(store.backend, store.vault)
    logins.keep(TENANT, row(canary), seconds=600)
    with store.backend.writing() as transaction:
        transaction.change("UPDATE logins SET id = 's2.a'")
    assert logins.find(TENANT, "s2", "a") is None
    assert logins.of_session(TENANT, "s2") == []


def test_N6_failures_are_counted_in_a_window_for_all_servers(
    store: SqlStore, open_store: OpenStore, clock: TurnedClock
) -> None:
    one, other = Failures(store.backend), Failures(open_store(clock).backend)
    for _ in range(2):
        one.note("name:ada", "")
    assert other.wait({"name:ada": 3, "": 3}) == 0
    other.note("name:ada", "")
    assert one.wait({"name:bob": 3}) == 0
    assert 0 < one.wait({"name:bob": 3, "name:ada": 3}) <= WINDOW_SECONDS
    clock.now += WINDOW_SECONDS + 1
    assert one.wait({"name:ada": 3, "": 3}) == 0
    one.note("name:ada")
    with store.backend.reading() as transaction:
        assert len(transaction.rows("SELECT 1 FROM failures")) == 1
