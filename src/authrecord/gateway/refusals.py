"""Answers that the gateway itself gives instead of the upstream's, as problem documents (RFC 9457).

They hold a stable code and a sentence of ours, never a provider's words or a secret (row O20).
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from ..core.errors import (
    AuthrecordError,
    BadAnswer,
    LoginRequired,
    Misconfigured,
    OriginRefused,
    RecordFault,
    Refused,
    StoreFault,
    TryLater,
)

SAYS_ERROR: Final = b"X-Authrecord-Error"
"""The header that tells an answer of the gateway from one of the upstream."""

_SENTENCES: Final[tuple[tuple[type[AuthrecordError], str], ...]] = (
    (LoginRequired, "A person has to log in before this record has a token again."),
    (TryLater, "The provider, or the way to it, is unwell; no token can be had now."),
    (Misconfigured, "The provider refuses the client that this record names."),
    (Refused, "The provider refused to issue a token."),
    (BadAnswer, "The provider's answer could not be used."),
    (OriginRefused, "The record does not allow its credential to go to this destination."),
    (RecordFault, "The record cannot be used as it is written."),
    (StoreFault, "The place where tokens are kept cannot be used."),
)


_UPSTREAM: Final[dict[str, tuple[int, str]]] = {
    "connect_timeout": (504, "The upstream did not take the connection in time."),
    "unknown_name": (502, "The upstream's name has no address."),
    "address_refused": (403, "The upstream's address is one that is never dialled from here."),
    "connect_failed": (502, "The upstream does not take connections."),
    "certificate_refused": (502, "The upstream's certificate is not one that is trusted for its name."),
    "tls_failed": (502, "TLS with the upstream failed."),
    "upstream_failed": (502, "The upstream broke the connection off."),
    "bad_upstream_answer": (502, "The upstream's answer is not what HTTP allows."),
}
"""What becomes of requests whose upstream is at fault, whichever engine finds it: code, status and sentence."""


class Refusal(Exception):
    """The request is answered here. `closes`: the connection ends with the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        closes: bool = False,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.closes = closes

    def body(self) -> bytes:
        """The problem document."""
        return json.dumps(
            {
                "type": "about:blank",
                "title": phrase(self.status),
                "status": self.status,
                "code": self.code,
                "detail": self.detail,
            }
        ).encode("ascii")


def upstream_failure(code: str) -> Refusal:
    """The upstream cannot be reached, or its answer cannot be used. `code`: of `_UPSTREAM`."""
    status, detail = _UPSTREAM[code]
    return Refusal(status, code, detail)


def phrase(status: int) -> str:
    """The usual words for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def without_credential(record: str, error: AuthrecordError) -> Refusal:
    """No credential can be had, so the request is not sent: 502, and what to do next, in words of ours."""
    sentence = next((words for kind, words in _SENTENCES if isinstance(error, kind)), "No token can be had.")
    return Refusal(502, error.code, f"record {record!r}: {sentence} `authrecord check {record}` says more.")


def malformed(detail: str, *, status: int = 400) -> Refusal:
    """The request is not what HTTP allows; nothing after it on this connection can be trusted."""
    return Refusal(status, "malformed_request", f"{detail}.", closes=True)


def answer(refusal: Refusal, *, keeps_alive: bool, with_body: bool = True) -> bytes:
    """The whole answer, ready to be written."""
    body = refusal.body()
    lines = [
        f"HTTP/1.1 {refusal.status} {phrase(refusal.status)}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        f"{SAYS_ERROR.decode('ascii')}: {refusal.code}",
        *(f"{name}: {value}" for name, value in refusal.headers),
    ]
    if not keeps_alive:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode("ascii", "replace") + b"\r\n\r\n"
    return head + body if with_body else head
