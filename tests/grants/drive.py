"""Drives a flow by hand, with values alone: what it asked, and what it did with the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl

from authrecord.core.contracts import Means, Steps
from authrecord.core.messages import Request, Response
from authrecord.core.secret import Secret
from authrecord.grants.client import OAuthClient

T = TypeVar("T")

NOW = 1_800_000_000.0
"""UTC seconds at which these tests play."""


def means(*, random: Callable[[], str] = lambda: "r" * 43) -> Means:
    """Means whose time stands still and whose signature says what it was given."""

    def sign(claims: Mapping[str, str | int], key: Secret, algorithm: str, key_id: str) -> Secret:
        return Secret(json.dumps({"claims": dict(claims), "algorithm": algorithm, "key_id": key_id}))

    return Means(now=lambda: NOW, random=random, sign=sign)


def client(**values: object) -> OAuthClient:
    """A client of a provider that exists nowhere, with a secret unless told otherwise."""
    defaults: dict[str, object] = {
        "name": "orders",
        "client_id": "scanner",
        "client_secret": Secret("not-a-real-one"),
        "token_url": "https://id.example.com/token",
        "authorization_url": "https://id.example.com/authorize",
    }
    return OAuthClient(**{**defaults, **values})  # type: ignore[arg-type]  # the caller's keyword arguments


def answer(
    body: object,
    *,
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (("content-type", "application/json"),),
) -> Response:
    """A response; a body that is no bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(
        status, tuple(headers), raw, sent_at=NOW, sent_monotonic=10.0, url="https://id.example.com/token"
    )


def drive(flow: Steps[T], *answers: Response) -> tuple[T, list[Request]]:
    """The result of `flow` when it is given `answers`, and the requests that it made."""
    requests = [next(flow)]
    for number, given in enumerate(answers):
        try:
            requests.append(flow.send(given))
        except StopIteration as done:
            assert number == len(answers) - 1, "the flow ended before its last answer"
            result: T = done.value
            return result, requests
    raise AssertionError("the flow wants more answers than it was given")


def form(request: Request) -> dict[str, str]:
    """The form of a request as a server reads it. Fails when a parameter stands there twice (S5)."""
    pairs = parse_qsl(request.wire_body().decode("ascii"), keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), "a parameter appears more than once"
    return dict(pairs)


def headers(request: Request) -> dict[str, str]:
    """The headers of a request, names in lower case."""
    return {name.lower(): value for name, value in request.wire_headers()}
