"""Programs that have a URL for their store: records at the server, and the library opened over its URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from authrecord.core.errors import TryLater
from authrecord.core.messages import Request, Response
from authrecord.keeper.ports import Sender
from authrecord.testing import HonestServer
from authrecord.wiring import Records, Settings, open_records
from tests.canary_watch import Canary
from tests.web.stage import Stage

USER: Final = ("records:read", "tokens:use")
"""The scopes that a program needs."""


class Wire:
    """The way from a program to the server: what was asked, a switch that cuts it, and answers that get lost.

    `loses`: how many of the next answers do not arrive, although the server has done what was asked.
    """

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.is_cut = False
        self.loses = 0
        self._inner: Sender | None = None

    def around(self, inner: Sender) -> Wire:
        """This wire, in front of `inner`."""
        self._inner = inner
        return self

    def __call__(self, request: Request) -> Response:
        """Ask, unless the wire is cut."""
        self.asked.append(request)
        if self.is_cut or self._inner is None:
            raise TryLater("no connection to the server.", code="network")
        answer = self._inner(request)
        if self.loses:
            self.loses -= 1
            raise TryLater("the answer was lost.", outcome_unknown=True, code="network")
        return answer

    def close(self) -> None:
        """Close what is behind it."""
        if self._inner is not None:
            self._inner.close()

    def tokens_asked(self) -> int:
        """How often a token was asked for."""
        return sum(request.url.endswith("/token") for request in self.asked)


class Reach:
    """The server's side, and programs elsewhere."""

    def __init__(self, web: Stage, provider: HonestServer) -> None:
        self.web = web
        self.provider = provider
        self.canary: Canary = web.canary
        self._opened: list[Records] = []

    def end(self) -> None:
        """The test is over."""
        for records in self._opened:
            records.close()

    def machine(self, name: str = "orders", **changes: Any) -> dict[str, Any]:
        """A Client Credentials record of the provider, put into the server's store."""
        client = self.provider.register_client("client_credentials")
        data: dict[str, Any] = {
            "name": name,
            "allowed_origins": [self.provider.url],
            "auth": {
                "type": "oauth2",
                "grant": "client_credentials",
                "credentials": {"client_id": client.client_id, "client_secret": client.secret},
                "token_exchange": {"url": self.provider.token_url},
            },
        }
        data["auth"] |= changes
        self.web.put(data)
        return data

    def settings(self, *scopes: str, **given: Any) -> Settings:
        """What the environment of a program says, whose API token has `scopes`."""
        token = self.web.token(*(scopes or USER), **given)
        return Settings(
            environment={
                "AUTHRECORD_HOME": "/nowhere",
                "AUTHRECORD_STORE": self.web.url,
                "AUTHRECORD_API_TOKEN": token,
            }
        )

    def records(self, *scopes: str, **given: Any) -> Records:
        """The records of the server, as another process has them."""
        self._opened.append(open_records(settings=self.settings(*scopes, **given)))
        return self._opened[-1]

    def wired(self, *scopes: str, **given: Any) -> tuple[Records, Wire]:
        """The same, and the wire to the server."""
        wire = Wire()
        around: Callable[[Sender], Sender] = wire.around
        self._opened.append(open_records(settings=self.settings(*scopes, **given), through=around))
        return self._opened[-1], wire

    def releases(self) -> int:
        """Rows of the audit log that tell of a credential handed out."""
        return sum(action == "token.release" for action, _ in self.web.told())
