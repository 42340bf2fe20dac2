"""A running server on a store in memory, and those who come to it: people with browsers, programs with tokens."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx2
from argon2 import PasswordHasher

from authrecord.core.contracts import Clock
from authrecord.core.secret import Secret
from authrecord.documents import records_from
from authrecord.keeper.observing import Observer
from authrecord.keeper.ports import StoredRecord
from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import KEY_BYTES, SealingKey
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.memory import MemoryBackend
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.operator import Operator
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import create_tenant, initialise
from authrecord.stores.sql.vault import Vault
from authrecord.web.address import Address, address_of
from authrecord.web.application import make_application
from authrecord.web.assembling import Stores, Wishes, assemble
from authrecord.web.passwords import Passwords
from authrecord.web.serving import listening_socket, make_server
from authrecord.web.site import Parts
from tests.canary_watch import Canary

OTHER: Final = "other"
"""A second tenant."""

SECONDS: Final = 30.0
TABLES: Final = (
    "records", "secrets", "record_tags", "tokens", "claims", "entries", "logins", "audit", "audit_heads",
    "people", "members", "sessions", "api_tokens", "repeats", "failures", "identities",
)  # fmt: skip
"""What a test fills."""


@dataclass
class Stage:
    """The server, its parts, and its store. `url`: where people open it."""

    site: Parts
    url: str
    canary: Canary = field(repr=False)
    clients: list[httpx2.Client] = field(default_factory=list, repr=False)

    def begin(self, canary: Canary) -> None:
        """A new test begins: nothing is left of the one before."""
        self.canary = canary
        self.site.journal.flush()
        with self.site.backend.writing() as transaction:
            for table in TABLES:
                transaction.change(f"DELETE FROM {table}")

    def end(self) -> None:
        """The test is over."""
        for client in self.clients:
            client.close()
        self.clients.clear()

    def plain(self) -> httpx2.Client:
        """A client that is nobody."""
        return self.visitor().client

    def store(self, tenant: str = "default") -> SqlStore:
        """The records and tokens of a tenant."""
        store = self.site.records(tenant, "test")
        assert isinstance(store, SqlStore)
        return store

    def put(self, data: dict[str, Any], tenant: str = "default") -> StoredRecord:
        """A record in the store."""
        return self.store(tenant).create(records_from(data)[0])

    def person(self, name: str, role: str, *, tenant: str = "default", may_reveal: bool = False) -> str:
        """Somebody with a password, which this gives."""
        password = self.canary(f"password of {name}")
        kept = self.site.passwords.hashed(Secret(password))
        self.site.people.add(name, tenant=tenant, role=role, may_reveal=may_reveal, password_hash=kept)
        return password

    def browser(self, name: str, role: str = "administrator", **given: Any) -> Visitor:
        """Somebody who has signed in."""
        visitor = self.visitor()
        visitor.password = self.person(name, role, **given)
        answer = visitor.post("/sign-in", {"name": name, "password": visitor.password})
        assert answer.status_code == 303, answer.text
        return visitor

    def visitor(self) -> Visitor:
        """Somebody who has not."""
        client = httpx2.Client(base_url=self.url, timeout=SECONDS, trust_env=False, follow_redirects=False)
        self.clients.append(client)
        return Visitor(client)

    def token(
        self, *scopes: str, tenant: str = "default", records: Sequence[str] | None = None, days: float = 1.0
    ) -> str:
        """An API token's text."""
        _, text = self.site.api_tokens.issue(
            tenant=tenant, label="test", scopes=scopes, records=records, days=days, created_by="test"
        )
        return self.canary.watch(text.reveal(), "API token")

    def program(self, *scopes: str, **given: Any) -> httpx2.Client:
        """A client that sends an API token with each request."""
        headers = {"authorization": f"Bearer {self.token(*scopes, **given)}"}
        client = httpx2.Client(
            base_url=f"{self.url}/api/v1", timeout=SECONDS, trust_env=False, headers=headers
        )
        self.clients.append(client)
        return client

    def told(self, tenant: str = "default") -> list[tuple[str, str]]:
        """Action and outcome of every row of the audit log."""
        lines = self.site.journal.page(tenant, name="", after=0, limit=1000)
        return [(line.entry.action, line.entry.outcome) for line in lines]


