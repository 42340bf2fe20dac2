"""The records of a server keep the contract of record stores, in what a server can promise over its API.

What only the database promises is told here with its reason: its secrets, which never come out; when each of them was
set, which the API does not tell; and another name for a record, which the API refuses.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from authrecord.core.errors import DocumentFault, RecordFault, StoreFault
from authrecord.core.secret import Reference, Secret
from authrecord.grants.settings import Credentials
from authrecord.keeper.ports import Filter, RecordStore
from authrecord.record import OAuth2, Record
from authrecord.stores.remote.mapping import RemoteRecords
from authrecord.stores.remote.store import RemoteStore
from authrecord.web.rights import READ, SET, USE, WRITE
from tests.canary_watch import Canary
from tests.stores.contract_parts import TurnedClock
from tests.stores.records_contract import RecordsContract, client, key, referring
from tests.stores.remote.reach import Reach, Wire

EDITOR = (READ, USE, WRITE, SET)
AT_SERVER = Reference("server", "auth.credentials.client_secret")


@pytest.fixture
def records(reach: Reach) -> RemoteStore:
    """The records of the server, for somebody who may change them."""
    store = reach.records(*EDITOR).store
    assert isinstance(store, RemoteStore)
    return store


def secret_of(record: Record) -> object:
    assert isinstance(record.auth, OAuth2)
    return record.auth.credentials.client_secret


class TestRecordsOfAServer(RecordsContract):
    def test_a_record_comes_back_as_it_was(self, records: RecordStore, canary: Canary) -> None:
        """But for its secrets, which stay at the server."""
        created = records.create(client(canary))
        assert records.read("orders") == created
        assert (created.revision, created.secrets_set_at) == (1, {})
        assert secret_of(created.record) == AT_SERVER
        stored = replace(created.record, auth=referring().auth)
        assert stored == replace(client(canary), auth=referring().auth)
        assert records.create(referring()).record == referring()

    def test_an_update_counts_and_keeps_the_identity(self, records: RecordStore, canary: Canary) -> None:
        """Another name is refused: the API knows a record by it."""
        created = records.create(client(canary))
        updated = records.update("orders", replace(created.record, description="Changed"), revision=1)
        assert (updated.identity, updated.revision) == (created.identity, 2)
        assert records.read("orders") == updated
        with pytest.raises(RecordFault) as caught:
            records.update("orders", replace(created.record, name="orders-2"), revision=2)
        assert caught.value.code == "name_conflict"

    def test_a_rename_onto_another_record_is_refused(self, records: RecordStore, canary: Canary) -> None:
        """As any other name is."""
        records.create(client(canary))
        records.create(key(canary))
        with pytest.raises(RecordFault) as caught:
            records.update("orders", replace(client(canary), name="weather"), revision=None)
        assert caught.value.code == "name_conflict"

    def test_when_a_secret_was_set_is_known_for_each(self, records: RecordStore, canary: Canary) -> None:
        """The API tells which fields hold a secret, and not since when."""
        created = records.create(client(canary))
        assert created.secrets_set_at == {}


def test_a_secret_that_is_not_given_stays_at_the_server(
    reach: Reach, records: RemoteStore, canary: Canary
) -> None:
    secret = canary("client secret")
    given = client(canary)
    assert isinstance(given.auth, OAuth2)
    credentials = Credentials(client_id="scanner", client_secret=Secret(secret))
    created = records.create(replace(given, auth=replace(given.auth, credentials=credentials)))
    records.update("orders", replace(created.record, tags=("one",)), revision=1)
    kept = reach.web.store().read("orders").record
    assert (kept.tags, secret_of(kept)) == (("one",), Secret(secret))


def test_another_secret_takes_its_place(reach: Reach, records: RemoteStore, canary: Canary) -> None:
    created = records.create(client(canary)).record
    assert isinstance(created.auth, OAuth2)
    new = Secret(canary("another secret"))
    credentials = replace(created.auth.credentials, client_secret=new)
    records.update(
        "orders", replace(created, auth=replace(created.auth, credentials=credentials)), revision=1
    )
    assert secret_of(reach.web.store().read("orders").record) == new


def test_every_fault_of_a_refused_record_is_named_by_its_path(reach: Reach, canary: Canary) -> None:
    """Where this program lets something pass that the server does not, the server's words come through."""
    records = reach.records(*EDITOR).store
    assert isinstance(records, RemoteStore)
    created = records.create(client(canary)).record
    assert isinstance(created.auth, OAuth2)
    elsewhere = replace(created.auth.token_exchange, url="https://other.example.com/token")
    with pytest.raises(DocumentFault) as caught:
        records.update(
            "orders", replace(created, auth=replace(created.auth, token_exchange=elsewhere)), revision=1
        )
    assert {fault.path for fault in caught.value.faults} >= {"auth.credentials.client_secret"}


