"""Records in the sealed store: the contract, what a token does when its record changes, and what tampering gives."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from authrecord.core.errors import RecordFault, StoreFault
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants.settings import Credentials
from authrecord.keeper.naming import token_key
from authrecord.keeper.ports import Failure, Filter, RecordStore
from authrecord.record import OAuth2, Record
from authrecord.stores.sql.backend import Value
from authrecord.stores.sql.store import SqlStore
from tests.canary_watch import Canary
from tests.stores.contract import TurnedClock
from tests.stores.records_contract import RecordsContract, client, key, referring
from tests.stores.sql.conftest import OpenStore


class TestSqlRecords(RecordsContract):
    @pytest.fixture
    def records(self, store: SqlStore) -> RecordStore:
        return store


def login(store: SqlStore, canary: Canary, record: Record, *, life: float = 3600.0) -> Token:
    """A token of the record, saved as the keeper does."""
    token = Token(
        access_token=Secret(canary("access_token")),
        obtained_at=1_800_000_000.0,
        life=life,
        refresh_token=Secret(canary("refresh_token")),
    )
    saved = store.settle(store.claim(token_key(record), seconds=30, patience=0), token)
    assert saved is not None
    return saved


def change(store: SqlStore, statement: str, *values: Value) -> None:
    """Change the database as somebody who can write it, but has no key."""
    with store.backend.writing() as transaction:
        assert transaction.change(statement, values)


def line(store: SqlStore, name: str = "orders") -> tuple[str, float | None]:
    (found,) = store.page(Filter(name=name)).lines
    return found.state, found.live_until


def test_P1_a_secret_stands_nowhere_in_the_database(store: SqlStore, canary: Canary) -> None:
    """The plugin searches the files; here every column of every row is handed to it."""
    record = client(canary)
    store.create(record)
    login(store, canary, record)
    with store.backend.reading() as transaction:
        for table in ("records", "secrets", "tokens", "claims", "entries", "audit", "record_tags", "meta"):
            for row in transaction.rows(f"SELECT * FROM {table}"):
                for value in row:
                    canary.scan(value if isinstance(value, bytes) else str(value), table)


@pytest.mark.parametrize(
    "change_of",
    [
        lambda data: data["allowed_origins"].append("https://evil.example"),
        lambda data: data["auth"]["token_exchange"].update(url="https://evil.example/token"),
        lambda data: data["auth"]["token_exchange"].update(client_authentication="body"),
        lambda data: data["auth"].update(issuer="https://evil.example"),
    ],
)
def test_L6_a_destination_changed_in_the_database_does_not_open(
    store: SqlStore, canary: Canary, change_of: object
) -> None:
    assert callable(change_of)
    store.create(client(canary))
    store.create(key(canary))
    with store.backend.reading() as transaction:
        row = transaction.row("SELECT config FROM records WHERE name = 'orders'")
    assert row is not None
    data = json.loads(row[0])
    change_of(data)
    change(store, "UPDATE records SET config = ? WHERE name = 'orders'", json.dumps(data))
    with pytest.raises(StoreFault) as caught:
        store.read("orders")
    assert caught.value.code == "tampered"
    assert store.read("weather").revision == 1


def test_L6_holds_for_a_record_without_a_secret(store: SqlStore) -> None:
    store.create(referring())
    change(store, "UPDATE records SET config = replace(config, 'api.example', 'evil.example')")
    with pytest.raises(StoreFault, match="was changed in the database"):
        store.read("referring")
    store.delete("referring")
    assert list(store.names()) == []


@pytest.mark.parametrize(
    "move",
    [
        "UPDATE secrets SET field = 'auth.other' WHERE field = 'auth.credentials.client_secret'",
        "UPDATE secrets SET generation = 2",
        "UPDATE records SET revision = 2",
        "DELETE FROM secrets WHERE field = ''",
        "UPDATE secrets SET sealed = (SELECT s.sealed FROM secrets s WHERE s.field = '')",
        "DELETE FROM secrets WHERE field <> ''",
    ],
)
def test_L5_a_moved_or_missing_secret_does_not_open(store: SqlStore, canary: Canary, move: str) -> None:
    store.create(client(canary))
    change(store, move)
    with pytest.raises((StoreFault, RecordFault)) as caught:
        store.read("orders")
    assert caught.value.code in {"tampered", "unreadable_record"}


def test_L5_secrets_of_two_records_cannot_be_swapped(store: SqlStore, canary: Canary) -> None:
    one, two = store.create(key(canary, "one")), store.create(key(canary, "two"))
    change(store, "UPDATE secrets SET record = 'x' WHERE record = ?", one.identity)
    change(store, "UPDATE secrets SET record = ? WHERE record = ?", one.identity, two.identity)
    change(store, "UPDATE secrets SET record = ? WHERE record = 'x'", two.identity)
    for name in ("one", "two"):
        with pytest.raises(StoreFault):
            store.read(name)


def test_a_text_that_is_no_record_is_a_fault_of_that_record(store: SqlStore) -> None:
    store.create(referring())
    change(store, "UPDATE records SET config = '['")
    with pytest.raises((StoreFault, RecordFault)):
        store.read("referring")
    assert store.page(Filter()).lines[0].origins == ()


def test_states_follow_the_token(store: SqlStore, canary: Canary, clock: TurnedClock) -> None:
    record = client(canary)
    store.create(record)
    assert line(store) == ("idle", None)
    login(store, canary, record)
    assert line(store) == ("live", 1_800_003_600.0)
    store.fail(
        store.claim(token_key(record), seconds=30, patience=0),
        Failure("misconfigured", "misconfigured", "No.", 5),
    )
    assert line(store)[0] == "misconfigured"
    login_again = replace(record)
    login(store, canary, login_again)
    assert line(store)[0] == "live"
    store.forget(token_key(record))
    assert line(store) == ("idle", None)


def test_the_token_of_a_document_leaves_a_record_of_the_same_name_alone(
    store: SqlStore, canary: Canary
) -> None:
    store.create(client(canary))
    login(store, canary, client(canary))
    assert line(store) == ("idle", None)


def test_a_token_that_was_there_first_is_found_by_the_new_record(store: SqlStore, canary: Canary) -> None:
    record = client(canary)
    token = login(store, canary, record)
    store.create(record)
    assert line(store)[0] == "live"
    assert store.load(token_key(record)) == token


def test_a_change_of_words_keeps_the_token(store: SqlStore, canary: Canary) -> None:
    record = client(canary)
    store.create(record)
    token = login(store, canary, record)
    changed = replace(record, description="other words", tags=("new",))
    store.update("orders", changed, revision=None)
    assert store.load(token_key(changed)) == token
    assert line(store)[0] == "live"


def test_a_rename_takes_the_token_along(store: SqlStore, canary: Canary) -> None:
    record = client(canary)
    store.create(record)
    token = login(store, canary, record)
    renamed = replace(record, name="orders-2")
    store.update("orders", renamed, revision=None)
    assert store.load(token_key(renamed)) == token
    assert store.load(token_key(record)) is None
    assert line(store, "orders-2")[0] == "live"


@pytest.mark.parametrize("carry", [False, True])
def test_a_new_destination_drops_the_token_unless_it_shall_be_carried(
    store: SqlStore, canary: Canary, carry: bool
) -> None:
    record = client(canary)
    store.create(record)
    token = login(store, canary, record)
    wider = replace(record, allowed_origins=(*record.allowed_origins, "https://other.example"))
    store.update("orders", wider, revision=None, carry_token=carry)
    assert store.load(token_key(record)) is None
    assert store.load(token_key(wider)) == (token if carry else None)
    assert line(store)[0] == ("live" if carry else "idle")


@pytest.mark.parametrize("carry", [False, True])
def test_I18_a_new_client_secret_drops_the_token_and_the_renewal_under_way(
    store: SqlStore, canary: Canary, carry: bool
) -> None:
    record = client(canary)
    store.create(record)
    login(store, canary, record)
    claim = store.claim(token_key(record), seconds=30, patience=0)
    assert isinstance(record.auth, OAuth2)
    credentials = Credentials(client_id="scanner", client_secret=Secret(canary("client_secret")))
    store.update(
        "orders",
        replace(record, auth=replace(record.auth, credentials=credentials)),
        revision=None,
        carry_token=carry,
    )
    late = Token(access_token=Secret(canary("late")), obtained_at=1_800_000_000.0)
    assert store.settle(claim, late) is None
    assert store.load(token_key(record)) is None
    assert line(store) == ("idle", None)


def test_I18_a_deleted_records_tokens_do_not_come_back(store: SqlStore, canary: Canary) -> None:
    record = client(canary)
    store.create(record)
    login(store, canary, record)
    claim = store.claim(token_key(record), seconds=30, patience=0)
    store.delete("orders")
    assert store.settle(claim, Token(access_token=Secret(canary("late")), obtained_at=0.0)) is None
    with store.backend.reading() as transaction:
        for table in ("records", "record_tags", "secrets", "tokens", "claims", "entries"):
            assert transaction.rows(f"SELECT * FROM {table}") == []


def test_tenants_see_nothing_of_each_other(
    store: SqlStore, open_store: OpenStore, canary: Canary, clock: TurnedClock
) -> None:
    from authrecord.stores.sql.operator import Operator
    from authrecord.stores.sql.tenants import create_tenant

    create_tenant(Operator(store.backend, store.vault, "default", "test"), "team", "")
    team = SqlStore(store.backend, store.vault, tenant="team", actor="test")
    mine, theirs = client(canary), client(canary)
    store.create(mine)
    team.create(theirs)
    token = login(team, canary, theirs)
    assert store.read("orders").record == mine
    assert team.read("orders").record == theirs
    assert store.load(token_key(theirs)) is None
    store.delete("orders")
    assert team.load(token_key(theirs)) == token
    assert team.count() == 1
    assert store.count() == 0


def test_L5_a_row_of_another_tenant_does_not_open(store: SqlStore, canary: Canary) -> None:
    from authrecord.stores.sql.operator import Operator
    from authrecord.stores.sql.tenants import create_tenant

    create_tenant(Operator(store.backend, store.vault, "default", "test"), "team", "")
    store.create(key(canary))
    for table in ("records", "secrets"):
        change(store, f"UPDATE {table} SET tenant = 'team'")
    team = SqlStore(store.backend, store.vault, tenant="team", actor="test")
    with pytest.raises(StoreFault) as caught:
        team.read("weather")
    assert caught.value.code == "tampered"


def test_N15_the_audit_log_tells_each_change_and_no_value(store: SqlStore, canary: Canary) -> None:
    record = client(canary)
    store.create(record)
    login(store, canary, record)
    assert isinstance(record.auth, OAuth2)
    credentials = replace(record.auth.credentials, client_secret=Secret(canary("client_secret")))
    store.update("orders", replace(record, auth=replace(record.auth, credentials=credentials)), revision=1)
    store.delete("orders")
    with store.backend.reading() as transaction:
        rows = transaction.rows("SELECT action, outcome, name, detail FROM audit ORDER BY seq")
    told = [tuple(row) for row in rows if row[2]]
    assert told == [
        ("record.create", "ok", "orders", ""),
        ("token.renew", "ok", "orders", ""),
        ("record.update", "ok", "orders", "auth.credentials.client_secret"),
        ("record.delete", "ok", "orders", ""),
    ]


def test_the_revisions_of_many_names_are_looked_up_at_once(store: SqlStore, canary: Canary) -> None:
    orders, weather = store.create(client(canary)), store.create(key(canary))
    changed = store.update("weather", replace(weather.record, description="x"), revision=None)
    names = ["orders", "weather", *(f"none-{number}" for number in range(1200))]
    found = store.revisions_of(names)
    assert found["orders"] == store.revision_of("orders") == (orders.identity, 1)
    assert found["weather"] == store.revision_of("weather") == (changed.identity, 2)
    assert list(found) == names
    assert {found[name] for name in names[2:]} == {None}
