"""Rows P10 to P14 of the attack catalogue: arguments, environments, documentation, and modes that do not exist."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from authrecord.cli.app import COMMANDS, authrecord
from tests.canary_watch import Canary
from tests.cli.desk import Desk, Shop
from tests.cli.terminal import Unseen, on_terminal

ROOT: Final = Path(__file__).parents[2]
PROCESSES: Final = Path("/proc")

DUMPS: Final = """
import json, os, pathlib, sys
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps([dict(os.environ), sys.argv]))
"""
"""A program that says what it was given."""


class Sampler:
    """Reads the command lines of all processes, again and again, while it is open."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.is_set():
            self.seen.update(_command_lines())


def _command_lines() -> Iterator[bytes]:
    for folder in PROCESSES.iterdir():
        if folder.name.isdigit():
            try:
                yield (folder / "cmdline").read_bytes()
            except OSError:  # it has ended meanwhile
                continue


@pytest.mark.skipif(not PROCESSES.is_dir(), reason="there is no /proc on this system")
def test_P10_no_command_line_holds_a_secret_while_commands_run(shop: Shop, canary: Canary) -> None:
    """A user's whole day, while somebody else reads `/proc/*/cmdline`."""
    desk, url = shop.desk, shop.server.api_url
    fresh = canary("fresh_secret")
    for sink in ("file:authrecord.yaml", "file:secret.txt"):
        canary.allow(fresh, sink=sink)
    desk.write(fresh, "secret.txt")
    new = ("--type", "bearer", "--origin", shop.server.url)
    with Sampler() as sampler:
        desk.spawn("add", "by-stdin", *new, "--secret-stdin", "token", typed=fresh.encode())
        desk.spawn("add", "by-file", *new, "--secret-file", "token=secret.txt")
        on_terminal(
            desk, canary, "add", "asked", *new, "--secret", "token", answers=[("Token", Unseen(fresh))]
        )
        desk.spawn("login", "orders")
        token = desk.spawn("token", "orders").out.strip()
        canary.allow(token, sink="stdout")
        desk.spawn("headers", "orders", url)
        desk.spawn("request", "orders", "POST", url, "-d", "-", typed=fresh.encode())
        desk.spawn("check", "by-file", url)
        desk.spawn("remove", "by-stdin", "--yes")
    lines = [line for line in sampler.seen if b"authrecord" in line]
    assert len(lines) >= 4
    for line in lines:
        canary.scan(line, "argv")


def every_option() -> Iterator[tuple[str, click.Option]]:
    """Each command's options."""
    for name in COMMANDS:
        context = click.Context(authrecord)
        command = authrecord.get_command(context, name)
        assert command is not None
        below = command.commands.values() if isinstance(command, click.Group) else ()
        for one in (command, *below):
            for parameter in one.params:
                if isinstance(parameter, click.Option):
                    yield name, parameter


def test_P10_P12_no_option_takes_a_secret_as_its_value() -> None:
    """What is called like a secret takes a path of a field, a file or a reference, or nothing at all."""
    telling = re.compile(r"secret|token|password|key|credential", re.IGNORECASE)
    found = {
        (option.opts[-1], option.metavar)
        for _, option in every_option()
        if not option.is_flag and telling.search(" ".join(option.opts))
    }
    assert found == {
        ("--secret", "PATH"),
        ("--secret-stdin", "PATH"),
        ("--secret-file", "PATH=FILE"),
        ("--secret-ref", "PATH=REFERENCE"),
        ("--token-life", "SECONDS"),
        ("--password-file", "FILE"),
        ("--tls-key", "FILE"),
        ("--client-key", "PATH"),
        ("--oidc-client-secret", "REFERENCE"),
        ("--own-credential", None),  # what becomes of a client's own: replace, keep or refuse
    }


def texts_to_copy() -> dict[str, str]:
    """All that a user may copy a command from."""
    found = {}
    for name in COMMANDS:
        command = authrecord.get_command(click.Context(authrecord), name)
        assert command is not None
        with click.Context(command, info_name=name) as context:
            found[name] = command.get_help(context)
    for path in (
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
        *(ROOT / "docs/reference").glob("*.md"),
    ):
        found[path.name] = path.read_text(encoding="utf-8")
    return found


def commands_in(text: str) -> Iterator[str]:
    """The lines that call us or curl, with their continuations."""
    for line in text.replace("\\\n", " ").splitlines():
        if re.match(r"\s*(\$ )?(\w+=\$\()?(authrecord|curl|http|wget)\s", line.removeprefix("Example: ")):
            yield line.strip()


SETS_A_SECRET: Final = re.compile(r"--set\s+\S*(secret|password|token|value|private_key)=(?!['\"]?\$\{)")
SENDS_A_SECRET: Final = re.compile(
    r"(-H|--header|-u|--user)\s+['\"]?[^'\"]*(Bearer|Basic|Token|[Kk]ey|:)\s*\$?\(?authrecord"
)
IN_AN_ARGUMENT: Final = re.compile(r"['\"][^'\"]*\$\(authrecord (-\S+ \S+ )*(token|headers)")


