"""What every record store must do. A store joins by a class with one fixture, `records`; see `contract.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authrecord.core.errors import RecordFault
from authrecord.core.secret import Reference, Secret
from authrecord.grants.settings import Credentials, Parameter, TokenExchange
from authrecord.keeper.ports import Filter, RecordStore
from authrecord.record import OAuth2, Record
from authrecord.schemes.api_key import ApiKey
from authrecord.schemes.bearer import Bearer
from tests.canary_watch import Canary

API = "https://api.example.com"


def client(canary: Canary, name: str = "orders", *, scope: str = "", tags: tuple[str, ...] = ()) -> Record:
    """A Client Credentials record with two secrets, one of them a parameter's."""
    auth = OAuth2(
        grant="client_credentials",
        credentials=Credentials(client_id="scanner", client_secret=Secret(canary("client_secret"))),
        token_exchange=TokenExchange(
            url="https://id.example.com/token",
            scope=scope,
            parameters=(Parameter(key="tier", value=Secret(canary("parameter")), sensitive=True),),
        ),
    )
    return Record(name=name, description="Orders", tags=tags, allowed_origins=(API,), auth=auth)


def key(canary: Canary, name: str = "weather", *, tags: tuple[str, ...] = ()) -> Record:
    """An API key record."""
    auth = ApiKey(key="X-Key", value=Secret(canary("api_key")), send_in="header")
    return Record(name=name, tags=tags, allowed_origins=(API,), auth=auth)


def referring(name: str = "referring") -> Record:
    """A record without a secret of its own."""
    return Record(name=name, allowed_origins=(API,), auth=Bearer(token=Reference("env", "ORDERS_TOKEN")))


def code_of(fault: pytest.ExceptionInfo[RecordFault]) -> str:
    return fault.value.code