def test_H9_a_lost_answer_creates_nothing_twice(reach: Reach, canary: Canary) -> None:
    records, wire = reach.wired(*EDITOR)
    assert isinstance(records.store, RemoteStore)
    wire.loses = 1
    created = records.store.create(key(canary))
    assert (created.record.name, len(wire.asked)) == ("weather", 2)
    assert [name for name, _ in reach.web.told()].count("record.create") == 1


def test_a_program_that_may_only_use_changes_nothing(reach: Reach, canary: Canary) -> None:
    store = reach.records().store
    assert isinstance(store, RemoteStore)
    for act in (lambda: store.create(key(canary)), lambda: store.delete("orders")):
        with pytest.raises(StoreFault, match="records:write"):
            act()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def turned(reach: Reach, clock: TurnedClock) -> tuple[RemoteStore, Wire]:
    """The server's records, seen by a clock that is turned by hand; and the wire to it."""
    records, wire = reach.wired()
    assert isinstance(records.store, RemoteStore)
    return RemoteStore(records.store._calls, clock=clock), wire


def test_revisions_are_looked_at_every_ten_seconds(
    reach: Reach, turned: tuple[RemoteStore, Wire], clock: TurnedClock, canary: Canary
) -> None:
    store, wire = turned
    identity = reach.web.store().create(key(canary)).identity
    for _ in range(3):
        assert store.revisions_of(["weather"]) == {"weather": (identity, 1)}
    assert len(wire.asked) == 1
    clock.now += 11.0
    reach.web.store().delete("weather")
    assert store.revisions_of(["weather"]) == {"weather": None}


def test_a_record_is_read_again_after_ten_seconds_and_kept_while_the_server_is_away(
    reach: Reach, turned: tuple[RemoteStore, Wire], clock: TurnedClock, canary: Canary
) -> None:
    store, wire = turned
    records = RemoteRecords(store)
    first = reach.web.store().create(key(canary)).record
    assert records["weather"].description == ""
    reach.web.store().update("weather", replace(first, description="Rain"), revision=None)
    assert records["weather"].description == ""
    clock.now += 11.0
    wire.is_cut = True
    assert records["weather"].description == ""
    wire.is_cut = False
    assert records["weather"].description == "Rain"
    clock.now += 11.0
    reach.web.store().delete("weather")
    with pytest.raises(RecordFault):
        records["weather"]


def test_what_is_known_of_a_record_is_never_older_than_its_revision(
    reach: Reach, turned: tuple[RemoteStore, Wire], canary: Canary
) -> None:
    """Or a gateway would take the old record under the new number, and never look again."""
    store, _ = turned
    records = RemoteRecords(store)
    first = reach.web.store().create(key(canary)).record
    assert records["weather"].description == ""
    changed = reach.web.store().update("weather", replace(first, description="Rain"), revision=None)
    assert store.revision_of("weather") == (changed.identity, 2)
    assert records["weather"].description == "Rain"


def test_D14_no_name_leads_out_of_the_records(reach: Reach) -> None:
    records, wire = reach.wired()
    assert isinstance(records.store, RemoteStore)
    for name in ("..", ".", "../api-tokens", "a/b", "a?b", "", "a" * 101, "a\n"):
        with pytest.raises(RecordFault) as caught:
            records.store.read(name)
        assert caught.value.code == "unknown_record"
    assert wire.asked == []


def test_a_list_goes_on_page_by_page(reach: Reach) -> None:
    for number in range(5):
        reach.web.store().create(referring(f"r{number}"))
    store = reach.records().store
    assert isinstance(store, RemoteStore)
    first = store.page(Filter(), limit=2)
    assert [line.name for line in first.lines] == ["r0", "r1"]
    assert [line.name for line in store.page(Filter(), after=first.after, limit=9).lines] == [
        "r2",
        "r3",
        "r4",
    ]