def test_P12_no_example_puts_a_secret_on_a_command_line() -> None:
    """Nor on that of curl, where `$(authrecord token …)` would stand for others to read: `curl -H @-` takes it."""
    lines = [(name, line) for name, text in texts_to_copy().items() for line in commands_in(text)]
    assert len(lines) > 20
    faults = [
        f"{name}: {line}"
        for name, line in lines
        if SETS_A_SECRET.search(line) or SENDS_A_SECRET.search(line) or IN_AN_ARGUMENT.search(line)
    ]
    assert faults == []


def test_P11_a_command_reference_gets_a_small_environment(shop: Shop, canary: Canary) -> None:
    """No key, no token, no setting: what password managers need to find themselves, and no more."""
    script = shop.desk.write(DUMPS + "print('of-no-worth')\n", "manager.py")
    shop.document(
        f"  - name: b\n    allowed_origins: ['{shop.server.url}']\n"
        f"    auth: {{type: bearer, token: '${{command:{sys.executable} {script}}}'}}\n"
    )
    shop.desk.set("AUTHRECORD_ALLOW_COMMANDS", "1")
    shop.desk.set("AUTHRECORD_KEY", "env:SEALING")
    shop.desk.set("SEALING", canary("sealing_key"))
    assert shop.desk.spawn("token", "b").out == "of-no-worth\n"
    given, arguments = json.loads(script.with_suffix(".json").read_text(encoding="utf-8"))
    assert set(given) <= {"PATH", "HOME", "LANG", "TERM", "LC_CTYPE", "TMPDIR"}
    assert arguments == [str(script)]


def test_P11_a_command_reference_is_not_run_without_leave(shop: Shop) -> None:
    script = shop.desk.write(DUMPS, "manager.py")
    shop.document(
        f"  - {{name: b, auth: {{type: bearer, token: '${{command:{sys.executable} {script}}}'}}}}\n"
    )
    ended = shop.desk.run("token", "b")
    assert ended.code == 3
    assert "AUTHRECORD_ALLOW_COMMANDS=1" in ended.err
    assert not script.with_suffix(".json").exists()


def test_P13_no_command_runs_another_with_a_token() -> None:
    """`run` gives its child a proxy and that proxy's password, never a token: `tests/cli/test_run.py`."""
    assert set(COMMANDS) & {"exec", "env", "shell", "with"} == set()
    for name in COMMANDS.keys() - {"run"}:
        command = authrecord.get_command(click.Context(authrecord), name)
        assert command is not None
        # What a command takes any number of are names of records, never the words of another command.
        many = {parameter.name for parameter in command.params if parameter.nargs == -1}
        assert many <= {"names"}, name


def test_P13_the_editor_s_environment_holds_no_token(shop: Shop, canary: Canary) -> None:
    """The one program that runs while the tokens are there to be had."""
    shop.desk.run("login", "orders")
    script = shop.desk.write(DUMPS, "editor.py")
    canary.allow(shop.client.secret, sink="file:editor.json")  # it stood in the user's own environment before
    ended = on_terminal(shop.desk, canary, "edit", "orders", more={"EDITOR": f"{sys.executable} {script}"})
    assert ended.code == 0, ended.out
    given, _ = json.loads(script.with_suffix(".json").read_text(encoding="utf-8"))
    token = next(iter(shop.server._state.access))
    assert not any(token in value for value in given.values())


def test_P14_nothing_goes_to_the_clipboard(desk: Desk) -> None:
    names = {name for _, option in every_option() for name in option.opts}
    assert not [name for name in names if "copy" in name or "clip" in name]
    assert desk.run("token", "x", "--copy").code == 2


@pytest.mark.parametrize("command", [("token", "orders"), ("headers", "orders", "{url}")])
@pytest.mark.parametrize("as_json", [True, False])
def test_P15_no_secret_reaches_a_terminal_unless_it_is_asked_for(
    shop: Shop, canary: Canary, command: tuple[str, ...], as_json: bool
) -> None:
    arguments = [one.format(url=shop.server.api_url) for one in command] + (["--json"] if as_json else [])
    ended = on_terminal(shop.desk, canary, *arguments)
    assert ended.code == 0
    assert "••••" in ended.out or "\\u2022" in ended.out or "%E2%80%A2" in ended.out


def test_P15_show_and_check_and_list_hold_no_secret_on_a_terminal(shop: Shop, canary: Canary) -> None:
    secret = canary("token")
    canary.allow(secret, sink="file:authrecord.yaml")
    shop.document(
        shop.record(),
        f"  - {{name: b, allowed_origins: ['{shop.server.url}'], auth: {{type: bearer, token: {secret}}}}}\n",
    )
    for arguments in (("show", "b"), ("list",), ("check", "b", shop.server.api_url), ("check", "orders")):
        ended = on_terminal(shop.desk, canary, *arguments)
        assert ended.code in {0, 1}, arguments
