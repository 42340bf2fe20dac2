"""Secrets in what can be printed, logged or read: objects, DEBUG log lines, exception texts, token files.

An object's text is `repr` and `str`. A log line is its message with its arguments, from the root logger at DEBUG.
An exception's text is its traceback, with causes, and its arguments. No local variables are looked at.
"""

from __future__ import annotations

import logging
import os
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import leak_objects
import leak_peers
from leak_redirects import CLIENTS, drive, new, ours_auth, ours_records
from leak_stage import Cell, Stage, canary, holds

PLACEMENTS = ("Authorization", "custom header", "query", "cookie")


class Lines(logging.Handler):
    """Everything that reaches the root logger."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.name} {record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1] is not None:
            self.texts.append("".join(traceback.format_exception(record.exc_info[1])))


def logged(call: Callable[[], Any]) -> str:
    """What `call` logs. What it raises is no matter here."""
    lines, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    try:
        call()
    except Exception as error:
        lines.texts.append(f"(it raised {type(error).__name__})")
    finally:
        root.setLevel(level)
        root.removeHandler(lines)
    return "\n".join(lines.texts)


def raised(call: Callable[[], Any]) -> str | None:
    """The whole text of what `call` raises; `None` when it raises nothing."""
    try:
        call()
    except Exception as error:
        chain: list[BaseException] = [error]
        while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
            chain.append(inner)
        texts = [repr(one) + str(one) + repr(one.args) for one in chain]
        return "".join(traceback.format_exception(error)) + "\n".join(texts)
    return None


def found(kind: str, group: str, subject: str, placement: str, text: str | None, *hidden: str) -> Cell:
    if text is None:
        return Cell(kind, group, subject, placement, None, "nothing was raised")
    return Cell(kind, group, subject, placement, any(holds(text, one) for one in hidden))


def attempt(
    kind: str, group: str, subject: str, placement: str, make: Callable[..., Cell], *given: Any
) -> Cell:
    """The cell that `make` gives, or a void one that says why it could not be tried."""
    try:
        return make(*given)
    except Exception as error:
        why = f"{type(error).__name__}: {str(error)[:120]}"
        return Cell(kind, group, subject, placement, None, f"could not be tried: {why}")


# ------------------------------------------------------------------ clients: printing, logging, exceptions


def _ours_get(client: str, placement: str, secret: str, origin: str, path: str, check: bool = False) -> str:
    records = ours_records(ours_auth(placement, secret, origin + "/token"), origin)
    return _got(client, lambda module: records.attach(new(module, client), "bench"), origin + path, check)


def _plain_get(client: str, placement: str, secret: str, origin: str, path: str, check: bool = False) -> str:
    headers = {"Authorization": {"Authorization": f"Bearer {secret}"}, "custom header": {"X-API-Key": secret}}
    options: dict[str, Any] = {
        "query": {"params": {"api_key": secret}},
        "cookie": {"cookies": {"api_key": secret}},
    }.get(placement, {"headers": headers.get(placement, {})})
    return _got(client, lambda module: new(module, client), origin + path, check, **options)


def _got(client: str, make: Callable[[Any], Any], url: str, check: bool, **options: Any) -> str:
    if not check:
        return drive(client, make, url, **options)

    def checked(module: Any) -> Any:
        made = make(module)
        get = made.get
        asynchronous = client == "aiohttp" or client.endswith("async")

        async def ask(*positions: Any, **more: Any) -> Any:
            response = await get(*positions, **more)
            response.raise_for_status()
            return response

        def ask_now(*positions: Any, **more: Any) -> Any:
            response = get(*positions, **more)
            response.raise_for_status()
            return response

        object.__setattr__(made, "get", ask if asynchronous else ask_now)
        return made

    return drive(client, checked, url, **options)


def client_cells(stage: Stage) -> Iterator[Cell]:
    for group, get in (("authrecord", _ours_get), ("plain library", _plain_get)):
        for client in CLIENTS:
            for placement in PLACEMENTS:
                given = (stage, get, group, client, placement)
                yield attempt("repr", group, client, placement, _printed, *given)
                yield attempt("debug log", group, client, placement, _log, *given)
            for placement in ("custom header", "query"):
                for what in ("status 403", "connection refused"):
                    given = (stage, get, group, client, placement, what)
                    yield attempt("exception", group, client, f"{placement}, {what}", _failing, *given)


def _printed(stage: Stage, get: Any, group: str, client: str, placement: str) -> Cell:
    secret = canary()
    stage.reset()
    text = get(client, placement, secret, stage.api.origin, "/orders")
    assert any(holds(one, secret) for one in stage.api.seen), "the credential was not sent"
    return found("repr", group, client, placement, text, secret)


def _log(stage: Stage, get: Any, group: str, client: str, placement: str) -> Cell:
    secret = canary()
    stage.reset()
    text = logged(lambda: get(client, placement, secret, stage.api.origin, "/orders"))
    assert any(holds(one, secret) for one in stage.api.seen), "the credential was not sent"
    return found("debug log", group, client, placement, text, secret)


def _failing(stage: Stage, get: Any, group: str, client: str, placement: str, what: str) -> Cell:
    secret = canary()
    origin = stage.refused if what == "connection refused" else stage.api.origin
    text = raised(lambda: get(client, placement, secret, origin, "/forbidden", True))
    return found("exception", group, client, f"{placement}, {what}", text, secret)


# ------------------------------------------------------------------ tokens that are obtained: log, exception, file


def oauth_cells(stage: Stage) -> Iterator[Cell]:
    for client in CLIENTS:
        what = "client secret, obtained token"
        yield attempt("debug log", "authrecord", client, what, _ours_obtaining, stage, client)
    yield _odd_answer(stage, "authrecord", "token request", leak_objects.ours_odd_token)
    for name, sends in leak_peers.REDIRECTS.items():
        for placement, send in sends.items():
            yield attempt("debug log", "peer", name, placement, _peer_log, stage, name, placement, send)
    for name, odd in leak_objects.ODD_TOKENS.items():
        yield _odd_answer(stage, "peer", name, odd)


def _ours_obtaining(stage: Stage, client: str) -> Cell:
    secret, token = canary(), canary()
    stage.reset(token)
    auth = ours_auth("token request body", secret, stage.api.origin + "/token")
    records = ours_records(auth, stage.api.origin)
    make = lambda module: records.attach(new(module, client), "bench")  # noqa: E731 - one line, used at once
    text = logged(lambda: drive(client, make, stage.api.origin + "/orders"))
    assert any(holds(one, token) for one in stage.api.seen), "the token was not sent"
    return found("debug log", "authrecord", client, "client secret, obtained token", text, secret, token)


def _peer_log(stage: Stage, name: str, placement: str, send: Callable[[Stage, str], Any]) -> Cell:
    secret = canary()
    stage.reset(secret)
    text = logged(lambda: send(stage, secret))
    assert any(holds(one, secret) for one in stage.api.seen), "the credential was not sent"
    return found("debug log", "peer", name, placement, text, secret)


def _odd_answer(stage: Stage, group: str, name: str, obtain: Callable[[str], Any]) -> Cell:
    """The token endpoint answers 200 with a live token under names that no standard knows."""
    token = canary()
    stage.reset(token)
    text = raised(lambda: obtain(stage.api.origin + "/odd-token"))
    return found("exception", group, name, "odd token answer", text, token)


# ------------------------------------------------------------------ objects, files


def object_cells() -> Iterator[Cell]:
    groups = {
        "authrecord": leak_objects.OURS,
        "plain library": leak_objects.PLAIN,
        "peer": leak_objects.PEERS,
    }
    for group, objects in groups.items():
        for name, make in objects.items():
            yield attempt("repr", group, name, "object", _object, group, name, make)


def _object(group: str, name: str, make: Callable[[str], Any]) -> Cell:
    secret = canary()
    made = make(secret)
    return found("repr", group, name, "object", f"{made!r}\n{made!s}", secret)


def file_cells(stage: Stage) -> Iterator[Cell]:
    yield attempt("token file", "authrecord", "sealed cache", "token, refresh token", _ours_file, stage)
    for name, write in leak_objects.FILES.items():
        yield attempt("token file", "peer", name, "token", _peer_file, stage, name, write)


def _ours_file(stage: Stage) -> Cell:
    """All bytes below the user's folder, the key apart from them, and the modes of all files."""
    token, secret = canary(), canary()
    stage.reset(token)
    with tempfile.TemporaryDirectory() as folder:
        written = leak_objects.ours_cache(folder, stage.api.origin, secret)
        assert written == token, "another token was obtained"
        files = [one for one in Path(folder).rglob("*") if one.is_file() and one.name != "authrecord.yaml"]
        assert any(one.suffix == ".sqlite" for one in files), "there is no cache"
        leaks = any(holds(one.read_bytes(), value) for one in files for value in (token, secret))
        modes = {stat.S_IMODE(os.stat(one).st_mode) & 0o077 for one in files}
        note = "0600" if modes == {0} else "readable by others"
        return Cell("token file", "authrecord", "sealed cache", "token", leaks or modes != {0}, note)


def _peer_file(stage: Stage, name: str, write: Callable[[Stage, Path], None]) -> Cell:
    token = canary()
    stage.reset(token)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tokens.json")
        write(stage, path)
        mode = stat.S_IMODE(path.stat().st_mode)
        return Cell("token file", "peer", name, "token", holds(path.read_bytes(), token), f"mode {mode:04o}")


def cells(stage: Stage) -> Iterator[Cell]:
    yield from client_cells(stage)
    yield from oauth_cells(stage)
    yield from object_cells()
    yield from file_cells(stage)