class RecordsContract:
    """The suite; see the module."""

    def test_a_record_comes_back_as_it_was(self, records: RecordStore, canary: Canary) -> None:
        for record in (client(canary), key(canary), referring()):
            created = records.create(record)
            read = records.read(record.name)
            assert read == created
            assert read.record == record
            assert (read.revision, read.created_at, read.created_by) == (1, read.updated_at, read.updated_by)
        assert set(records.read("orders").secrets_set_at) == {
            "auth.credentials.client_secret",
            "auth.token_exchange.parameters.0.value",
        }

    def test_an_unknown_record_is_a_fault_with_a_code(self, records: RecordStore) -> None:
        for act in (records.read, records.delete):
            with pytest.raises(RecordFault) as caught:
                act("nobody")
            assert code_of(caught) == "unknown_record"
        with pytest.raises(RecordFault) as caught:
            records.update("nobody", referring("nobody"), revision=None)
        assert code_of(caught) == "unknown_record"

    def test_a_name_is_taken_once(self, records: RecordStore, canary: Canary) -> None:
        first = records.create(key(canary))
        with pytest.raises(RecordFault) as caught:
            records.create(key(canary))
        assert code_of(caught) == "exists"
        assert records.read("weather") == first

    def test_a_faulty_record_is_refused_and_nothing_is_kept(
        self, records: RecordStore, canary: Canary
    ) -> None:
        with pytest.raises(RecordFault):
            records.create(replace(key(canary), allowed_origins=("not an origin",)))
        assert list(records.names()) == []

    def test_an_update_counts_and_keeps_the_identity(self, records: RecordStore, canary: Canary) -> None:
        created = records.create(client(canary))
        changed = replace(created.record, description="Renamed", name="orders-2")
        updated = records.update("orders", changed, revision=1)
        assert (updated.identity, updated.revision, updated.record) == (created.identity, 2, changed)
        assert records.read("orders-2") == updated
        with pytest.raises(RecordFault):
            records.read("orders")

    def test_a_stale_update_is_refused(self, records: RecordStore, canary: Canary) -> None:
        created = records.create(client(canary))
        records.update("orders", replace(created.record, description="one"), revision=1)
        with pytest.raises(RecordFault) as caught:
            records.update("orders", replace(created.record, description="two"), revision=1)
        assert code_of(caught) == "stale"
        with pytest.raises(RecordFault) as caught:
            records.delete("orders", revision=1)
        assert code_of(caught) == "stale"
        assert records.read("orders").record.description == "one"
        assert records.update("orders", created.record, revision=None).revision == 3

    def test_a_rename_onto_another_record_is_refused(self, records: RecordStore, canary: Canary) -> None:
        records.create(client(canary))
        records.create(key(canary))
        with pytest.raises(RecordFault) as caught:
            records.update("orders", replace(client(canary), name="weather"), revision=None)
        assert code_of(caught) == "exists"

    def test_when_a_secret_was_set_is_known_for_each(self, records: RecordStore, canary: Canary) -> None:
        created = records.create(client(canary))
        before = created.secrets_set_at
        auth = created.record.auth
        assert isinstance(auth, OAuth2)
        credentials = replace(auth.credentials, client_secret=Secret(canary("client_secret")))
        after = records.update(
            "orders", replace(created.record, auth=replace(auth, credentials=credentials)), revision=1
        )
        path = "auth.token_exchange.parameters.0.value"
        assert after.secrets_set_at[path] == before[path]
        assert after.secrets_set_at["auth.credentials.client_secret"] == after.updated_at

    def test_deleted_is_gone(self, records: RecordStore, canary: Canary) -> None:
        records.create(client(canary, tags=("one",)))
        records.delete("orders", revision=1)
        with pytest.raises(RecordFault):
            records.read("orders")
        assert records.page(Filter(tag="one")).lines == ()
        assert records.create(client(canary)).revision == 1

    def test_pages_go_through_all_in_the_order_of_names(self, records: RecordStore) -> None:
        names = sorted(f"r{number:03}{letter}" for number in range(12) for letter in "aB_")
        for name in names:
            records.create(referring(name))
        found: list[str] = []
        after = ""
        while True:
            page = records.page(Filter(), after=after, limit=5)
            assert len(page.lines) <= 5
            found += [line.name for line in page.lines]
            after = page.after
            if not after:
                break
        assert found == names
        assert list(records.names()) == names

    def test_filters_hold_one_by_one_and_together(self, records: RecordStore, canary: Canary) -> None:
        records.create(client(canary, "alpha", tags=("prod", "eu")))
        records.create(client(canary, "alpine", tags=("prod",)))
        records.create(key(canary, "beta", tags=("prod",)))
        records.create(referring("gamma"))
        for wanted, names in (
            (Filter(), ["alpha", "alpine", "beta", "gamma"]),
            (Filter(name="al"), ["alpha", "alpine"]),
            (Filter(name="alpi"), ["alpine"]),
            (Filter(tag="prod"), ["alpha", "alpine", "beta"]),
            (Filter(tag="eu"), ["alpha"]),
            (Filter(tag="none"), []),
            (Filter(auth_type="oauth2"), ["alpha", "alpine"]),
            (Filter(grant="client_credentials"), ["alpha", "alpine"]),
            (Filter(state="static"), ["beta", "gamma"]),
            (Filter(state="idle"), ["alpha", "alpine"]),
            (Filter(tag="prod", auth_type="api_key"), ["beta"]),
            (Filter(tag="prod", name="alp", state="idle"), ["alpha", "alpine"]),
            (Filter(auth_type="bearer", state="static"), ["gamma"]),
        ):
            page = records.page(wanted)
            assert [line.name for line in page.lines] == names, wanted
            assert page.after == ""

    def test_a_line_says_what_a_list_shows(self, records: RecordStore, canary: Canary) -> None:
        created = records.create(client(canary, tags=("prod", "eu")))
        (line,) = records.page(Filter()).lines
        assert (line.identity, line.name, line.revision) == (created.identity, "orders", 1)
        assert (line.auth_type, line.grant, line.origins) == ("oauth2", "client_credentials", (API,))
        assert (line.tags, line.description, line.state) == (("prod", "eu"), "Orders", "idle")
        assert (line.live_until, line.used_at) == (None, None)

    def test_many_conditions_read_a_long_list_piece_by_piece(self, records: RecordStore) -> None:
        for number in range(30):
            records.create(referring(f"r{number:03}"))
        found = records.page(Filter(name="r0", state="static", auth_type="bearer"), limit=7)
        assert [line.name for line in found.lines] == [f"r{number:03}" for number in range(7)]
        assert found.after == "r006"
