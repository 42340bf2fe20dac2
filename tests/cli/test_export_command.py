"""`authrecord export`: sealed by a passphrase; in clear only for a person at a terminal; logins move, or stay."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from authrecord.cli.context import Options
from authrecord.cli.opened_store import opened
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.documents import Format, read, read_file
from authrecord.keeper.naming import token_key
from authrecord.record import Record
from authrecord.stores.exporting import read_export
from authrecord.stores.passphrase import open_file
from authrecord.stores.sql.store import SqlStore
from tests.canary_watch import Canary
from tests.cli.desk import Desk
from tests.cli.terminal import Unseen, on_terminal


@contextmanager
def store_of(desk: Desk) -> Iterator[SqlStore]:
    """The desk's store, as another program opens it."""
    with opened(Options()) as found:
        yield SqlStore(found.backend, found.vault, actor="cli:ada@machine")


def records(canary: Canary) -> tuple[Record, ...]:
    auth = {
        "type": "oauth2",
        "grant": "client_credentials",
        "credentials": {"client_id": "scanner", "client_secret": canary("client secret")},
        "token_exchange": {"url": "https://id.example.com/token"},
    }
    both = [
        {"name": name, "allowed_origins": ["https://api.example.com"], "auth": auth}
        for name in ("orders", "search")
    ]
    return read(json.dumps({"records": both}), format=Format.JSON)


def token(canary: Canary) -> Token:
    return Token(
        access_token=Secret(canary("access token")),
        refresh_token=Secret(canary("refresh token")),
        obtained_at=time.time(),
        life=3600.0,
    )


@pytest.fixture
def phrase(canary: Canary) -> str:
    return canary("passphrase")


@pytest.fixture
def filled(desk: Desk, canary: Canary) -> Desk:
    """A desk whose store has two records, each logged in."""
    assert desk.run("keys", "init").code == 0
    with store_of(desk) as store:
        for record in records(canary):
            store.create(record)
            claim = store.claim(token_key(record), seconds=45, patience=1)
            assert store.settle(claim, token(canary)) is not None
    return desk


def logins(desk: Desk) -> dict[str, bool]:
    """Of each record: whether this store can renew its token."""
    with store_of(desk) as store:
        found = {name: store.load(token_key(store.read(name).record)) for name in store.names()}
    assert all(found.values())  # the access token stays in any case
    return {name: one is not None and one.refresh_token is not None for name, one in found.items()}


def told(desk: Desk) -> list[tuple[str, str]]:
    """Names and details of the exports in the audit log."""
    rows = desk.run("audit", "list", "--action", "record.export", "--json").data["rows"]
    return [(one["name"], one["detail"]) for one in rows]


def test_L15_an_export_is_sealed_and_told(filled: Desk, phrase: str) -> None:
    ended = filled.run("export", "all.export", "--passphrase-stdin", "--json", typed=phrase + "\n")
    assert ended.data == {
        "file": "all.export",
        "records": ["orders", "search"],
        "moved_logins": [],
        "sealed": True,
    }
    file = filled.folder / "all.export"
    assert file.stat().st_mode & 0o777 == 0o600
    export = read_export(open_file(file.read_bytes(), Secret(phrase)))
    with store_of(filled) as store:
        assert export.records == tuple(store.read(name).record for name in store.names())
    assert export.tokens == ()
    assert logins(filled) == {"orders": True, "search": True}
    assert told(filled) == [("orders", "sealed"), ("search", "sealed")]


def test_the_passphrase_is_asked_for_twice_and_unseen(filled: Desk, canary: Canary, phrase: str) -> None:
    answers = [("Passphrase", Unseen(phrase)), ("Repeat", Unseen(phrase))]
    assert on_terminal(filled, canary, "export", "one.export", "orders", answers=answers).code == 0
    data = (filled.folder / "one.export").read_bytes()
    assert [one.name for one in read_export(open_file(data, Secret(phrase))).records] == ["orders"]


def test_the_passphrase_may_lie_in_a_file(filled: Desk, phrase: str, canary: Canary) -> None:
    canary.allow(phrase, sink="file:phrase")
    filled.write(phrase + "\n", "phrase")
    assert filled.run("export", "a.export", "--passphrase-file", "phrase").code == 0
    assert read_export(open_file((filled.folder / "a.export").read_bytes(), Secret(phrase))).records


