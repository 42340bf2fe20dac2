"""Puts a `Site` together from a store and the operator's wishes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..clients.egress import permits_for
from ..clients.sender import TokenSender
from ..core.contracts import Clock, Resolver
from ..core.errors import RecordFault, StoreFault
from ..core.secret import Reference, Secret
from ..keeper.keeper import Keeper
from ..keeper.ports import RecordStore, Sender, TokenStore
from ..signing import sign
from ..stores.places import data_folder
from ..stores.references import resolver
from ..stores.spool_file import SPOOL
from ..stores.sql.api_tokens import ApiTokens
from ..stores.sql.audit_spool import PURPOSE, AuditSpool
from ..stores.sql.failures import Failures
from ..stores.sql.identities import Identities
from ..stores.sql.opened_records import OpenedRecords
from ..stores.sql.pending_logins import PendingLogins
from ..stores.sql.people import People
from ..stores.sql.repeats import Repeats
from ..stores.sql.sessions import Sessions
from .address import Address
from .authorizing import Authorizing
from .away import Away
from .first_link import FirstLink
from .journal import Journal
from .passwords import Attempts, Passwords
from .provider_login import ProviderLogin, ProviderSettings
from .site import Parts, Site

if TYPE_CHECKING:
    from ..keeper.observing import Observer
    from ..stores.sql.backend import Backend
    from ..stores.sql.vault import Vault


class Store(RecordStore, TokenStore, Protocol):
    """Records and tokens of one tenant, as one actor."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator says.

    `networks`: further networks that records may lead to. `references`: `${env:…}` and the like are resolved; off,
    because whoever may write a record could send the server's own secrets to an address of theirs. `ca_file`,
    `proxy`: for token requests, see `TokenSender`. `docs`: the description of the API is served. `provider`: through
    which people may come in.
    """

    networks: tuple[str, ...] = ()
    references: bool = False
    ca_file: str = ""
    proxy: str = ""
    docs: bool = True
    provider: ProviderSettings | None = None
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)


def assemble(
    address: Address,
    wishes: Wishes,
    *,
    backend: Backend,
    vault: Vault,
    open_store: Callable[[str, str], Store],
    clock: Clock = time,
    observer: Observer | None = None,
) -> Site:
    """The parts of a server. `open_store`: the store of a tenant (first) for an actor (second).

    `observer`: counts what happens to the tokens of all tenants.

    Raises `RecordFault` for a network that is none.
    """
    try:
        permits = permits_for(local=address.local, allowed=wishes.networks)
    except ValueError:
        raise RecordFault(
            "a network to allow cannot be read.", field="allow-network", hint="Write it as 10.1.0.0/16."
        ) from None
    sender = TokenSender(clock=clock, ca_file=wishes.ca_file, proxy=wishes.proxy, permits=permits)
    resolve = _resolver(wishes)

    def new_keeper(tenant: str, through: Callable[[Sender], Sender]) -> Keeper:
        return Keeper(
            open_store(tenant, "web:keeper"),
            send=through(sender),
            resolve=resolve,
            sign=sign,
            clock=clock,
            observer=observer,
        )

    keepers = _Keepers(lambda tenant: new_keeper(tenant, lambda sender: sender))
    logins = PendingLogins(backend, vault)
    people = People(backend)
    folder = folder_of(wishes)
    spool = AuditSpool(
        os.path.join(folder, SPOOL) if folder else "",
        lambda tenant, value: vault.keyed_from_memory(tenant, PURPOSE, value),
        clock.time,
    )
    provider = None
    if wishes.provider is not None:
        provider = ProviderLogin(
            wishes.provider, base=address.base, sender=sender, backend=backend, vault=vault, clock=clock
        )
    return Parts(
        address=address,
        clock=clock,
        records=open_store,
        opened=OpenedRecords(backend, clock.monotonic),
        keeper=keepers,
        new_keeper=new_keeper,
        sender=sender,
        backend=backend,
        permits=permits,
        people=people,
        identities=Identities(backend, people),
        provider=provider,
        sessions=Sessions(backend),
        api_tokens=ApiTokens(backend),
        repeats=Repeats(backend),
        journal=Journal(backend, vault, spool, clock.monotonic),
        away=Away(backend, vault, spool),
        passwords=Passwords(),
        attempts=Attempts(Failures(backend)),
        first_link=FirstLink(clock.monotonic),
        authorizing=Authorizing(clock.monotonic, logins=logins, records=open_store, keeper=keepers),
        docs=wishes.docs,
        references=wishes.references,
        gateways=folder,
    )


def folder_of(wishes: Wishes) -> str:
    """The data folder of the server's own user.

    Empty where the environment names no home: then no gateway of the same user has one either.
    """
    try:
        return data_folder(wishes.environment)
    except StoreFault:
        return ""


class Stores:
    """The stores of all tenants in one database. A tenant's keys are unwrapped when it is first asked for."""

    def __init__(self, backend: Backend, vault: Vault) -> None:
        self._backend = backend
        self._vault = vault
        self._loaded: set[str] = set()

    def __call__(self, tenant: str, actor: str) -> Store:
        """The store of a tenant, for an actor. Raises `StoreFault` when its keys do not open."""
        from ..stores.sql.store import SqlStore

        if tenant not in self._loaded:
            self._vault.load(self._backend, tenant)
            self._loaded.add(tenant)
        return SqlStore(self._backend, self._vault, tenant=tenant, actor=actor)


class _Keepers:
    """The shared keeper of each tenant, made when it is first asked for."""

    def __init__(self, make: Callable[[str], Keeper]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._kept: dict[str, Keeper] = {}

    def __call__(self, tenant: str) -> Keeper:
        kept = self._kept.get(tenant)
        if kept is not None:
            return kept
        with self._lock:
            if tenant not in self._kept:
                self._kept[tenant] = self._make(tenant)
            return self._kept[tenant]


def _resolver(wishes: Wishes) -> Resolver:
    if wishes.references:
        return resolver(wishes.environment, base=Path.cwd(), allow_commands=False)

    def refused(reference: Reference) -> Secret:
        raise RecordFault(
            f"this server resolves no references, and the record holds {reference.kind}.",
            hint="Enter the secret itself, or start the server with --allow-references.",
            code="references_off",
        )

    return refused
