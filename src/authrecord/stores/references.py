"""Finds the secrets that a record refers to: `${env:…}`, `${file:…}`, `${keyring:…}`, `${command:…}`.

A value is looked up when it is needed and stored nowhere. One newline at its end does not count; a NUL byte, a
value that is not text and an empty value are refused. Messages name where it was looked for, never what was found.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from ..core.contracts import Resolver
from ..core.errors import RecordFault
from ..core.secret import Reference, Secret

MOST_BYTES: Final = 64 * 1024
"""The largest file that a reference may name."""

ALLOW_VARIABLE: Final = "AUTHRECORD_ALLOW_COMMANDS"


def resolver(environment: Mapping[str, str], *, base: Path, allow_commands: bool) -> Resolver:
    """Finds secrets by `environment` and below `base`, the folder of the document. See `Resolver`.

    Commands run only when `allow_commands` is true: a document that came from somebody else must not.
    """

    def resolve(reference: Reference) -> Secret:
        argument = reference.argument
        if any(character < " " or character == "\x7f" for character in argument):
            _fail(reference, "holds a control character", "Write it on one line.")
        if reference.kind == "env":
            value = _from_environment(reference, environment)
        elif reference.kind == "file":
            value = _text(reference, _from_file(reference, environment, base))
        elif reference.kind == "keyring":
            value = _from_keyring(reference)
        elif reference.kind == "command":
            value = _text(reference, _from_command(reference, environment, base, allow_commands))
        else:
            _fail(reference, "is of a kind that is not known", "Use env, file, keyring or command.")
        if not value:
            _fail(reference, "gave an empty value", "Put the secret there.")
        if "\0" in value:
            _fail(reference, "gave a NUL byte", "A secret is text.")
        return Secret(value)

    return resolve


def _from_environment(reference: Reference, environment: Mapping[str, str]) -> str:
    value = environment.get(reference.argument)
    if value is None:
        _fail(
            reference,
            f"names the variable {reference.argument}, which is not set",
            "Set it, or correct the name.",
        )
    return value


def _from_file(reference: Reference, environment: Mapping[str, str], base: Path) -> bytes:
    try:
        with open(_path(reference, environment, base), "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                _fail(reference, "names something that is not a regular file", "Name a file.")
            data = file.read(MOST_BYTES + 1)
    except IsADirectoryError:
        _fail(reference, "names a folder", "Name a file.")
    except OSError as error:
        _fail(
            reference,
            f"could not be read ({error.strerror})",
            "Relative paths start at the document's folder.",
        )
    if len(data) > MOST_BYTES:
        _fail(
            reference,
            f"names a file larger than {MOST_BYTES} bytes",
            "Name a file that holds only the secret.",
        )
    return data


def _open_without_waiting(path: str, flags: int) -> int:
    """Open so that a named pipe nobody writes to does not hold us."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _path(reference: Reference, environment: Mapping[str, str], base: Path) -> Path:
    argument = reference.argument
    if argument == "~" or argument.startswith("~/"):
        home = environment.get("HOME") or environment.get("USERPROFILE")
        if not home:
            _fail(reference, "begins with ~, and HOME is not set", "Write the whole path.")
        return Path(home) / argument[2:]
    return base / argument


def _from_keyring(reference: Reference) -> str:
    from .keyrings import OTHER_SOURCES, KeyringUnusable, get

    try:
        value = get(reference.argument)
    except KeyringUnusable as error:
        _fail(reference, f"could not be read: {error}", OTHER_SOURCES)
    if value is None:
        _fail(reference, "names an entry that the keyring does not have", "Add it, or correct the name.")
    return value


def _from_command(reference: Reference, environment: Mapping[str, str], base: Path, allowed: bool) -> bytes:
    if not allowed:
        _fail(
            reference,
            "would run a command, which is not allowed",
            f"If you trust this document, set {ALLOW_VARIABLE}=1.",
            code="command_not_allowed",
        )
    from .commands import CommandFailed, output_of

    try:
        return output_of(reference.argument, environment=environment, folder=str(base))
    except CommandFailed as error:
        _fail(reference, str(error), "Run it by hand and look.")


def _text(reference: Reference, data: bytes) -> str:
    """The bytes as text, without one newline at the end."""
    text: str | None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = None  # the fault is raised outside of this block: the codec's exception holds the bytes
    if text is None:
        _fail(reference, "gave bytes that are not UTF-8 text", "A secret is text.")
    return text.removesuffix("\n").removesuffix("\r")


def _fail(reference: Reference, what: str, hint: str, code: str = "reference") -> NoReturn:
    """Raises the fault. Of a command only the program is shown: its arguments may say more than they should."""
    shown = str(reference)
    if reference.kind == "command":
        program = reference.argument.split()[0] if reference.argument.split() else ""
        shown = "${command:" + program + " …}"
    raise RecordFault(f"the reference {shown!r} {what}.", hint=hint, code=code) from None
