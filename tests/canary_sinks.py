"""Where the canary plugin listens: log records, child processes, caught exceptions and warnings, and the like.

Each recorder replaces a method of pytest, click or the standard library by one that calls it and notes what
came out. `install()` puts them in place and returns the way back.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any, Final
from unittest import mock

import click.testing
import pytest
from _pytest.capture import CaptureFixture
from _pytest.raises import RaisesExc, RaisesGroup
from _pytest.recwarn import WarningsRecorder

from tests.canary_watch import Watch, exception_texts

ACTIVE: Final[list[Watch]] = []
"""The watches that listen now: one, or two where a test of the plugin runs pytest inside pytest."""

_STARTS_A_PROCESS: Final = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn"})
_PLAIN_RECORD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def note(sink: str, text: str | bytes | None) -> None:
    """Tell every active watch."""
    for watch in ACTIVE:
        watch.note(sink, text)


class LogRecorder(logging.Handler):
    """Notes every record that reaches the root logger, as text, at the moment it is made."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.NOTSET)
        self._watch = watch
        self._level_before = logging.WARNING

    def attach(self) -> None:
        """Listen; the root logger lets DEBUG through meanwhile."""
        root = logging.getLogger()
        self._level_before = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)

    def detach(self) -> None:
        """Stop, and put the level back."""
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._level_before)

    def emit(self, record: logging.LogRecord) -> None:
        """Note message, arguments, extras and traceback of `record`."""
        extras = {name: value for name, value in vars(record).items() if name not in _PLAIN_RECORD}
        parts = [record.getMessage(), repr(record.msg), repr(record.args), repr(extras) if extras else ""]
        if record.exc_info and record.exc_info[1] is not None:
            parts += exception_texts(record.exc_info[1])
        parts.append(record.exc_text or "")
        self._watch.note("log", "\n".join(parts))


def install() -> Callable[[], None]:
    """Put the recorders in place. Returns the function that takes them away again."""
    _listen_to_process_starts()
    stack = ExitStack()
    for owner, name, recorder in (
        (RaisesExc, "__exit__", _noting_caught),
        (RaisesGroup, "__exit__", _noting_caught),
        (WarningsRecorder, "__exit__", _noting_warnings),
        (CaptureFixture, "readouterr", _noting_capture),
        (subprocess.Popen, "communicate", _noting_output),
        (click.testing.CliRunner, "invoke", _noting_command),
        (pytest.TempPathFactory, "mktemp", _noting_directory),
    ):
        stack.enter_context(mock.patch.object(owner, name, recorder(getattr(owner, name))))
    return stack.close


_Method = Callable[..., Any]


def _noting_caught(original: _Method) -> _Method:
    @wraps(original)
    def leave(self: object, kind: object, error: BaseException | None, trace: object) -> object:
        __tracebackhide__ = True
        if error is not None:
            for watch in ACTIVE:
                watch.note_exception(error)
        return original(self, kind, error, trace)

    return leave


def _noting_warnings(original: _Method) -> _Method:
    @wraps(original)
    def leave(self: WarningsRecorder, *reason: object) -> object:
        __tracebackhide__ = True
        for caught in self.list:
            note("warning", f"{caught.message} {caught.message!r}")
        return original(self, *reason)

    return leave


def _noting_capture(original: _Method) -> _Method:
    @wraps(original)
    def readouterr(self: object) -> Any:
        result = original(self)
        note("stdout", result.out)
        note("stderr", result.err)
        return result

    return readouterr


def _noting_output(original: _Method) -> _Method:
    @wraps(original)
    def communicate(self: object, *arguments: Any, **options: Any) -> Any:
        out, err = original(self, *arguments, **options)
        note("stdout", out)
        note("stderr", err)
        return out, err

    return communicate


def _noting_command(original: _Method) -> _Method:
    @wraps(original)
    def invoke(self: object, *arguments: Any, **options: Any) -> click.testing.Result:
        result: click.testing.Result = original(self, *arguments, **options)
        note("stdout", result.stdout_bytes)
        note("stderr", result.stderr_bytes)
        if result.exception is not None:
            for watch in ACTIVE:
                watch.note_exception(result.exception)
        return result

    return invoke


def _noting_directory(original: _Method) -> _Method:
    @wraps(original)
    def mktemp(self: object, *arguments: Any, **options: Any) -> Any:
        path = original(self, *arguments, **options)
        for watch in ACTIVE:
            watch.directories.append(path)
        return path

    return mktemp


def _listen_to_process_starts() -> None:
    """Note the command line of every child process. An audit hook cannot be removed: it is added once."""
    if getattr(sys, "_authrecord_canary_listens", False):
        return
    sys._authrecord_canary_listens = True  # type: ignore[attr-defined]  # outlives a second import of this module

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STARTS_A_PROCESS and ACTIVE:
            note("argv", repr(arguments[1]))
            words = arguments[1] if isinstance(arguments[1], list | tuple) else [arguments[1]]
            for word in words:
                note("argv", word if isinstance(word, bytes) else str(word))

    sys.addaudithook(hook)
