"""Errors as programs read them: problem details (RFC 9457). Never a value, never a traceback."""

from __future__ import annotations

import logging
import traceback
from secrets import token_hex
from typing import Any, Final

from ..core.errors import (
    AuthrecordError,
    BadAnswer,
    DocumentFault,
    LoginFailed,
    LoginRequired,
    OriginRefused,
    RecordFault,
    Refused,
    StoreFault,
    TryLater,
)
from .editing import Forbidden

_LOG: Final = logging.getLogger("authrecord.web")

BY_CODE: Final = {
    "unknown_record": 404,
    "not_found": 404,
    "exists": 409,
    "other_request": 409,
    "in_progress": 409,
    "already_used": 409,
    "stale": 412,
    "no_revision": 428,
    "too_many_attempts": 429,
    "unauthorized": 401,
    "bad_query": 400,
    "bad_json": 400,
}
"""The status of an error by its code, where the code says more than its class."""

BY_CLASS: Final[tuple[tuple[type[AuthrecordError], int], ...]] = (
    (Forbidden, 403),
    (OriginRefused, 403),
    (RecordFault, 422),
    (LoginRequired, 409),
    (LoginFailed, 400),
    (Refused, 424),
    (BadAnswer, 424),
    (TryLater, 503),
    (StoreFault, 503),
)
"""A provider's fault is not the server's: 424 says that something that this depends on has failed."""


HINTS: Final = {
    "store_away": "It comes back by itself with the database: try again in a moment. Until then live tokens go only to "
    "those who were let in within the last minute.",
}
"""What to do, where a server's callers can do something else than the library's."""


def hint_of(error: AuthrecordError) -> str:
    """What whoever reads the answer can do."""
    return HINTS.get(error.code, error.hint)


def status_of(error: AuthrecordError) -> tuple[int, dict[str, str]]:
    """The HTTP status of an error, and headers that go with it."""
    status = BY_CODE.get(error.code) or next(
        (status for kind, status in BY_CLASS if isinstance(error, kind)), 500
    )
    headers: dict[str, str] = {}
    if isinstance(error, TryLater) and error.retry_after > 0:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return status, headers


def problem_of(error: AuthrecordError, status: int) -> dict[str, Any]:
    """The problem document. `code` is a stable word; `errors` names every fault of a document by its path."""
    from http import HTTPStatus

    problem: dict[str, Any] = {
        "type": f"urn:authrecord:problem:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message
        if not isinstance(error, DocumentFault)
        else "The record is not written correctly.",
        "code": error.code,
    }
    if hint := hint_of(error):
        problem["hint"] = hint
    if isinstance(error, DocumentFault):
        problem["errors"] = [
            {"path": one.path, "detail": one.message, "hint": one.hint} for one in error.faults
        ]
    elif isinstance(error, RecordFault) and error.field:
        problem["errors"] = [{"path": error.field, "detail": error.message, "hint": error.hint}]
    if isinstance(error, Refused):
        problem["provider_error"] = error.error
    if isinstance(error, Forbidden) and error.scope:
        problem["scope"] = error.scope
    return problem


def unexpected(error: BaseException) -> str:
    """Log a fault of ours by its class and where it happened, without its text and locals; a word to find it by."""
    reference = token_hex(4)
    places = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    _LOG.error("fault %s: %s at %s", reference, type(error).__name__, " > ".join(places[-8:]))
    return reference