@dataclass
class Visitor:
    """A browser without a window: it keeps cookies and sends what a browser sends from our own pages."""

    client: httpx2.Client
    password: str = field(default="", repr=False)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """A page, as a person opens it."""
        given = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"} | _named(headers)
        return self.client.get(path, headers=given)

    def part(self, path: str) -> httpx2.Response:
        """A piece of a page, as htmx asks for it."""
        return self.client.get(path, headers={"hx-request": "true", "sec-fetch-site": "same-origin"})

    def post(
        self, path: str, form: dict[str, Any] | Sequence[tuple[str, str]] = (), **headers: str
    ) -> httpx2.Response:
        """A form of ours."""
        given = {"sec-fetch-site": "same-origin"} | _named(headers)
        pairs = list(form.items()) if isinstance(form, dict) else list(form)
        return self.client.post(path, content=_encoded(pairs), headers={**_FORM, **given})

    def send(self, path: str, data: object, **headers: str) -> httpx2.Response:
        """JSON from a script of ours."""
        return self.client.post(path, json=data, headers={"sec-fetch-site": "same-origin"} | _named(headers))


_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}


def _encoded(pairs: list[tuple[str, Any]]) -> bytes:
    from urllib.parse import urlencode

    return urlencode([(name, str(value)) for name, value in pairs]).encode()


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


QUICK: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Most tests need somebody who is signed in, and not that passwords are hard to find; the real costs have a test."""


@contextmanager
def stage(
    canary: Canary,
    *,
    wishes: Wishes | None = None,
    address: Address | None = None,
    backend: Backend | None = None,
    shared: tuple[Backend, Vault] | None = None,
    clock: Clock = time,
    observer: Observer | None = None,
) -> Iterator[Stage]:
    """A server on a free port of loopback, from `with` to its end.

    `backend`: an empty database, closed at the end. `shared`: instead of it, the store of another server.
    """
    backend, vault = shared or new_store(backend or MemoryBackend(":memory:", clock))
    listening = listening_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    where = address or address_of("127.0.0.1", port, has_tls=False, behind_tls_proxy=False)
    site = assemble(
        where,
        wishes or Wishes(),
        backend=backend,
        vault=vault,
        open_store=Stores(backend, vault),
        clock=clock,
        observer=observer,
    )
    site = replace(site, passwords=Passwords(QUICK))
    server = make_server(make_application(site), tls=None, behind_proxy=False)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
    thread.start()
    made = Stage(site, f"http://127.0.0.1:{port}", canary)
    try:
        _wait(lambda: server.started)
        yield made
    finally:
        for client in made.clients:
            client.close()
        server.should_exit = True
        thread.join(SECONDS)
        site.away.end()
        site.sender.close()
        if shared is None:
            backend.close()


def new_store(backend: Backend | None = None) -> tuple[Backend, Vault]:
    """A store with two tenants in `backend`, which is empty; in memory if none is given."""
    backend = backend or MemoryBackend(":memory:", time)
    vault = Vault(LocalKek(SealingKey(os.urandom(KEY_BYTES)), "test", os.urandom), os.urandom)
    migrate(backend)
    initialise(backend, vault)
    create_tenant(Operator(backend, vault, "default", "test"), OTHER)
    return backend, vault


def _wait(done: Any) -> None:
    end = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.01)


def bearer(canary: Canary, name: str = "orders", **changes: Any) -> dict[str, Any]:
    """A record of a bearer token."""
    auth = {"type": "bearer", "token": canary("bearer token")}
    return {"name": name, "allowed_origins": ["http://127.0.0.1:9"], "auth": auth} | changes


SWITCHED_ON: Final = (
    ("auth.authorization.use_browser", "on"),
    ("auth.credentials.keep_password", "on"),
)
"""Switches that are on unless somebody turns them off: a form posts nothing for one that is off."""


def form_of_record(data: dict[str, Any], path: str = "") -> list[tuple[str, str]]:
    """A record's plain data as the form of the page posts it."""
    pairs: list[tuple[str, str]] = [] if path else list(SWITCHED_ON)
    for key, value in data.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            pairs += form_of_record(value, here)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, line in enumerate(value):
                for column, item in line.items():
                    if item is not False:
                        pairs.append((f"{here}.{number}.{column}", "on" if item is True else str(item)))
        elif isinstance(value, list):
            pairs.append((here, "\n".join(value) if key == "allowed_origins" else ", ".join(value)))
        elif value is not False:
            pairs.append((here, "on" if value is True else str(value)))
    return pairs


def text_of(markup: str) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup))
