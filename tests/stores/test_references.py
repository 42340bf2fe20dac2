"""References to secrets that live elsewhere, and every way in which one can be wrong."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from authrecord.core.errors import RecordFault
from authrecord.core.secret import Reference
from authrecord.stores import commands
from authrecord.stores.references import MOST_BYTES, resolver
from tests.canary_watch import Canary

from .test_keys import RealBackend, previous_keyring, use

__all__ = ["previous_keyring"]


class Finder:
    """A resolver on a folder and an environment that tests fill in."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.environment: dict[str, str] = {"HOME": str(base), "PATH": os.environ["PATH"]}
        self.allow_commands = True

    def __call__(self, kind: str, argument: str) -> str:
        resolve = resolver(self.environment, base=self.base, allow_commands=self.allow_commands)
        return resolve(Reference(kind, argument)).reveal()

    def command(self, code: str) -> str:
        """A Python program as a command reference."""
        return self("command", shlex.join([sys.executable, "-I", "-c", code]))


@pytest.fixture
def find(tmp_path: Path) -> Finder:
    return Finder(tmp_path)


def test_a_variable_of_the_environment_is_found(find: Finder, canary: Canary) -> None:
    find.environment["TOKEN"] = canary("token")
    assert find("env", "TOKEN") == find.environment["TOKEN"]


def test_a_missing_variable_is_named(find: Finder) -> None:
    with pytest.raises(RecordFault, match="ORDERS_TOKEN"):
        find("env", "ORDERS_TOKEN")


@pytest.mark.parametrize("value", ["", "with\0zero"])
def test_an_unusable_value_is_refused(find: Finder, value: str) -> None:
    find.environment["TOKEN"] = value
    with pytest.raises(RecordFault):
        find("env", "TOKEN")


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("argument", ["secret.txt", "~/secret.txt", "absolute"])
def test_a_file_is_read_without_its_last_newline(
    find: Finder, canary: Canary, argument: str, end: str
) -> None:
    value = canary("secret")
    file = find.base / "secret.txt"
    file.write_bytes((value + end).encode())
    try:
        assert find("file", str(file) if argument == "absolute" else argument) == value
    finally:
        file.unlink()


def test_D13_only_one_newline_at_the_end_goes(find: Finder) -> None:
    (find.base / "key.pem").write_text("first\nsecond\n\n")
    assert find("file", "key.pem") == "first\nsecond\n"


def test_a_file_that_is_no_secret_is_refused(find: Finder) -> None:
    (find.base / "folder").mkdir()
    (find.base / "large").write_bytes(b"x" * (MOST_BYTES + 1))
    (find.base / "binary").write_bytes(b"\xff\xfe")
    (find.base / "empty").write_bytes(b"\n")
    names = ["missing", "folder", "large", "binary", "empty"]
    if sys.platform != "win32":
        os.mkfifo(find.base / "pipe")
        names += ["pipe", "/dev/zero"]
    for name in names:
        with pytest.raises(RecordFault) as caught:
            find("file", name)
        assert "${file:" in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_keyring_entry(find: Finder, canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = RealBackend()
    use(backend, monkeypatch)
    backend.entries["service", "name"] = value = canary("secret")
    assert find("keyring", "service/name") == value
    with pytest.raises(RecordFault, match="does not have"):
        find("keyring", "service/other")


def test_the_missing_extra_is_named(find: Finder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(RecordFault, match=r"authrecord\[keyring\]"):
        find("keyring", "service/name")


@pytest.mark.parametrize("kind", ["env", "file", "keyring", "command"])
@pytest.mark.parametrize("character", ["\n", "\r", "\0", "\x7f"])
def test_D13_a_reference_with_a_control_character_is_refused(find: Finder, kind: str, character: str) -> None:
    with pytest.raises(RecordFault, match="control character"):
        find(kind, f"a{character}b")


def test_an_unknown_kind_is_refused(find: Finder) -> None:
    with pytest.raises(RecordFault, match="not known"):
        find("vault", "x")


def test_a_command_that_is_allowed_gives_its_output(find: Finder) -> None:
    assert find.command("print(40 + 2)") == "42"


def test_a_command_runs_only_when_allowed(find: Finder) -> None:
    find.allow_commands = False
    with pytest.raises(RecordFault, match="AUTHRECORD_ALLOW_COMMANDS=1") as caught:
        find.command("open('ran', 'w')")
    assert caught.value.code == "command_not_allowed"
    assert not (find.base / "ran").exists()


def test_L12_no_shell_takes_part(find: Finder) -> None:
    (find.base / "file").touch()
    assert find("command", "echo '$HOME' * ; echo") == "$HOME * ; echo"


def test_P11_a_command_gets_a_bare_environment(find: Finder, canary: Canary) -> None:
    find.environment["CLIENT_SECRET"] = canary("client_secret")
    seen = find.command("import os; print(*sorted(os.environ))").split()
    assert set(seen) <= {"HOME", "PATH", "LC_CTYPE"}  # Python itself adds the last one


def test_L12_standard_error_goes_nowhere(
    find: Finder, canary: Canary, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (find.base / "noise").write_text(value := canary("noise"))
    canary.allow(value, sink="file:noise")
    assert find.command("import sys; sys.stderr.write(open('noise').read()); print('out')") == "out"
    assert capfd.readouterr().err == ""


def test_L12_a_failing_command_is_refused_without_its_words(find: Finder) -> None:
    with pytest.raises(RecordFault, match="status 3") as caught:
        find.command("print('said'); raise SystemExit(3)")
    assert "said" not in str(caught.value)


def test_L12_a_command_that_hangs_is_ended_with_its_children(
    find: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "SECONDS", 0.3)
    hangs = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with pytest.raises(RecordFault, match="did not end"):
        find.command(hangs)


def test_L12_a_command_that_never_stops_printing_is_ended(find: Finder) -> None:
    with pytest.raises(RecordFault, match="more than 4096 bytes"):
        find.command("while True: print('x' * 4096)")


@pytest.mark.parametrize("command", ["'open quote", " ", "/no/such/program-of-ours"])
def test_a_command_that_cannot_start_is_refused(find: Finder, command: str) -> None:
    with pytest.raises(RecordFault):
        find("command", command)


def test_the_arguments_of_a_command_are_not_shown(find: Finder, canary: Canary) -> None:
    argument = canary("argument")
    canary.allow(argument, sink="argv")  # the user wrote it into the command
    with pytest.raises(RecordFault) as caught:
        find("command", f"/no/such/program-of-ours {argument}")
    assert "/no/such/program-of-ours …" in str(caught.value)
