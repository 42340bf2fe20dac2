"""Everything that a handler works with, put together once by `authrecord serve`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ..core.contracts import Clock
from ..keeper.keeper import Keeper
from ..keeper.ports import RecordStore, Sender

if TYPE_CHECKING:
    from ..clients.egress import Permits
    from ..stores.sql.api_tokens import ApiTokens
    from ..stores.sql.backend import Backend
    from ..stores.sql.identities import Identities
    from ..stores.sql.opened_records import OpenedRecords
    from ..stores.sql.people import People
    from ..stores.sql.repeats import Repeats
    from ..stores.sql.sessions import Sessions
    from .address import Address
    from .authorizing import Authorizing
    from .away import Away
    from .first_link import FirstLink
    from .journal import Journal
    from .passwords import Attempts, Passwords
    from .provider_login import ProviderLogin

OpenRecords = Callable[[str, str], RecordStore]
"""The records of a tenant (first), as an actor (second) sees and changes them."""

OpenKeeper = Callable[[str, Callable[[Sender], Sender]], Keeper]
"""A keeper for a tenant's records with nothing in its memory, whose sender is put through the second argument."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a running server. `keeper`: the shared one of a tenant. `permits`: where it may connect to.

    `provider`: through which people may come in, `None` for by password only.
    `docs`: the description of the API is served (N10). `references`: `${env:…}` and the like are resolved.
    `away`: whether the database answers.
    `gateways`: the data folder in which the gateways of this machine tell of themselves; empty where there is none.
    """

    address: Address
    clock: Clock
    records: OpenRecords
    opened: OpenedRecords
    keeper: Callable[[str], Keeper]
    new_keeper: OpenKeeper
    sender: Sender
    backend: Backend
    permits: Permits
    people: People
    identities: Identities
    provider: ProviderLogin | None
    sessions: Sessions
    api_tokens: ApiTokens
    repeats: Repeats
    journal: Journal
    away: Away
    passwords: Passwords
    attempts: Attempts
    first_link: FirstLink
    authorizing: Authorizing
    docs: bool = True
    references: bool = False
    gateways: str = ""


Site: TypeAlias = SkipValidation[NamedDependency[Parts]]
"""The parts, as an argument of a handler: litestar hands them over as they are."""
