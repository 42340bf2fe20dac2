"""Answers that are none of those hoped for, as the library's own errors. Words of the server are cleaned and cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ...core.errors import (
    AuthrecordError,
    BadAnswer,
    DocumentFault,
    Fault,
    LoginRequired,
    Misconfigured,
    OriginRefused,
    RecordFault,
    Refused,
    StoreFault,
    TryLater,
)
from ...core.messages import Response
from ...core.secret import Secret
from ...grants.answer import CLIENT_ERRORS
from ...grants.words import safe_words

AWAY: Final = "store_away"
PROBLEM: Final = "application/problem+json"
LONGEST_WAIT: Final = 6 * 3600.0
_MOST_FAULTS: Final = 100


class Server:
    """Who answered: its origin, for people, and the API token, which no error shows."""

    def __init__(self, origin: str, token: Secret) -> None:
        self.origin = origin
        self._token = token

    def words(self, text: object) -> str:
        """A text of the server as it may be shown: cut, without control characters and without the token."""
        return safe_words(text, (self._token,))

    def detail(self, problem: Mapping[str, Any]) -> str:
        """What a problem says in a sentence; one of ours where it says nothing."""
        return self.words(problem.get("detail")) or f"{self.origin} refuses this without a word."


def error_of(
    server: Server, answer: Response, problem: Mapping[str, Any] | None, name: str
) -> AuthrecordError:
    """The error that `answer` tells of. `problem`: its body, `None` when it is no problem document.

    `name`: of the record that was asked for, empty when none was.
    """
    status = answer.status
    if problem is None:
        return _no_problem(server, status, answer)
    made = _BY_STATUS.get(status)
    if made is None:
        return _away(server, answer, problem) if status >= 500 else _unlike(server, status)
    return made(server, problem, name)


def away(error: TryLater) -> TryLater:
    """No answer came: the same in the words of a store. Nothing that was asked for has an unknown outcome here."""
    hint = (
        "The server that keeps the records must be reachable; a live token in memory is used until its end."
    )
    return TryLater(error.message, hint=hint, code=AWAY)


def _no_problem(server: Server, status: int, answer: Response) -> AuthrecordError:
    """Something else answered: a proxy before the server, or quite another server."""
    if status in (429, 502, 503, 504):
        return _away(server, answer, {})
    if 300 <= status < 400:
        return StoreFault(
            f"{server.origin} answers with a redirect ({status}), which is not followed.",
            hint="Name the server by the address that it answers at.",
            code="not_authrecord",
        )
    return _unlike(server, status)


def _unlike(server: Server, status: int) -> StoreFault:
    return StoreFault(
        f"{server.origin} answers ({status}), but not as `authrecord serve` does.",
        hint="Correct the URL of the store, or look what stands before the server.",
        code="not_authrecord",
    )


def _away(server: Server, answer: Response, problem: Mapping[str, Any]) -> TryLater:
    detail = server.words(problem.get("detail")) or f"the server is unwell ({answer.status})."
    code = server.words(problem.get("code"))
    return TryLater(
        f"{server.origin}: {detail}",
        hint=server.words(problem.get("hint")),
        retry_after=_seconds(answer.header("retry-after")),
        code=code or AWAY,
    )


def _seconds(text: str) -> float:
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0


def _unauthorized(server: Server, problem: Mapping[str, Any], name: str) -> AuthrecordError:
    return StoreFault(
        f"{server.origin} does not know the API token, or it was revoked or has ended.",
        hint="Make a new one on the settings page of the server.",
        code="unauthorized",
    )


def _forbidden(server: Server, problem: Mapping[str, Any], name: str) -> AuthrecordError:
    scope = server.words(problem.get("scope"))
    if problem.get("code") == OriginRefused.code:
        return OriginRefused(server.detail(problem), field="allowed_origins")
    return StoreFault(
        f"the API token has not the scope {scope} at {server.origin}."
        if scope
        else f"the API token may not do this at {server.origin}: {server.detail(problem)}",
        hint="Make one with it on the settings page of the server.",
        code="forbidden",
    )


def _missing(server: Server, problem: Mapping[str, Any], name: str) -> AuthrecordError:
    if not name:
        return _unlike(server, 404)
    return RecordFault(
        f"{server.origin} holds no record {name[:100]!r} that the API token reaches.",
        field="name",
        hint="See `authrecord list`.",
        code="unknown_record",
    )


def _conflict(server: Server, problem: Mapping[str, Any], name: str) -> AuthrecordError:
    code, detail = server.words(problem.get("code")), server.detail(problem)
    if code in _FAULTS_OF_REQUESTS:
        return RecordFault(detail, field="name", hint=server.words(problem.get("hint")), code=code)
    hint = f"Log in at {server.origin}/records/{name}."
    return LoginRequired(detail, hint=hint, code=code)


_FAULTS_OF_REQUESTS: Final = frozenset({"exists", "other_request", "in_progress", "already_used"})


def _record_fault(server: Server, problem: Mapping[str, Any], name: str) -> AuthrecordError:
    code, hint = server.words(problem.get("code")), server.words(problem.get("hint"))
    detail, errors = server.detail(problem), problem.get("errors")
    if code == Misconfigured.code or code in CLIENT_ERRORS:
        return Misconfigured(detail, field="auth.credentials", hint=hint, code=code)
    if isinstance(errors, list) and code == DocumentFault.code:
        faults = tuple(_fault(server, one) for one in errors[:_MOST_FAULTS] if isinstance(one, Mapping))
        return DocumentFault(faults, source=f"record {name!r} at {server.origin}" if name else "record")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], Mapping) else {}
    return RecordFault(detail, field=server.words(first.get("path")), hint=hint, code=code)


def _fault(server: Server, one: Mapping[str, Any]) -> Fault:
    return Fault(
        server.words(one.get("path")), server.words(one.get("detail")), server.words(one.get("hint"))
    )


def _refused(server: Server, problem: Mapping[str, Any], name: str) -> AuthrecordError:
    detail, hint = server.detail(problem), server.words(problem.get("hint"))
    if error := server.words(problem.get("provider_error")):
        return Refused(detail, error=error, hint=hint)
    return BadAnswer(detail, hint=hint, code=server.words(problem.get("code")))


Made = Callable[[Server, Mapping[str, Any], str], AuthrecordError]

_BY_STATUS: Final[Mapping[int, Made]] = {
    400: _record_fault,
    401: _unauthorized,
    403: _forbidden,
    404: _missing,
    409: _conflict,
    412: _record_fault,
    413: _record_fault,
    422: _record_fault,
    424: _refused,
    428: _record_fault,
}
