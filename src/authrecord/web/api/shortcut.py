"""The live token, handed out before the framework: for whoever asks for the same one again and again.

It answers only where everything that `credentials.get_token` would find out is in memory and still holds, and says
word for word what that would say: a live API token with the scope, that reaches the record; the record as it stands;
its token, for which nothing needs to be done; a row of the audit log that tells of this minute's releases. Whatever
is missing or wrong is left to the framework. It waits for nothing.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any, Final

from msgspec.json import encode

from ..guard import API, Application, Receive, Send
from ..rights import USE
from ..site import Parts
from .credentials import RELEASE, answer_of
from .reading import bearer_of, who_of

_PATH: Final = re.compile(f"{API}v1/records/([A-Za-z0-9._-]{{1,100}})/token")
_JSON: Final = (b"content-type", b"application/json")
_BODY: Final = frozenset({b"content-length", b"transfer-encoding"})


class Shortcut:
    """An ASGI middleware, behind the guard and around `application`."""

    def __init__(self, application: Application, site: Parts) -> None:
        self._application = application
        self._site = site

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer, or pass the request on as it is."""
        body = self._answer(scope)
        if body is None:
            await self._application(scope, receive, send)
            return
        headers = [_JSON, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope: MutableMapping[str, Any]) -> bytes | None:
        """The body of the answer, or `None` where something would have to be done for it."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            return None
        path = _PATH.fullmatch(scope["path"])
        text = "" if path is None else _only_token(scope["headers"])
        if path is None or not text:
            return None
        site, name = self._site, path[1]
        found = site.api_tokens.peek(text)
        if found is None:
            return None
        caller = who_of(found)
        if not caller.may(USE) or not caller.reaches(name):
            return None
        opened = site.opened.peek(caller.tenant, name)
        if opened is None or opened.key is None:
            return None
        live = site.keeper(caller.tenant).held(opened.key)
        if live is None or live.token is None:
            return None
        if not site.journal.counted(caller, RELEASE, record=opened.stored.identity, origin=""):
            return None
        return encode(answer_of(live.token, opened.stored, site.clock.time()))


def _only_token(headers: Any) -> str:
    """The API token of a request that says who asks once, and has no body."""
    found = ""
    for name, value in headers:
        lower = name.lower()
        if lower == b"authorization":
            if found:
                return ""
            found = bearer_of(value.decode("latin-1"))
        elif lower in _BODY and value != b"0":
            return ""
    return found
