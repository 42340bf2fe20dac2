"""A sender that remembers what was sent and answered, without a secret: names, statuses, the provider's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from ..core.errors import AuthrecordError
from ..core.messages import Request, Response
from ..core.origin import origin_of
from ..core.secret import Secret
from ..grants.words import safe_words
from ..keeper.ports import Sender

SHOWN_VALUES: Final = ("token_type", "expires_in", "scope")
"""Members of an answer whose values are shown; of all others the names."""


class Witness:
    """Implements `keeper.ports.Sender` by another sender, and keeps a line for each request and each answer.

    `seconds` is a clock that never goes back. `secrets` may be added to: the values are masked in whatever a
    provider says.
    """

    def __init__(self, send: Sender, seconds: Callable[[], float]) -> None:
        self._send = send
        self._seconds = seconds
        self._lines: list[str] = []
        self.secrets: list[Secret] = []
        self.clock_offset: float | None = None

    def __call__(self, request: Request) -> Response:
        """See `Sender`."""
        self._lines.append(described_request(request))
        began = self._seconds()
        try:
            response = self._send(request)
        except AuthrecordError as error:
            self._lines.append(f"no answer: {error.message}")
            raise
        known = [*self.secrets, *(value for _, value in request.form or () if isinstance(value, Secret))]
        took = (self._seconds() - began) * 1000
        self._lines.append(f"{described_response(response, known)}, {took:.0f} ms")
        self._note_clock(response)
        return response

    def close(self) -> None:
        """See `Sender`."""
        self._send.close()

    def tell(self, line: str) -> None:
        """Add a line of one's own."""
        self._lines.append(line)

    def take(self) -> tuple[str, ...]:
        """The lines since the last time, in order."""
        lines, self._lines = tuple(self._lines), []
        return lines

    def _note_clock(self, response: Response) -> None:
        """How far this machine's clock is ahead of the provider's (seconds), by the answer's Date."""
        from email.utils import parsedate_to_datetime

        try:
            said = parsedate_to_datetime(response.header("date")).timestamp()
        except (ValueError, TypeError, OverflowError):
            return  # no date, or none that can be read: then nothing is known
        self.clock_offset = response.sent_at - said


def described_request(request: Request) -> str:
    """The request in a line: method, URL without its query, and the names of what it carries."""
    address = f"{origin_of(request.url)}{_path(request.url)}"
    if request.form is None:
        return f"{request.method} {address}"
    values = [
        f"{name}={value}" if name == "grant_type" and isinstance(value, str) else name
        for name, value in request.form
    ]
    return f"{request.method} {address} ({', '.join(values)}; {_proof(request)})"


def _path(url: str) -> str:
    behind = url.partition("://")[2].partition("?")[0].partition("#")[0]
    return "/" + behind.partition("/")[2]


def _proof(request: Request) -> str:
    """How the client proves itself, in words."""
    names = {name for name, _ in request.form or ()}
    if any(name.lower() == "authorization" for name, _ in request.headers):
        return "client in the Authorization header"
    if "client_assertion" in names:
        return "client by signed JWT"
    if request.client_certificate is not None:
        return "client by certificate"
    return "client secret in the body" if "client_secret" in names else "client without a secret"


def described_response(response: Response, secrets: list[Secret]) -> str:
    """The answer in a line: status, content type, an OAuth error, or what a token answer holds."""
    kind = safe_words(response.header("content-type").partition(";")[0]) or "no content type"
    return f"→ {response.status} {kind}{_content(response, secrets)}"


def _content(response: Response, secrets: list[Secret]) -> str:
    if 300 <= response.status < 400:
        return _target(response)
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        return f", {len(response.body):,} bytes"
    if not isinstance(answer, dict):
        return ", not an object"
    if isinstance(answer.get("error"), str):
        said = safe_words(answer.get("error_description"), secrets)
        return f", error {safe_words(answer['error'], secrets)}" + (f" ({said})" if said else "")
    shown = [
        f"{safe_words(name, secrets)}={safe_words(str(value), secrets)}"
        if name in SHOWN_VALUES
        else safe_words(name, secrets)
        for name, value in list(answer.items())[:20]
    ]
    return f", holds {', '.join(shown) or 'nothing'}"


def _target(response: Response) -> str:
    try:
        return f", redirects to {origin_of(response.header('location'))}"
    except ValueError:
        return ", redirects within the provider" if response.header("location") else ", redirects nowhere"
