"""What a bad answer is made of: the scene it is made for, and the bricks that the tables of answers share."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from .messages import Received, Reply, as_json

JSON: Final = (("content-type", "application/json"),)
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scene:
    """What an answer may use.

    `received` is the request; `token` would be a good token or code; `lure` is the origin to lead the client to;
    `url` is the hostile server's own origin.
    """

    received: Received
    token: str
    lure: str
    url: str = ""

    def good(self, **values: object) -> dict[str, object]:
        """A good token answer, with `values` in place of its own."""
        return {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600, **values}


Make = Callable[[Scene], Reply]


@dataclass(frozen=True, slots=True)
class HostileAnswer:
    """One bad answer. `explanation` is one line."""

    explanation: str
    make: Make


def body(
    content: bytes | Callable[[], bytes], *, status: int = 200, headers: Iterable[tuple[str, str]] = JSON
) -> Make:
    """These bytes; a function that makes them is called when they are asked for."""
    return lambda scene: Reply(status, tuple(headers), content if isinstance(content, bytes) else content())


def good_with(**values: object) -> Make:
    """A good token answer, with `values` in place of its own."""
    return lambda scene: as_json(scene.good(**values))


def good_as(write: Callable[[str], bytes], headers: Iterable[tuple[str, str]] = JSON) -> Make:
    """A good token answer, written in another way."""
    return lambda scene: Reply(200, tuple(headers), write(json.dumps(scene.good())))


def good_with_token(access_token: Callable[[str], str]) -> Make:
    """A good token answer whose token is spoilt."""
    return lambda scene: as_json(scene.good(access_token=access_token(scene.token)))


def good_with_life(number: str) -> Make:
    """A good token answer whose `expires_in` is written as `number`, which JSON libraries would not write."""
    return good_as(lambda text: text.replace("3600", number).encode())


def oauth_error(status: int, error: str, description: str = "", *headers: tuple[str, str]) -> Make:
    """An OAuth error answer (RFC 6749 §5.2)."""
    return lambda scene: as_json({"error": error, "error_description": description}, status, headers)


def location(pattern: str, status: int = 302) -> Make:
    """A redirect. `pattern` may name {lure} and {url}, which are origins, and their {lure_host} and {url_host}."""

    def make(scene: Scene) -> Reply:
        target = pattern.format(
            lure=scene.lure,
            url=scene.url,
            lure_host=scene.lure.partition("://")[2],
            url_host=scene.url.partition("://")[2],
        )
        return Reply(status, (("location", target),))

    return make


def on_the_wire(*pieces: bytes) -> Make:
    """These bytes as they are, head included."""

    async def raw() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return lambda scene: Reply(raw=raw)
