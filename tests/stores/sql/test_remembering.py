"""What is remembered of a store: used again while it holds, and never after it was changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authrecord.core.errors import RecordFault, StoreFault
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.naming import token_key
from authrecord.stores.sql.api_tokens import ApiTokens
from authrecord.stores.sql.opened_records import OPENED_SECONDS, OpenedRecords
from authrecord.stores.sql.remembering import AWAY_SECONDS, MOST, SECONDS, Moment, Remembering
from authrecord.stores.sql.store import SqlStore
from tests.canary_watch import Canary
from tests.stores.contract import TurnedClock
from tests.stores.records_contract import client, referring
from tests.stores.sql.conftest import OpenStore


def issued(store: SqlStore, canary: Canary) -> tuple[ApiTokens, str, str]:
    """The API tokens of a store, and identity and text of one."""
    tokens = ApiTokens(store.backend)
    made, text = tokens.issue(
        tenant="default", label="scan", scopes=["tokens:use"], records=None, days=1, created_by="test"
    )
    return tokens, made.identity, canary.watch(text.reveal(), "API token")


def test_an_api_token_is_remembered_and_a_wrong_one_never(store: SqlStore, canary: Canary) -> None:
    tokens, identity, text = issued(store, canary)
    assert tokens.peek(text) is None
    tokens.find(text)  # writes down when it was used, which ends what was remembered
    found = tokens.find(text)
    assert found is not None
    assert any(tokens.find(text) == tokens.peek(text) for _ in range(5)), "a second may end in between"
    assert tokens.peek(text[:-1]) is None
    assert found.identity == identity
    assert tokens.find(text[:-1]) is None
    assert tokens.peek(text[:-1]) is None


def test_N7_a_revoked_token_opens_nothing_from_that_moment_on(
    store: SqlStore, open_store: OpenStore, clock: TurnedClock, canary: Canary
) -> None:
    tokens, identity, text = issued(store, canary)
    tokens.find(text)
    tokens.find(text)
    tokens.revoke(identity, tenant="default")
    assert tokens.peek(text) is None
    assert tokens.find(text) is None
    again, other, text = issued(store, canary)
    again.find(text)
    again.find(text)
    ApiTokens(open_store(clock).backend).revoke(other, tenant="default")
    assert again.find(text) is None
    assert again.peek(text) is None


def test_a_token_is_not_remembered_beyond_its_end(store: SqlStore, clock: TurnedClock) -> None:
    kept: Remembering[str, int] = Remembering(store.backend, clock.monotonic)
    for seconds, late in ((0.2, 0.3), (100.0, SECONDS)):
        kept.put("key", 1, kept.begin(), seconds)
        clock.now += late
        assert kept.peek("key") is None
        assert kept.last("key") == 1
    kept.drop("key")
    assert kept.last("key") is None


def test_what_is_remembered_is_bounded(store: SqlStore) -> None:
    kept: Remembering[int, int] = Remembering(store.backend)
    for number in range(MOST + 5):
        kept.put(number, number, Moment(None, 0))
    assert kept.last(4) is None
    assert kept.last(5) == 5
    assert kept.peek(5) is None, "without a mark nothing says that it still holds"


def test_a_record_is_opened_once_while_it_stays_as_it_is(
    store: SqlStore, clock: TurnedClock, canary: Canary
) -> None:
    opened = OpenedRecords(store.backend, clock.monotonic)
    store.create(client(canary))
    first = opened.read(store, "default", "orders")
    assert first.key == token_key(first.stored.record)
    assert first.token_at is None
    assert opened.read(store, "default", "orders").stored is first.stored
    store.create(referring())
    assert opened.peek("default", "orders") is None, "something was written"
    assert opened.read(store, "default", "orders").stored is first.stored
    assert opened.read(store, "default", "referring").key is None
    clock.now += OPENED_SECONDS
    assert opened.read(store, "default", "orders").stored is not first.stored


def test_a_changed_or_deleted_record_is_so_at_once(
    store: SqlStore, open_store: OpenStore, clock: TurnedClock, canary: Canary
) -> None:
    opened, elsewhere = OpenedRecords(store.backend, clock.monotonic), open_store(clock)
    record = store.create(client(canary)).record
    opened.read(store, "default", "orders")
    elsewhere.update("orders", replace(record, description="Changed"), revision=None)
    assert opened.read(store, "default", "orders").stored.record.description == "Changed"
    elsewhere.delete("orders")
    with pytest.raises(RecordFault) as caught:
        opened.read(store, "default", "orders")
    assert caught.value.code == "unknown_record"
    assert opened.peek("default", "orders") is None
    store.create(client(canary))
    assert opened.read(store, "default", "orders").stored.revision == 1


def test_L4_a_record_that_was_changed_in_the_database_is_not_used_from_memory(
    store: SqlStore, clock: TurnedClock, canary: Canary
) -> None:
    opened = OpenedRecords(store.backend, clock.monotonic)
    store.create(client(canary))
    opened.read(store, "default", "orders")
    with store.backend.writing() as transaction:
        transaction.change("UPDATE records SET config = replace(config, 'api.example.com', 'evil.example')")
    with pytest.raises(StoreFault) as caught:
        opened.read(store, "default", "orders")
    assert caught.value.code == "tampered"


def test_it_is_known_which_token_the_store_holds(store: SqlStore, clock: TurnedClock, canary: Canary) -> None:
    opened = OpenedRecords(store.backend, clock.monotonic)
    key = token_key(store.create(client(canary)).record)
    token = Token(access_token=Secret(canary("access token")), obtained_at=1_700_000_000.123456, life=60)
    store.settle(store.claim(key, seconds=30, patience=0), token)
    assert opened.read(store, "default", "orders").token_at == token.obtained_at
    store.forget(key)
    assert opened.read(store, "default", "orders").token_at is None


def test_what_was_read_counts_for_a_minute_while_the_database_is_away(
    store: SqlStore, clock: TurnedClock
) -> None:
    kept: Remembering[str, int] = Remembering(store.backend, clock.monotonic)
    kept.put("key", 1, kept.begin())
    kept.put("short", 1, kept.begin(), 10.0)
    clock.now += AWAY_SECONDS - 1
    assert (kept.peek("key"), kept.recent("key"), kept.recent("short")) == (None, 1, None)
    clock.now += 1
    assert kept.recent("key") is None


def test_what_this_process_has_ended_is_not_put_back_by_who_was_reading_it(store: SqlStore) -> None:
    kept: Remembering[str, int] = Remembering(store.backend)
    for everything in (False, True):
        kept.put("key", 1, kept.begin())
        began = kept.begin()
        if everything:
            kept.end_all()
        else:
            kept.end("key")
        assert kept.recent("key") is None
        kept.put("key", 1, began)
        assert kept.recent("key") is None
        kept.put("key", 2, kept.begin())
        assert kept.recent("key") == 2
