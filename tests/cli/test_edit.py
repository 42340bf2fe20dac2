"""`authrecord edit` and `remove`: what was not meant stays byte for byte, in the document and in its secrets."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.canary_watch import Canary
from tests.cli.desk import Desk, Ended, Shop
from tests.cli.terminal import on_terminal, words

BEFORE = """\
# Ours; ask Ada before you change it.
records:

  - name: first      # the old one
    allowed_origins: [ 'https://one.example' ]
    auth: {type: bearer, token: "${env:ONE}"}   # from the vault
"""
AFTER = """
  - {name: last, auth: {type: api_key, key: 'X-Key', value: "${env:LAST}"}}
# The end.
"""


def between(secret: str, key: str) -> str:
    """The record that is changed: two secrets stand in it."""
    return f"""
  # about the middle one
  - name: middle
    description: before
    allowed_origins: ["https://api.example.com"]
    auth:
      type: oauth2
      grant: client_credentials
      credentials: {{client_id: c, client_secret: {json.dumps(secret)}}}
      token_exchange:
        url: https://id.example.com/token
        parameters:
          - {{key: tenant, value: {json.dumps(key)}, sensitive: true}}
"""


class Middle:
    """A document of three records, and an editor that does what a test says."""

    def __init__(self, desk: Desk, canary: Canary) -> None:
        self.desk, self.canary = desk, canary
        self.secret, self.key = canary("client_secret", alphabet="hard"), canary("tenant_key")
        for one in (self.secret, self.key):
            canary.allow(one, sink="file:authrecord.yaml")
        self.path = desk.write(BEFORE + between(self.secret, self.key) + AFTER)

    def editor(self, script: str) -> None:
        """`text` is what the editor sees; `script` changes it. What it saw is kept beside it."""
        file = self.desk.folder / "editor.py"
        file.write_text(
            "import pathlib, sys, os, stat\nfile = pathlib.Path(sys.argv[-1])\ntext = file.read_text()\n"
            "seen = pathlib.Path(__file__).with_name('seen.txt')\n"
            "seen.write_text(oct(stat.S_IMODE(file.stat().st_mode)) + '\\n' + text)\n"
            f"{script}\nfile.write_text(text)\n",
            encoding="utf-8",
        )
        self.desk.set("EDITOR", f"{sys.executable} '{file}' --flag")

    def edited(self, script: str, answers: tuple[tuple[str, str], ...] = ()) -> Ended:
        """The record after the editor."""
        self.editor(script)
        return on_terminal(self.desk, self.canary, "edit", "middle", answers=answers)

    @property
    def seen(self) -> str:
        """The mode of the file that the editor got, and its text."""
        return (self.desk.folder / "seen.txt").read_text(encoding="utf-8")

    def revealed(self) -> Any:
        """The record as it stands now, secrets included."""
        for one in (self.secret, self.key):
            self.canary.allow(one, sink="stdout")
        return self.desk.run("show", "middle", "--json", "--reveal").data["records"][0]


@pytest.fixture
def middle(desk: Desk, canary: Canary) -> Middle:
    return Middle(desk, canary)


def check_the_others_are_untouched(path: Path) -> None:
    """What stands before and behind the record in the middle."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith(BEFORE)
    assert text.endswith(AFTER)


def test_the_editor_changes_one_field_and_the_secrets_stay(middle: Middle) -> None:
    ended = middle.edited("text = text.replace('before', 'after')")
    assert ended.code == 0, words(ended.out)
    record = middle.revealed()
    assert record["description"] == "after"
    assert record["auth"]["credentials"]["client_secret"] == middle.secret
    assert record["auth"]["token_exchange"]["parameters"][0]["value"] == middle.key
    check_the_others_are_untouched(middle.path)
    assert "# about the middle one" in middle.path.read_text(encoding="utf-8")


