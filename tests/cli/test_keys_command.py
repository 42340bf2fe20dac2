"""`authrecord keys` and `authrecord tenants`: what they answer, what they refuse, and what they leave alone."""

from __future__ import annotations

import base64
import hashlib
import os
import sqlite3
import sys
from contextlib import closing

import pytest

from authrecord.stores.sql import rotation
from tests.canary_watch import Canary
from tests.cli.desk import Desk, Ended
from tests.cli.terminal import on_terminal


def ok(ended: Ended) -> Ended:
    assert (ended.code, ended.err) == (0, ended.err), ended.err
    return ended


def code_of(ended: Ended) -> str:
    """The code of the error that a command answered in JSON."""
    assert ended.code == 7
    code: str = ended.data["error"]["code"]
    return code


@pytest.fixture
def made(desk: Desk) -> Desk:
    """A desk with a store."""
    ok(desk.run("keys", "init"))
    return desk


def store_hash(desk: Desk) -> str:
    content = (desk.home / "authrecord" / "data" / "store.sqlite").read_bytes()
    return hashlib.sha256(content).hexdigest()


def test_init_makes_the_key_and_the_store_once(desk: Desk) -> None:
    first = ok(desk.run("keys", "init", "--json")).data
    again = ok(desk.run("keys", "init", "--json")).data
    assert (first["made"], again["made"]) == (True, False)
    assert first["identity"] == again["identity"]
    assert desk.key.stat().st_mode & 0o777 == 0o600


def test_L2_init_does_not_hide_a_lost_key_by_a_fresh_one(made: Desk) -> None:
    made.key.unlink()
    assert code_of(made.run("keys", "init", "--json")) == "no_key"
    assert not made.key.exists()


def test_L1_a_wrong_key_is_said_and_changes_nothing(made: Desk, canary: Canary) -> None:
    before = store_hash(made)
    made.set("KEY", canary.watch(base64.b64encode(os.urandom(32)).decode(), "key"))
    made.set("AUTHRECORD_KEY", "env:KEY")
    for command in (["rotate"], ["finish"], ["init"], ["rotate-kek", "--to", f"file:{made.home}/new.key"]):
        assert code_of(made.run("keys", *command, "--json")) == "wrong_key"
    assert code_of(made.run("tenants", "create", "team", "--json")) == "wrong_key"
    assert store_hash(made) == before
    assert not (made.home / "new.key").exists()
    status = ok(made.run("keys", "status", "--json")).data
    assert (status["key_opens"], status["fault"]) == (False, "wrong_key")


@pytest.mark.parametrize("value", ["", "short", base64.b64encode(bytes(32)).decode()])
def test_L3_a_bad_key_is_said_and_changes_nothing(made: Desk, value: str) -> None:
    before = store_hash(made)
    made.set("KEY", value)
    made.set("AUTHRECORD_KEY", "env:KEY")
    assert code_of(made.run("keys", "rotate", "--json")) == "bad_key"
    assert store_hash(made) == before


def test_the_outer_key_is_changed_in_two_steps(made: Desk) -> None:
    old, new = f"file:{made.key}", f"file:{made.home}/keys/new.key"
    changed = ok(made.run("keys", "rotate-kek", "--to", new, "--json")).data
    assert (changed["key"], changed["wrapped"]) == (new, 3)
    for source in (old, new):
        made.set("AUTHRECORD_KEY", source)
        assert ok(made.run("keys", "status", "--json")).data["key_opens"]
    made.set("AUTHRECORD_KEY", old)
    assert code_of(made.run("keys", "finish", "--json")) == "old_key"
    assert code_of(made.run("keys", "rotate", "--json")) == "kek_rotation"
    made.set("AUTHRECORD_KEY", new)
    assert ok(made.run("keys", "finish", "--json")).data == {"key": new, "removed": 3}
    assert "nothing to finish" in ok(made.run("keys", "finish")).err
    made.set("AUTHRECORD_KEY", old)
    assert code_of(made.run("keys", "rotate", "--json")) == "wrong_key"


def test_a_change_of_the_outer_key_is_taken_back(made: Desk) -> None:
    ok(made.run("keys", "rotate-kek", "--to", f"file:{made.home}/keys/new.key"))
    assert "is being changed" in ok(made.run("keys", "status")).out
    assert ok(made.run("keys", "finish", "--back", "--json")).data["key"] == f"file:{made.key}"
    assert len(ok(made.run("keys", "status", "--json")).data["keys"]) == 1