def test_I13_a_login_moves_when_it_is_asked_for_by_name(filled: Desk, phrase: str) -> None:
    ended = filled.run("export", "a.export", "orders", "--with-tokens", "--passphrase-stdin", typed=phrase)
    assert ended.code == 0
    assert "logins of orders moved" in ended.err
    export = read_export(open_file((filled.folder / "a.export").read_bytes(), Secret(phrase)))
    assert [(key.name, one.refresh_token is not None) for key, one in export.tokens] == [("orders", True)]
    assert logins(filled) == {"orders": False, "search": True}
    assert told(filled) == [("orders", "sealed, with tokens")]


def test_I13_an_export_arrives_on_another_machine_with_its_login(filled: Desk, phrase: str) -> None:
    with store_of(filled) as store:
        sent = store.read("orders").record
    assert (
        filled.run("export", "a.export", "orders", "--with-tokens", "--passphrase-stdin", typed=phrase).code
        == 0
    )
    filled.set("AUTHRECORD_HOME", str(filled.home / "another machine"))
    tried = filled.run("import", "a.export", "--dry-run", "--passphrase-stdin", "--json", typed=phrase).data
    assert tried["records"] == [{"name": "orders", "change": "new", "fields": []}]
    assert tried["logins"] == ["orders"]
    arrived = filled.run("import", "a.export", "--passphrase-stdin", "--json", typed=phrase).data
    assert (arrived["logins"], logins(filled)) == (["orders"], {"orders": True})
    with store_of(filled) as store:
        assert store.read("orders").record == sent
    again = filled.run("import", "a.export", "--passphrase-stdin", "--json", typed=phrase).data
    assert (again["logins"], again["records"][0]["change"]) == ([], "unchanged")


def test_L15_a_wrong_passphrase_imports_nothing(filled: Desk, phrase: str, canary: Canary) -> None:
    assert filled.run("export", "a.export", "--passphrase-stdin", typed=phrase).code == 0
    ended = filled.run(
        "import", "a.export", "--passphrase-stdin", "--json", typed=canary("another passphrase")
    )
    assert (ended.code, ended.data["error"]["code"]) == (7, "passphrase")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.export", "--with-tokens"], "names of the records"),
        (["a.yaml", "orders", "--with-tokens", "--plaintext"], "sealed file only"),
        (["a.yaml", "--plaintext"], "on a terminal"),
        (["there"], "exists already"),
        (["a.export", "--passphrase-stdin", "--passphrase-file", "there"], "one way"),
    ],
)
def test_what_cannot_be_is_a_fault_of_the_call(filled: Desk, arguments: list[str], words: str) -> None:
    filled.write("", "there")
    ended = filled.run("export", *arguments)
    assert ended.code == 2
    assert words in ended.err
    assert [path.name for path in filled.folder.iterdir()] == ["there"]
    assert told(filled) == []


def test_a_short_passphrase_is_refused_before_anything_is_told_or_moved(filled: Desk) -> None:
    ended = filled.run(
        "export", "a.export", "orders", "--with-tokens", "--passphrase-stdin", "--json", typed="short"
    )
    assert (ended.code, ended.data["error"]["code"]) == (3, "passphrase")
    assert logins(filled)["orders"]
    assert told(filled) == []


def test_an_unknown_name_exports_nothing(filled: Desk, phrase: str) -> None:
    ended = filled.run("export", "a.export", "nothing", "--passphrase-stdin", "--json", typed=phrase)
    assert (ended.code, ended.data["error"]["code"]) == (3, "unknown_record")
    assert not (filled.folder / "a.export").exists()


def test_L15_in_clear_only_for_a_person_who_says_yes(filled: Desk, canary: Canary) -> None:
    with store_of(filled) as store:
        expected = store.read("orders").record
    arguments = ("export", "orders.yaml", "orders", "--plaintext")
    asked = [("readable by whoever", "n")]
    assert on_terminal(filled, canary, *arguments, answers=asked).code == 130
    assert not (filled.folder / "orders.yaml").exists()
    assert told(filled) == []
    assert on_terminal(filled, canary, *arguments, answers=[("readable by whoever", "y")]).code == 0
    path = filled.folder / "orders.yaml"
    assert read_file(path) == (expected,)
    assert told(filled) == [("orders", "in clear")]
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()  # the canary would find it