def test_the_editor_sees_references_in_place_of_secrets(middle: Middle) -> None:
    middle.edited("")
    assert "${env:UNCHANGED_1}" in middle.seen
    assert "${env:UNCHANGED_2}" in middle.seen
    assert middle.seen.startswith("0o600\n")
    middle.canary.scan(middle.seen, "the editor")


def test_nothing_changed_in_the_editor_changes_no_value(middle: Middle) -> None:
    before = middle.revealed()
    assert middle.edited("").code == 0
    assert middle.revealed() == before
    check_the_others_are_untouched(middle.path)


def test_a_secret_may_be_replaced_by_a_reference_in_the_editor(middle: Middle) -> None:
    middle.edited("text = text.replace('${env:UNCHANGED_1}', '${env:FROM_NOW_ON}')")
    assert middle.revealed()["auth"]["credentials"]["client_secret"] == "${env:FROM_NOW_ON}"
    assert middle.secret not in middle.path.read_text(encoding="utf-8")


def test_a_fault_in_the_editor_is_shown_and_asked_again(middle: Middle) -> None:
    again = (
        "if 'client_id: c' in text: text = text.replace('client_id: c', 'client_idd: c')\n"
        "else: text = text.replace('client_idd: c', 'client_id: other')"
    )
    ended = middle.edited(again, (("Open the editor again?", "y"),))
    assert ended.code == 0, words(ended.out)
    assert "client_idd" in words(ended.out)
    assert middle.revealed()["auth"]["credentials"]["client_id"] == "other"


def test_a_fault_in_the_editor_may_be_given_up(middle: Middle) -> None:
    before = middle.path.read_bytes()
    ended = middle.edited("text = 'nonsense: ['", (("Open the editor again?", "n"),))
    assert ended.code == 130
    assert middle.path.read_bytes() == before


@pytest.mark.parametrize(
    "script",
    ["text = text.replace('name: middle', 'name: other')", "text = 'records: []'", "sys.exit(3)"],
)
def test_what_cannot_be_taken_changes_nothing(middle: Middle, script: str) -> None:
    before = middle.path.read_bytes()
    ended = middle.edited(script)
    assert ended.code in {3, 130}
    assert middle.path.read_bytes() == before


def test_an_editor_that_is_not_there_is_no_fault_of_ours(middle: Middle) -> None:
    middle.desk.set("EDITOR", "no-such-editor-anywhere")
    ended = on_terminal(middle.desk, middle.canary, "edit", "middle")
    assert ended.code in {2, 7}
    assert "no-such-editor-anywhere" in ended.out


def test_P11_the_editor_gets_no_key_and_no_setting_of_ours(middle: Middle) -> None:
    """The key that seals the tokens may stand in a variable."""
    middle.desk.set("AUTHRECORD_KEY", "env:SEALING")
    middle.desk.set("SEALING", middle.canary("sealing_key"))
    assert middle.edited("text = text.replace('before', ' '.join(sorted(os.environ)))").code == 0
    names = middle.revealed()["description"].split()
    assert "EDITOR" in names
    assert "SEALING" not in names
    assert not [name for name in names if name.startswith("AUTHRECORD_")]


def test_visual_comes_before_editor(middle: Middle) -> None:
    middle.editor("text = text.replace('before', 'by editor')")
    middle.desk.set("VISUAL", middle.desk.environment()["EDITOR"])
    middle.desk.set("EDITOR", "no-such-editor-anywhere")
    assert on_terminal(middle.desk, middle.canary, "edit", "middle").code == 0
    assert middle.revealed()["description"] == "by editor"


def test_without_a_terminal_and_options_it_says_what_to_do(middle: Middle) -> None:
    ended = middle.desk.run("edit", "middle")
    assert ended.code == 2
    assert "--set" in ended.err