def test_a_tenants_key_is_changed_and_the_old_one_destroyed(
    made: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ok(made.run("keys", "rotate", "--json")).data == {
        "tenants": [{"tenant": "default", "version": 2, "resealed": 0, "broken": []}]
    }
    assert code_of(made.run("keys", "destroy", "1", "--yes", "--json")) == "key_in_use"
    assert made.run("keys", "destroy", "1").code == 130  # asked, and nobody answers
    monkeypatch.setattr(rotation.destroy, "__kwdefaults__", {"settled": 0.0})
    assert ok(made.run("keys", "destroy", "1", "--yes", "--json")).data["destroyed"]
    versions = ok(made.run("keys", "status", "--json")).data["versions"]
    assert [(one["version"], one["state"]) for one in versions] == [(2, "active")]
    told = ok(made.run("audit", "list", "--action", "keys", "--json")).data["rows"]
    assert [one["action"] for one in told] == ["keys.init", "keys.rotate", "keys.retire", "keys.destroy"]


def test_rotation_shows_a_bar_to_a_person(made: Desk, canary: Canary) -> None:
    shown = on_terminal(made, canary, "keys", "rotate", "--all-tenants")
    assert shown.code == 0
    assert "under key 2" in shown.out + shown.err


def test_tenants_come_and_go(made: Desk) -> None:
    ok(made.run("tenants", "create", "team", "--label", "The team"))
    found = ok(made.run("tenants", "list", "--json")).data["tenants"]
    assert [(one["name"], one["label"], one["records"]) for one in found] == [
        ("default", "", 0), ("team", "The team", 0)
    ]  # fmt: skip
    assert "The team" in ok(made.run("tenants", "list")).out
    assert code_of(made.run("tenants", "create", "team", "--json")) == "tenant_exists"
    assert code_of(made.run("tenants", "create", "No Name", "--json")) == "tenant_name"
    rotated = ok(made.run("keys", "rotate", "--all-tenants", "--json")).data["tenants"]
    assert [one["tenant"] for one in rotated] == ["default", "team"]
    assert made.run("tenants", "destroy", "team").code == 130  # asked, and nobody answers
    assert ok(made.run("tenants", "destroy", "team", "--yes", "--json")).data["destroyed"]
    assert code_of(made.run("tenants", "destroy", "default", "--yes", "--json")) == "tenant_default"
    made.set("AUTHRECORD_TENANT", "team")
    assert code_of(made.run("keys", "rotate", "--json")) == "no_tenant"


def test_P11_a_program_that_is_started_gets_no_key(desk: Desk, canary: Canary) -> None:
    """The editor stands for all of them; the command itself still has its key."""
    desk.set("KEY", canary.watch(base64.b64encode(os.urandom(32)).decode(), "key"))
    desk.set("AUTHRECORD_KEY", "env:KEY")
    desk.write("records: [{name: orders, auth: {type: bearer, token: '${env:T}'}}]")
    editor = desk.write("import os; print(sorted(one for one in os.environ if 'KEY' in one))", "editor.py")
    edited = on_terminal(desk, canary, "edit", "orders", more={"EDITOR": f"{sys.executable} {editor}"})
    assert edited.out.startswith("[]")
    assert desk.spawn("keys", "init").code == 0


def test_without_a_store_each_command_says_so(desk: Desk) -> None:
    for command in (["keys", "status"], ["keys", "rotate"], ["tenants", "list"]):
        assert code_of(desk.run(*command, "--json")) == "no_store"


def test_L1_older_tables_are_not_brought_up_to_date_under_a_wrong_key(made: Desk, canary: Canary) -> None:
    path = made.home / "authrecord" / "data" / "store.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        for table in ("people", "members", "sessions", "api_tokens", "repeats", "failures", "identities"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DROP INDEX claims_held")
        connection.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = store_hash(made)
    made.set("AUTHRECORD_KEY", "env:OTHER")
    made.set("OTHER", canary.watch(base64.b64encode(os.urandom(32)).decode(), "another key"))
    assert code_of(made.run("keys", "status", "--json")) == "wrong_key"
    assert code_of(made.run("tenants", "list", "--json")) == "wrong_key"
    assert store_hash(made) == before
    made.set("AUTHRECORD_KEY", "")
    ok(made.run("keys", "status"))
    assert store_hash(made) != before
