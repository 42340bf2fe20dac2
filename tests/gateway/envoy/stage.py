"""A stage for the Envoy engine: it runs in the loop of a thread; callers and upstreams are raw sockets of the test."""

from __future__ import annotations

import base64
import datetime as dt
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from authrecord.core.origin import allowed_origins, origin_of
from authrecord.core.secret import Secret
from authrecord.gateway.authority import Authority
from authrecord.gateway.callers import Tokens
from authrecord.gateway.envoy.binary import find_envoy
from authrecord.gateway.envoy.callers import USER
from authrecord.gateway.envoy.engine import Engine, Settings
from authrecord.gateway.rules import Rule, Rules
from authrecord.record import OAuth2, Record
from authrecord.testing import HonestServer
from authrecord.wiring import Records, make_keeper, memory_store
from authrecord.wiring import Settings as Environment
from tests.gateway.stage import Caller, Loop, Told


class EnvoyGateway:
    """A reverse gateway before `upstream`, with every record on each request, unless `rules` say otherwise.

    `hosts`: an authority speaks for them, for a forward proxy.
    """

    def __init__(
        self,
        loop: Loop,
        upstream: str,
        password: str,
        *records: Record,
        rules: list[Rule] | Rules | None = None,
        reverse: bool = True,
        hosts: tuple[str, ...] = (),
        tokens: Tokens | None = None,
        **settings: Any,
    ) -> None:
        self._loop = loop
        self.password = password
        environment = Environment.read({"AUTHRECORD_CA_FILE": settings.get("ca_file", "")})
        self.records = Records(
            {record.name: record for record in records},
            make_keeper(environment, base=Path("/"), store=memory_store()),
        )
        made = {name: self.records.authenticator(name) for name in self.records}
        if rules is None:
            rules = [Rule(records=tuple(made), origins=allowed_origins([upstream]))]
        self.rules = rules if isinstance(rules, Rules) else Rules(rules)
        chosen = Settings(
            binary=settings.pop("binary", None) or find_envoy(os.environ),
            password=Secret(password),
            reverse=origin_of(upstream) if reverse else None,
            workers=1,
            young=settings.pop("young", 0.0),
            **settings,
        )
        self.authority = Authority.made(hosts, lambda: dt.datetime.now(dt.UTC)) if hosts else None
        self.engine = Engine(self.rules, made.__getitem__, chosen, authority=self.authority, tokens=tokens)
        loop.run(self.engine.__aenter__())
        self.port = self.engine.ports.get("reverse", 0)

    def close(self) -> None:
        """End it; once is enough."""
        self._loop.run(self.engine.__aexit__())
        self.records.close()

    def connect(self) -> Caller:
        """A raw connection to it; `$` at the end of a line stands for the line that says who is calling."""
        return Caller(self.port, f"Basic {basic(self.password)}")

    def tunnel(self, target: str, *lines: str) -> tuple[Told, Caller]:
        """What the forward proxy says to a `CONNECT`, and the connection."""
        caller = Caller(self.engine.ports["forward"], f"Basic {basic(self.password)}")
        proof = lines or (f"Proxy-Authorization: Basic {basic(self.password)}",)
        head = "\r\n".join((f"CONNECT {target} HTTP/1.1", f"Host: {target}", *proof))
        caller.send(head.encode() + b"\r\n\r\n")
        return Told(caller.head(), b""), caller

    def open(self, target: str, server_name: str | None, context: ssl.SSLContext | None = None) -> Caller:
        """TLS inside of a `CONNECT`, for a caller that trusts our authority alone."""
        told, caller = self.tunnel(target)
        assert told.status == 200, told.head
        if context is None:
            assert self.authority is not None
            context = ssl.create_default_context(cadata=self.authority.pem.decode())
            context.check_hostname = server_name is not None
        caller.socket = context.wrap_socket(caller.socket, server_hostname=server_name)
        return caller

    def ask(self, request: bytes) -> Told:
        """The answer to one raw request, on a connection of its own."""
        with self.connect() as caller:
            return caller.ask(request)

    def get(self, target: str = "/", *lines: str) -> Told:
        """The answer to a GET, with these further lines."""
        return self.ask(request_for("GET", target, *lines))


def basic(password: str, user: str = USER) -> str:
    """User and password as `Basic` writes them."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def request_for(method: str, target: str, *lines: str, body: bytes = b"") -> bytes:
    """A request with the line that says who is calling."""
    length = (f"Content-Length: {len(body)}",) if body else ()
    head = "\r\n".join((f"{method} {target} HTTP/1.1", "Host: localhost", *lines, *length, "$"))
    return head.encode("latin-1") + b"\r\n\r\n" + body


def client_record(
    server: HonestServer, *origins: str, pattern: str = "", name: str = "orders", **usage: Any
) -> Record:
    """An OAuth 2.0 record of that provider, whose tokens go to `origins`."""
    from authrecord.grants.settings import Credentials, TokenExchange
    from authrecord.schemes.oauth2 import TokenUsage

    client = server.register_client()
    return Record(
        name=name,
        allowed_origins=origins or (server.url,),
        auth=OAuth2(
            grant="client_credentials",
            credentials=Credentials(client_id=client.client_id, client_secret=Secret(client.secret)),
            token_exchange=TokenExchange(url=server.token_url, expired_pattern=pattern),
            token_usage=TokenUsage(**usage),
        ),
    )


Make = Callable[..., EnvoyGateway]
