"""Runs a command that prints a secret: no shell, a bare environment, 10 seconds, 4 KiB (attack row L12)."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from collections.abc import Mapping
from typing import Final

SECONDS: Final = 10.0
MOST_BYTES: Final = 4096

PASSED_ON: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TERM",
    "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
    "GNUPGHOME", "GPG_TTY", "SSH_AUTH_SOCK", "PASSWORD_STORE_DIR",
    "SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TEMP", "PATHEXT",
)  # fmt: skip
"""The variables a command gets: what password managers need to find themselves. No key, no token."""


class CommandFailed(Exception):
    """The command gave no secret. The text says why, without a word of what it printed."""


def output_of(command: str | list[str], *, environment: Mapping[str, str], folder: str) -> bytes:
    """What `command` prints, up to 4 KiB; it runs in `folder`. Raises `CommandFailed`.

    A text is split into words as a shell would, but no shell runs; a list is taken as it is. Its standard error is
    thrown away: it is not ours to judge what a password manager writes there.
    """
    try:
        arguments = shlex.split(command) if isinstance(command, str) else command
    except ValueError:
        raise CommandFailed("has a quote that is not closed") from None
    if not arguments:
        raise CommandFailed("names no program")
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, allowed by a setting, without a shell
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: environment[name] for name in PASSED_ON if name in environment},
            cwd=folder,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise CommandFailed(f"could not be started ({type(error).__name__})") from None
    return _read(process)


def _read(process: subprocess.Popen[bytes]) -> bytes:
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(SECONDS, stop)
    timer.daemon = True
    timer.start()
    assert process.stdout is not None  # noqa: S101 - it was asked for by PIPE; states it for the type
    try:
        output = process.stdout.read(MOST_BYTES + 1)
        if len(output) > MOST_BYTES:
            _kill(process)
        status = process.wait()
    finally:
        timer.cancel()
        process.stdout.close()
    if late.is_set():
        raise CommandFailed(f"did not end within {SECONDS:.0f} seconds")
    if len(output) > MOST_BYTES:
        raise CommandFailed(f"printed more than {MOST_BYTES} bytes")
    if status != 0:
        raise CommandFailed(f"ended with status {status}")
    return output


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the command and what it started."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, 9)
        else:
            process.kill()
    except ProcessLookupError:
        return