def test_options_change_what_they_name_and_keep_the_rest(middle: Middle) -> None:
    ended = middle.desk.run(
        "edit", "middle", "--set", "token_exchange.scope=orders.read", "--set", "tags=a,b"
    )
    assert ended.code == 0, ended.err
    record = middle.revealed()
    assert record["auth"]["token_exchange"]["scope"] == "orders.read"
    assert record["tags"] == ["a", "b"]
    assert record["auth"]["credentials"]["client_secret"] == middle.secret
    check_the_others_are_untouched(middle.path)


def test_a_secret_is_changed_by_standard_input(middle: Middle) -> None:
    fresh = middle.canary("fresh_secret")
    middle.canary.allow(fresh, sink="file:authrecord.yaml")
    middle.canary.allow(fresh, sink="stdout")
    ended = middle.desk.run("edit", "middle", "--secret-stdin", "credentials.client_secret", typed=fresh)
    assert ended.code == 0, ended.err
    assert middle.revealed()["auth"]["credentials"]["client_secret"] == fresh


def test_line_ends_of_another_system_stay(desk: Desk) -> None:
    path = desk.folder / "authrecord.yaml"
    path.write_bytes((BEFORE + AFTER).replace("\n", "\r\n").encode())
    assert desk.run("edit", "last", "--set", "description=x").code == 0
    assert path.read_bytes().startswith(BEFORE.replace("\n", "\r\n").encode())
    assert desk.run("remove", "last", "--yes").code == 0
    assert path.read_bytes().startswith(BEFORE.replace("\n", "\r\n").encode())


@pytest.mark.parametrize("name", ["authrecord.json", "authrecord.toml"])
def test_json_and_toml_are_edited_and_removed_from_too(desk: Desk, name: str) -> None:
    texts = {
        "authrecord.json": '{"records": [\n  {"name": "a", "auth": {"type": "bearer", "token": "${env:A}"}},\n'
        '  {"name": "b", "auth": {"type": "bearer", "token": "${env:B}"}}]}\n',
        "authrecord.toml": '# ours\n[[records]]\nname = "a"  # one\nauth = {type = "bearer", token = "${env:A}"}\n\n'
        '[[records]]\nname = "b"\nauth = {type = "bearer", token = "${env:B}"}\n',
    }
    path = desk.write(texts[name], name)
    assert desk.run("edit", "b", "--set", "prefix=Token").code == 0
    assert desk.run("show", "b", "--json").data["records"][0]["auth"]["prefix"] == "Token"
    assert desk.run("remove", "a", "--yes").code == 0
    assert [one["name"] for one in desk.run("list", "--json").data["records"]] == ["b"]
    assert path.exists()


def test_remove_takes_one_record_and_keeps_every_other_byte(middle: Middle) -> None:
    assert middle.desk.run("remove", "middle", "--yes").code == 0
    text = middle.path.read_text(encoding="utf-8")
    assert text.startswith(BEFORE)
    assert text.endswith(AFTER)
    assert "middle" not in text.replace("# about the middle one", "")


def test_remove_asks_first_and_takes_no_for_an_answer(middle: Middle) -> None:
    before = middle.path.read_bytes()
    ended = on_terminal(middle.desk, middle.canary, "remove", "middle", answers=[("Remove middle from", "n")])
    assert ended.code == 130
    assert middle.path.read_bytes() == before
    assert middle.desk.run("remove", "middle").code == 130
    assert middle.path.read_bytes() == before


def test_remove_forgets_the_tokens(shop: Shop) -> None:
    shop.desk.run("login", "orders")
    text = (shop.desk.folder / "authrecord.yaml").read_bytes()
    assert shop.desk.run("remove", "orders", "--yes").code == 0
    assert shop.desk.run("list", "--json").data["records"] == []
    (shop.desk.folder / "authrecord.yaml").write_bytes(text)
    assert shop.desk.run("list", "--json").data["records"][0]["state"] == "not_yet"


def test_removing_what_is_not_there_changes_nothing(middle: Middle) -> None:
    before = middle.path.read_bytes()
    assert middle.desk.run("remove", "midle", "--yes").code == 3
    assert middle.path.read_bytes() == before
