"""Where the records come from, and the options that every command has."""

from __future__ import annotations

from pathlib import Path

import pytest

from authrecord import __version__
from authrecord.cli.app import COMMANDS
from tests.cli.desk import Desk

BARE = "records: [{{name: {name}, auth: {{type: bearer, token: '${{env:T}}'}}}}]\n"


def names(desk: Desk, *arguments: str) -> list[str]:
    """The names that `list --json` answers."""
    ended = desk.run(*arguments)
    assert ended.code == 0
    return [one["name"] for one in ended.data["records"]]


def test_file_may_stand_before_and_behind_the_command(desk: Desk) -> None:
    desk.write(BARE.format(name="other"), "other.yaml")
    assert names(desk, "--file", "other.yaml", "list", "--json") == ["other"]
    assert names(desk, "list", "--json", "--file", "other.yaml") == ["other"]
    assert names(desk, "-f", "other.yaml", "--json", "list") == ["other"]


def test_the_option_behind_the_command_wins_over_the_one_before(desk: Desk) -> None:
    desk.write(BARE.format(name="one"), "one.yaml")
    desk.write(BARE.format(name="two"), "two.yaml")
    assert names(desk, "--file", "one.yaml", "list", "--file", "two.yaml", "--json") == ["two"]


def test_the_variable_names_the_document_and_the_option_wins(desk: Desk) -> None:
    desk.write(BARE.format(name="here"))
    desk.write(BARE.format(name="there"), "elsewhere/there.yaml")
    desk.set("AUTHRECORD_FILE", str(desk.folder / "elsewhere" / "there.yaml"))
    assert names(desk, "list", "--json") == ["there"]
    assert names(desk, "--file", "authrecord.yaml", "list", "--json") == ["here"]


def test_the_document_is_found_in_this_folder_and_above_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write(BARE.format(name="above"))
    below = desk.folder / "one" / "two"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert names(desk, "list", "--json") == ["above"]
    (below / "authrecord.yaml").write_text(BARE.format(name="here"), encoding="utf-8")
    assert names(desk, "list", "--json") == ["here"]


def test_the_configuration_folder_comes_last(desk: Desk) -> None:
    own = desk.home / "authrecord" / "config"
    own.mkdir(parents=True)
    (own / "authrecord.yaml").write_text(BARE.format(name="mine"), encoding="utf-8")
    assert names(desk, "list", "--json") == ["mine"]
    desk.write(BARE.format(name="project"))
    assert names(desk, "list", "--json") == ["project"]


@pytest.mark.parametrize("way", ["XDG_CONFIG_HOME", "HOME"])
def test_the_configuration_folder_follows_xdg_without_a_home_of_ours(desk: Desk, way: str) -> None:
    desk.unset("AUTHRECORD_HOME")
    base = desk.home / ("xdg" if way == "XDG_CONFIG_HOME" else ".config")
    if way == "XDG_CONFIG_HOME":
        desk.set(way, str(base))
    (base / "authrecord").mkdir(parents=True)
    (base / "authrecord" / "authrecord.yaml").write_text(BARE.format(name="mine"), encoding="utf-8")
    assert names(desk, "list", "--json") == ["mine"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("authrecord.json", '{"records": [{"name": "n", "auth": {"type": "bearer", "token": "${env:T}"}}]}'),
        ("authrecord.toml", '[[records]]\nname = "n"\nauth = {type = "bearer", token = "${env:T}"}\n'),
    ],
)
def test_json_and_toml_documents_are_found_too(desk: Desk, name: str, text: str) -> None:
    desk.write(text, name)
    assert names(desk, "list", "--json") == ["n"]


def test_no_document_at_all_means_the_users_store(desk: Desk) -> None:
    ended = desk.run("list")
    assert ended.code == 0
    assert str(desk.cache) in ended.out
    assert "`authrecord add NAME` writes one" in ended.out
    assert desk.run("list", "--json").data == {"store": str(desk.cache), "records": [], "after": ""}


def test_a_file_that_is_not_there_is_named(desk: Desk) -> None:
    ended = desk.run("--file", "gone.yaml", "list")
    assert ended.code in {3, 7}
    assert "gone.yaml" in ended.err


def test_every_command_explains_itself_with_an_example(desk: Desk) -> None:
    for name in COMMANDS:
        ended = desk.run(name, "--help")
        assert ended.code == 0
        assert "Example" in ended.out
        assert "--file" in ended.out
        assert "--json" in ended.out


def test_the_help_of_the_group_lists_every_command(desk: Desk) -> None:
    out = desk.run("--help").out
    assert all(f"  {name} " in out for name in COMMANDS)
    assert desk.run("-h").out == out


def test_the_version_is_the_package_s(desk: Desk) -> None:
    assert desk.run("--version").out == f"authrecord {__version__}\n"


def test_an_unknown_name_gets_the_nearest_one(desk: Desk) -> None:
    desk.write(BARE.format(name="orders"))
    ended = desk.run("show", "oders")
    assert ended.code == 3
    assert "Did you mean 'orders'?" in ended.err


def test_the_installed_command_takes_the_form_of_scripts(desk: Desk) -> None:
    """The form `authrecord --file F list`, in a process of its own."""
    path: Path = desk.write(BARE.format(name="orders"), "some.yaml")
    ended = desk.spawn("--file", str(path), "list", "--json")
    assert ended.code == 0
    assert ended.data["records"][0]["name"] == "orders"
