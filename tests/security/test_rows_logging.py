"""P4 and P6: whatever a program logs of our values, and however, no secret is written."""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import pprint
import queue
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authrecord.core.errors import AuthrecordError, RecordFault
from authrecord.core.messages import Request, Response, Stamp
from authrecord.core.secret import Secret
from authrecord.core.token import Token, deadlines
from authrecord.grants.pending import PendingLogin
from authrecord.grants.settings import Authorization, Credentials, TokenExchange
from authrecord.keeper.keeper import Keeper
from authrecord.keeper.live import Live
from authrecord.record import OAuth2, Record
from authrecord.schemes.api_key import ApiKey
from authrecord.schemes.bearer import Bearer
from authrecord.signing import sign
from authrecord.stores.memory import MemoryStore
from tests.canary_watch import Canary


def _never(reference: object) -> Secret:
    raise AssertionError("there are no references here")


def _send(request: Request) -> Response:
    raise RecordFault("nothing is sent here.", code="request")


_send.close = lambda: None  # type: ignore[attr-defined]  # a sender can be closed


def oauth2_record(make: Callable[[str], str]) -> Record:
    credentials = Credentials(
        client_id="scanner",
        client_secret=Secret(make("client secret")),
        username="ada",
        password=Secret(make("password")),
    )
    auth = OAuth2(
        grant="password",
        authorization=Authorization(url="https://id.example.com/authorize"),
        credentials=credentials,
        token_exchange=TokenExchange(url="https://id.example.com/token"),
    )
    return Record(name="orders", auth=auth, allowed_origins=("https://api.example.com",))


def values(make: Callable[[str], str]) -> Iterator[Any]:
    """One of each value of ours that holds a secret and that a program may have in its hands."""
    yield Secret(make("bare secret"))
    yield Record(name="a", auth=Bearer(token=Secret(make("bearer token"))))
    yield Record(name="b", auth=ApiKey(key="X-Key", value=Secret(make("api key"))))
    record = oauth2_record(make)
    yield record
    token = Token(
        access_token=Secret(make("access token")),
        refresh_token=Secret(make("refresh token")),
        obtained_at=0.0,
    )
    yield token
    stamp = Stamp(headers=(("Authorization", Secret(make("stamp"))),), query=(("k", Secret(make("query"))),))
    yield stamp
    yield Live(stamp, token, deadlines(token, wall=0.0, monotonic=0.0))
    yield Request(method="POST", url="https://id.example.com/token", form=(("code", Secret(make("code"))),))
    yield PendingLogin(
        record="orders",
        grant="authorization_code",
        authorization_url=Secret("https://id.example.com/?state=" + make("state in the address")),
        redirect_uri="http://127.0.0.1:1/cb",
        state=Secret(make("state")),
        code_verifier=Secret(make("verifier")),
        issuer="",
        issuer_must_answer=False,
        began_at=0.0,
    )
    keeper = Keeper(MemoryStore(time), send=_send, resolve=_never, sign=sign)  # type: ignore[arg-type]  # a function with `close`
    yield keeper
    yield keeper.authenticator(record)


class EverythingAsJson(logging.Formatter):
    """As structured loggers do: each attribute of the record, whatever it is, by `str`, `repr` and `vars`."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return line + json.dumps(vars(record), default=lambda value: [str(value), repr(value)])


class Written:
    """A logger that writes each record twice: at once, and behind a queue, as programs with tasks do."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(EverythingAsJson("%(levelname)s %(message)s"))
        waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._listener = logging.handlers.QueueListener(waiting, handler)
        self._handlers = (handler, logging.handlers.QueueHandler(waiting))
        self.logger = logging.getLogger("a program of the user")
        self.logger.setLevel(logging.DEBUG)

    def __enter__(self) -> logging.Logger:
        self._listener.start()
        for one in self._handlers:
            self.logger.addHandler(one)
        return self.logger

    def __exit__(self, *exception: object) -> None:
        for one in self._handlers:
            self.logger.removeHandler(one)
        self._listener.stop()  # it writes what still waits

    @property
    def text(self) -> str:
        """All that was written."""
        return self._stream.getvalue()


def log_in_every_way(logger: logging.Logger, value: Any) -> None:
    logger.info("%s", value)
    logger.info("%r %s", value, {"inside": [value]})
    logger.info(f"{value}")  # noqa: G004 - a program may do so
    logger.warning("see extra", extra={"value": value, "inside": (value,)})
    logger.info(pprint.pformat(value))
    try:
        raise ValueError(value)
    except ValueError:
        logger.exception("it failed for %s", value)


def test_P4_what_a_program_logs_of_our_values_holds_no_secret(canary: Canary) -> None:
    made: list[str] = []

    def make(label: str) -> str:
        made.append(canary(label))
        return made[-1]

    written = Written()
    with written as logger:
        for value in values(make):
            log_in_every_way(logger, value)
    assert written.text.count("see extra") >= 2 * 11
    assert len(made) == 13
    assert not [secret for secret in made if secret in written.text]


def test_P4_structlog_style_rendering_holds_no_secret(canary: Canary) -> None:
    """structlog renders an event's values by `repr`, and its JSON renderer by a fallback that is `repr` too."""
    made: list[str] = []

    def make(label: str) -> str:
        made.append(canary(label))
        return made[-1]

    events = [{"event": "x", "value": value} for value in values(make)]
    lines = [" ".join(f"{key}={value!r}" for key, value in event.items()) for event in events]
    lines += [json.dumps(event, default=repr) for event in events]
    assert len(lines) == 22
    assert not [secret for secret in made if secret in "\n".join(lines)]


def failing(secret: str) -> Any:
    """A call of ours that fails over a secret that cannot be sent."""
    from authrecord.clients.wire import wire_from

    return wire_from(Stamp(headers=(("Authorization", Secret(secret)),)))


@pytest.mark.parametrize("ending", ["\n", "\r\nX: 1", "\x00", " ", "ü"])
def test_P6_no_line_of_a_traceback_shows_the_secret(canary: Canary, ending: str) -> None:
    secret = canary("token") + ending
    with pytest.raises(AuthrecordError) as refused:
        failing(secret)
    lines = "".join(traceback.format_exception(refused.value))
    assert "failing(secret)" in lines
    assert "wire_from" in lines
    assert secret.strip() not in lines
    assert secret[: len(secret) - len(ending)] not in lines
