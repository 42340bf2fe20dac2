"""A provider whose answers are written down beforehand; a `Sender` that needs no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qsl

from authrecord.core.contracts import Clock
from authrecord.core.messages import Request, Response

Answer = Response | Exception | dict[str, object]


class Scripted:
    """Answers token requests in order, and remembers them. A dictionary is a 200 with that JSON."""

    def __init__(self, clock: Clock, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.before: Callable[[], None] = lambda: None
        self._clock = clock

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        self.before()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        body = json.dumps(answer).encode()
        headers = (("content-type", "application/json"),)
        return Response(200, headers, body, self._clock.time(), self._clock.monotonic())

    def close(self) -> None:
        """Nothing is open."""

    def grants(self) -> list[str]:
        """The grant type of each request, in order."""
        return [dict(parse_qsl(request.wire_body().decode()))["grant_type"] for request in self.requests]


def refusal(error: str, status: int = 400) -> Response:
    """An OAuth error answer."""
    return Response(status, (("content-type", "application/json"),), json.dumps({"error": error}).encode())
