"""Errors become exit codes and two lines, here and nowhere else."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, Final

import click

from ..core.errors import (
    AuthrecordError,
    BadAnswer,
    DocumentFault,
    LoginFailed,
    LoginRequired,
    RecordFault,
    Refused,
    StoreFault,
    TryLater,
)

EXIT_CODES: Final[tuple[tuple[type[AuthrecordError], int], ...]] = (
    (RecordFault, 3),
    (LoginRequired, 4),
    (LoginFailed, 4),
    (Refused, 5),
    (BadAnswer, 5),
    (TryLater, 6),
    (StoreFault, 7),
)
NEXT_STEPS: Final = (
    (0, "Nothing: it went well."),
    (1, "Read the answer: `check` found that the API refuses, or `request --fail` got an error status."),
    (2, "Read the command's `--help`: it was not called as it wants to be."),
    (3, "Fix the record."),
    (4, "Log in: `authrecord login NAME`."),
    (5, "Read what the provider answered; `authrecord check NAME` says more."),
    (6, "Try again later: the network or the provider is unwell."),
    (7, "Mend this machine: key, disk, file mode."),
    (70, "Report a fault of authrecord."),
    (130, "Nothing: it was interrupted."),
)
"""Every exit code with what to do next."""

RENEWAL_THREAD: Final = "authrecord-renewal-"
"""How `keeper.crew` names the threads in which renewals run; a test compares the two."""

USAGE: Final = 2
OUR_FAULT: Final = 70
INTERRUPTED: Final = 130


class ReaderGone(Exception):
    """Whoever read the output has gone, as `head` does. click would make exit code 1 of a `BrokenPipeError`."""


def exit_code_for(error: AuthrecordError) -> int:
    """The exit code of an error of ours."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)


def exit_code_of(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong; the exit code. Never a traceback for a user's mistake, never locals."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        sys.stderr.write("\nInterrupted.\n")
        if any(thread.name.startswith(RENEWAL_THREAD) for thread in threading.enumerate()):
            sys.stderr.write(
                "A token request is under way; its answer is still stored, since it may hold the only valid refresh "
                "token. Ctrl-C again ends it at once.\n"
            )
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        error.show()
        return USAGE
    if isinstance(error, (BrokenPipeError, ReaderGone)):
        # Whoever read has gone; what is left in the buffer has nowhere to go either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    if isinstance(error, AuthrecordError):
        return _said(error, as_json=as_json)
    if isinstance(error, OSError):
        return _said(StoreFault(f"{error.filename or 'a file'}: {error.strerror or error}."), as_json=as_json)
    return _our_fault(error)


def _said(error: AuthrecordError, *, as_json: bool) -> int:
    code = exit_code_for(error)
    if as_json:
        sys.stdout.write(json.dumps({"error": described(error, code)}, ensure_ascii=False, indent=2) + "\n")
        return code
    sys.stderr.write(f"error: {printable(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"hint: {printable(error.hint)}\n")
    return code


def described(error: AuthrecordError, exit_code: int) -> dict[str, Any]:
    """An error for programs."""
    found: dict[str, Any] = {
        "code": error.code,
        "exit_code": exit_code,
        "message": error.message,
        "hint": error.hint,
    }
    if isinstance(error, RecordFault) and error.field:
        found["field"] = error.field
    if isinstance(error, DocumentFault):
        found["faults"] = [
            {"path": one.path, "line": one.line, "message": one.message, "hint": one.hint}
            for one in error.faults
        ]
    if isinstance(error, Refused):
        found["provider_error"] = error.error
    if isinstance(error, TryLater):
        found["retry_after"] = error.retry_after
    return found


def printable(text: str) -> str:
    """`text` without characters that drive a terminal; line breaks stay."""
    return "".join(
        character if character.isprintable() or character == "\n" else "\ufffd" for character in text
    )


def _our_fault(error: BaseException) -> int:
    if os.environ.get("AUTHRECORD_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    sys.stderr.write(
        f"error: a fault of authrecord itself ({type(error).__name__}).\n"
        "hint: Please report it, with the output of the same command under AUTHRECORD_DEBUG=1.\n"
    )
    return OUR_FAULT
