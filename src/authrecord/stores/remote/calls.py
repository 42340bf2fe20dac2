"""One call of the REST API of a server: a request with the API token, and its answer as JSON or as an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from ...core.errors import StoreFault, TryLater
from ...core.messages import Pairs, Request, Response
from ...core.secret import Secret
from ...keeper.ports import Sender
from ...schemes.bearer import prefixed
from .api_token import ApiToken
from .problems import PROBLEM, Server, away, error_of

PREFIX: Final = "/api/v1"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Called:
    """A good answer. `sent_at` (UTC seconds) and `sent_monotonic` (seconds): when the request began to leave."""

    data: Mapping[str, Any] = field(repr=False)
    etag: str
    sent_at: float
    sent_monotonic: float


class Calls:
    """Calls of the server at `origin`, such as `https://auth.example.com`, through `send`."""

    def __init__(self, origin: str, send: Sender, token: ApiToken) -> None:
        self.origin = origin
        self._send = send
        self._token = token

    def __call__(
        self,
        method: str,
        path: str,
        *,
        name: str = "",
        query: Mapping[str, str] | None = None,
        content: Secret | None = None,
        headers: Pairs = (),
    ) -> Called:
        """The answer to `method` at `path`, below the API's prefix. `name`: of the record that it is about.

        Raises what the server tells (`problems`); `TryLater`, code `store_away`, when it does not answer; `StoreFault`
        when the API token is missing, refused or lacks a scope, and when something else than authrecord answers.
        """
        url = f"{self.origin}{PREFIX}{path}" + (f"?{urlencode(query)}" if query else "")
        pairs = (("Accept", _JSON), *headers)
        if content is not None:
            pairs = (*pairs, ("Content-Type", _JSON))
        token = self._token()
        answer = self._sent(Request(method, url, headers=_with(token, pairs), content=content))
        if answer.status == 401 and (other := self._token.again(token)) is not None:
            token = other
            answer = self._sent(Request(method, url, headers=_with(token, pairs), content=content))
        return self._read(answer, Server(self.origin, token), name)

    def _sent(self, request: Request) -> Response:
        try:
            return self._send(request)
        except TryLater as error:
            fault = away(error)
        raise fault

    def _read(self, answer: Response, server: Server, name: str) -> Called:
        kind = answer.header("content-type").partition(";")[0].strip().lower()
        data = _object(answer.body) if kind in (_JSON, PROBLEM) else None
        if answer.status == 204:
            data = {}
        if not 200 <= answer.status < 300:
            raise error_of(server, answer, data if kind == PROBLEM else None, name)
        if data is None:
            raise StoreFault(
                f"{self.origin} answers, but not as `authrecord serve` does.",
                hint="Correct the URL of the store.",
                code="not_authrecord",
            )
        return Called(data, answer.header("etag"), answer.sent_at, answer.sent_monotonic)


def place_of(name: str, *more: str) -> str:
    """The path of a record, or of something below it."""
    return "/".join(("/records", quote(name, safe=""), *more))


def json_of(data: Mapping[str, Any]) -> Secret:
    """`data` as a body. It may hold secrets, so that it is one."""
    return Secret(json.dumps(data, ensure_ascii=False))


def _with(token: Secret, pairs: Pairs) -> Pairs:
    return (("Authorization", prefixed("Bearer", token)), *pairs)


def _object(body: bytes) -> dict[str, Any] | None:
    """`body` as a JSON object; `None` when it is none. The parser's error would hold the body."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
