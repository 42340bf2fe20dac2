"""Runs a command on a terminal of its own (a pty), types what a test says, and reads what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from typing import Final

from tests.canary_watch import Canary
from tests.cli.desk import SECONDS, Desk, Ended, installed

COLUMNS: Final = 200
PATIENCE: Final = 30
"""Seconds for a whole conversation."""
CONTROL: Final = frozenset({"\x03", "\x04"})
"""Ctrl-C and Ctrl-D, which are typed without a line end."""
TAKES_THE_TERMINAL: Final = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the pty the controlling terminal, so that Ctrl-C is a signal; then it becomes the command."""
STYLES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What rich and click write to colour and to draw; a test compares the words without it."""


class Unseen(str):
    """An answer that is typed only when the terminal shows nothing of it, as for a password."""

    __slots__ = ()


def on_terminal(
    desk: Desk,
    canary: Canary,
    *arguments: str,
    answers: Sequence[tuple[str, str]] = (),
    more: Mapping[str, str] | None = None,
    command: list[str] | None = None,
    apart: bool = False,
) -> Ended:
    """Run it with all three streams on a pty; for each pair of `answers` wait for the first, then type the second.

    `apart`: standard output is a pipe (`$(…)` typed into a terminal), and only `err` is what the terminal shows.
    What the terminal shows is searched for canaries: the sink is `terminal`.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = desk.start(
        *arguments,
        more=more,
        command=[sys.executable, "-S", "-c", TAKES_THE_TERMINAL, *(command or installed())],
        stdin=slave,
        stdout=subprocess.PIPE if apart else slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        shown = _conversation(master, answers)
        piped = process.stdout.read() if process.stdout is not None else b""
        code = process.wait(SECONDS)
    finally:
        process.kill()
        process.wait()
        os.close(master)
        if process.stdout is not None:
            process.stdout.close()
    canary.scan(shown, "terminal")
    text = shown.decode("utf-8", "replace").replace("\r\n", "\n")
    assert "Traceback" not in text
    return Ended(code, piped.decode() if apart else text, text if apart else "", shown)


def words(text: str) -> str:
    """The text without what colours it."""
    return STYLES.sub("", text)


def _conversation(master: int, answers: Sequence[tuple[str, str]]) -> bytes:
    """Everything that is shown, until the other side closes the terminal."""
    shown, looked_at, waiting = b"", 0, list(answers)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                piece = os.read(master, 65536)
            except OSError:  # Linux says so when the last process has closed it
                return shown
            if not piece:
                return shown
            shown += piece
        while waiting:
            found = shown.find(waiting[0][0].encode(), looked_at)
            if found < 0 or (isinstance(waiting[0][1], Unseen) and _echoes(master)):
                break
            looked_at = found + len(waiting[0][0].encode())
            typed = waiting.pop(0)[1]
            os.write(master, (typed if typed in CONTROL else typed + "\n").encode())
    raise AssertionError(f"the command did not end; it waits for {waiting[:1]} behind {shown[-300:]!r}")


def _echoes(master: int) -> bool:
    """Whether the terminal shows what is typed."""
    return bool(termios.tcgetattr(master)[3] & termios.ECHO)
