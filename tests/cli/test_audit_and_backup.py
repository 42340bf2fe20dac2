"""The audit log, backups and the doctor of the store, as commands."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest

from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.ports import TokenKey
from authrecord.stores.locating import located
from authrecord.stores.sql.opening import open_store
from tests.canary_watch import Canary
from tests.cli.desk import Desk


class Archive:
    """A desk whose store holds logins to `orders` and `billing`."""

    def __init__(self, desk: Desk, canary: Canary) -> None:
        self.desk = desk
        self.store = desk.home / "store" / "store.sqlite"
        self.backup = desk.home / "store.backup"
        self.canary = canary
        self.key = desk.home / "keys" / "store.key"
        desk.set("AUTHRECORD_KEY", f"file:{self.key}")
        self.use(self.store)
        self.log_in("orders", "billing", "orders")

    def use(self, path: Path) -> None:
        self.desk.set("AUTHRECORD_STORE", f"sqlite://{path}")

    def log_in(self, *names: str) -> None:
        store = open_store(located(os.environ), os.environ, clock=time, actor="cli:ada@host")
        with closing(store):
            for name in names:
                claim = store.claim(TokenKey(name, "a" * 64), seconds=30, patience=0)
                store.settle(claim, Token(access_token=Secret(self.canary("token")), obtained_at=time.time()))

    def tamper(self, statement: str) -> None:
        with closing(sqlite3.connect(self.store)) as connection, connection:
            connection.execute(statement)


@pytest.fixture
def archive(desk: Desk, canary: Canary) -> Archive:
    return Archive(desk, canary)


def test_the_list_shows_who_did_what_to_which_record(archive: Archive, desk: Desk) -> None:
    rows = desk.run("audit", "list", "--json").data["rows"]
    assert [(one["seq"], one["actor"], one["action"], one["name"], one["outcome"]) for one in rows] == [
        (1, "cli:ada@host", "token.renew", "orders", "ok"),
        (2, "cli:ada@host", "token.renew", "billing", "ok"),
        (3, "cli:ada@host", "token.renew", "orders", "ok"),
    ]
    out = desk.run("audit", "list").out
    assert "token.renew" in out
    assert "cli:ada@host" in out


def test_the_list_is_filtered(archive: Archive, desk: Desk) -> None:
    def numbers(*options: str) -> list[int]:
        return [one["seq"] for one in desk.run("audit", "list", "--json", *options).data["rows"]]

    assert numbers("--name", "orders") == [1, 3]
    assert numbers("--action", "token", "--last", "1") == [3]
    assert numbers("--action", "record") == []
    assert numbers("--outcome", "needs_login") == []
    assert numbers("--actor", "cli:") == numbers("--last", "0") == numbers("--since", "1h") == [1, 2, 3]
    assert numbers("--until", "2020-01-31T12:00Z") == []
    assert desk.run("audit", "list", "--name", "nobody").out == "The audit log holds no such rows.\n"
    assert desk.run("audit", "list", "--since", "yesterday").code == 2


def test_the_list_needs_no_key_and_the_check_does(archive: Archive, desk: Desk) -> None:
    archive.key.unlink()
    assert desk.run("audit", "list").code == 0
    ended = desk.run("audit", "verify")
    assert (ended.code, desk.run("audit", "verify", "--json").data["error"]["code"]) == (7, "no_key")


def test_N16_a_hostile_row_drives_no_terminal(archive: Archive, desk: Desk) -> None:
    """Even one that somebody wrote past us."""
    archive.tamper("UPDATE audit SET name = 'x' || char(27) || '[31m' || char(10) || 'y' WHERE seq = 1")
    archive.tamper("UPDATE audit SET action = 'No Word' WHERE seq = 2")
    ended = desk.run("audit", "list")
    assert "\x1b" not in ended.out
    assert "changed by somebody" in ended.out
    told = desk.run("audit", "list", "--json").out
    assert "\x1b" not in told
    assert json.loads(told)["rows"][1] == {"seq": 2, "readable": False}


def test_N14_the_check_ends_with_7_where_a_row_was_edited(archive: Archive, desk: Desk) -> None:
    ended = desk.run("audit", "verify")
    assert (ended.code, "3 rows of default: the chain holds" in ended.out) == (0, True)
    assert "Without a checkpoint" in ended.out
    archive.tamper("UPDATE audit SET name = 'other' WHERE seq = 2")
    ended = desk.run("audit", "verify")
    assert (ended.code, "row 2: this row was changed" in ended.out) == (7, True)
    told = desk.run("audit", "verify", "--json")
    assert (told.code, told.data["holds"], told.data["breaks"][0]["seq"]) == (7, False, 2)


def test_N14_a_checkpoint_shows_a_tail_that_was_cut(archive: Archive, desk: Desk) -> None:
    assert desk.run("audit", "checkpoint", "--to", "checkpoints").code == 0
    printed = desk.run("audit", "checkpoint").out
    assert json.loads(printed)["seq"] == 3
    desk.write(f"a line of something else\n2026-01-31 host {printed}", "collected")
    both = ("--checkpoint", "checkpoints", "--checkpoint", "collected")
    assert desk.run("audit", "verify", "--json", *both).data["checkpoints"] == 2
    archive.tamper("DELETE FROM audit WHERE seq = 3")
    archive.tamper("UPDATE audit_heads SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2)")
    assert desk.run("audit", "verify").code == 0
    ended = desk.run("audit", "verify", *both)
    assert (ended.code, "newest rows were cut off" in ended.out) == (7, True)
    assert stat.S_IMODE((desk.folder / "checkpoints").stat().st_mode) == 0o600


def test_N14_keep_writes_checkpoints_and_one_at_its_end(archive: Archive, desk: Desk) -> None:
    assert desk.run("keep", "--once", "--checkpoint", "checkpoints").code == 0
    told = desk.run("audit", "verify", "--json", "--checkpoint", "checkpoints").data
    assert (told["holds"], told["checkpoints"]) == (True, 1)
    assert json.loads((desk.folder / "checkpoints").read_text())["seq"] == 3
    printed = desk.run("keep", "--once", "--checkpoint", "-").out
    assert json.loads(printed)["seq"] == 3


def test_a_checkpoint_that_is_broken_is_named_by_its_line(archive: Archive, desk: Desk) -> None:
    desk.write('\n{"authrecord_checkpoint": 1, "tenant"', "collected")
    ended = desk.run("audit", "verify", "--checkpoint", "collected")
    assert (ended.code, "collected, line 2" in ended.err) == (3, True)


def test_no_store_is_made_by_looking(desk: Desk) -> None:
    for command in (("audit", "list"), ("audit", "verify"), ("backup", "b"), ("restore", "--confirm")):
        assert desk.run(*command, "--json").data["error"]["code"] == "no_store"
    assert not (desk.home / "authrecord" / "data" / "store.sqlite").exists()


def test_no_tables_are_made_where_a_mistyped_address_leads(archive: Archive, desk: Desk) -> None:
    elsewhere = desk.home / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "empty.sqlite").touch(mode=0o600)
    archive.use(elsewhere / "empty.sqlite")
    assert desk.run("audit", "list", "--json").data["error"]["code"] == "no_store"
    with closing(sqlite3.connect(elsewhere / "empty.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_L14_a_backup_is_restored_elsewhere_and_waits_for_a_person(archive: Archive, desk: Desk) -> None:
    ended = desk.run("backup", str(archive.backup))
    assert (ended.code, "0 records, 2 tokens, 3 audit rows" in ended.err) == (0, True)
    archive.use(desk.home / "other" / "store.sqlite")
    restored = desk.run("restore", str(archive.backup), "--json")
    assert (restored.code, restored.data["rows"]["tokens"], restored.data["renews"]) == (0, 2, False)
    assert desk.run("audit", "verify").code == 0
    waiting = desk.run("doctor", "--json")
    assert waiting.code == 7
    assert [step["code"] for step in waiting.data["steps"] if step["verdict"] == "failed"] == ["restored"]
    confirmed = desk.run("restore", "--confirm")
    assert (confirmed.code, "renews tokens from now on" in confirmed.err) == (0, True)
    assert "nothing to confirm" in desk.run("restore", "--confirm").err
    assert desk.run("doctor").code == 0
    newest = desk.run("audit", "list", "--last", "1", "--json").data["rows"][0]
    assert (newest["action"], newest["actor"].startswith("cli:")) == ("store.confirm", True)


def test_L14_neither_backup_nor_restore_needs_the_key(archive: Archive, desk: Desk) -> None:
    archive.key.unlink()
    told = desk.run("backup", str(archive.backup), "--json")
    assert (told.code, told.data["rows"]["audit"]) == (0, 3)
    archive.use(desk.home / "other" / "store.sqlite")
    assert desk.run("restore", str(archive.backup)).code == 0
    assert desk.run("restore", "--confirm").code == 7


def test_L14_a_store_that_is_not_empty_is_restored_over_only_when_told_to(
    archive: Archive, desk: Desk
) -> None:
    desk.run("backup", str(archive.backup))
    archive.log_in("third")
    refused = desk.run("restore", str(archive.backup))
    assert (refused.code, "--replace" in refused.err) == (7, True)
    assert len(desk.run("audit", "list", "--json").data["rows"]) == 4
    assert desk.run("restore", "--replace", str(archive.backup)).code == 0
    assert len(desk.run("audit", "list", "--json").data["rows"]) == 3


def test_what_is_no_backup_is_refused(archive: Archive, desk: Desk) -> None:
    desk.write("records: []")
    assert "no backup of authrecord" in desk.run("restore", "authrecord.yaml").err
    assert desk.run("restore").code == 2
    assert desk.run("restore", "authrecord.yaml", "--confirm").code == 2
    assert desk.run("restore", "--confirm", "--replace").code == 2


def test_the_doctor_tells_each_thing_to_change_and_ends_with_its_code(archive: Archive, desk: Desk) -> None:
    ended = desk.run("doctor")
    assert ended.code == 0
    assert "all 2 sealed values open" in ended.out
    archive.tamper("UPDATE tokens SET generation = 9 WHERE name = 'orders'")
    desk.set("SSLKEYLOGFILE", "/somewhere/keys.log")
    ended = desk.run("doctor")
    assert ended.code == 7
    assert "tokens of orders" in ended.out
    assert [line.partition(":")[0] for line in ended.out.splitlines()[-2:]] == ["Change this", "Better"]
    told = desk.run("doctor", "--json").data
    assert (told["exit_code"], len(told["advice"])) == (7, 2)
    assert desk.run("doctor", "--ask", "no origin").code == 3


def test_the_doctor_opens_no_store_that_others_reach(archive: Archive, desk: Desk) -> None:
    archive.store.chmod(0o644)
    ended = desk.run("doctor", "--json")
    found = {step["step"]: step["verdict"] for step in ended.data["steps"]}
    assert (ended.code, found["place"], found["seals"]) == (7, "failed", "skipped")
