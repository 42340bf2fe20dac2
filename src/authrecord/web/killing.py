"""The kill switch: every token of a tenant, or of one provider's records, given back and forgotten.

Forgetting is what stops use here, and nothing keeps it waiting: a provider that does not answer costs each of a few
threads one deadline, and after `PATIENCE` nobody is asked any more. What could not be given back is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from ..core.errors import AuthrecordError
from ..keeper.keeper import Keeper
from ..keeper.naming import token_key
from ..keeper.ports import Filter, RecordStore
from ..record import OAuth2, Record

AT_ONCE: Final = 8
PATIENCE: Final = 20.0
"""Seconds after which providers are asked no more; a request that is under way ends by its own deadline."""

PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Killed:
    """What became of one record's tokens.

    `forgotten`: here they are gone. `had_token`: there was one to give back; `revoked`: its provider took it.
    """

    name: str
    forgotten: bool
    had_token: bool
    revoked: bool


def kill_tokens(records: RecordStore, keeper: Keeper, *, provider: str) -> list[Killed]:
    """Stop the records of `provider` (a host, perhaps with a port; empty for all); what became of each."""
    until = monotonic() + PATIENCE
    with ThreadPoolExecutor(AT_ONCE, "authrecord-kill") as threads:
        return [
            one
            for one in threads.map(
                lambda name: _killed(records, keeper, name, provider, until), _names(records)
            )
            if one is not None
        ]


def _names(records: RecordStore) -> Iterator[str]:
    """The records that hold a token or might, by the list alone: a static one and one without any are not opened."""
    after = ""
    while True:
        page = records.page(Filter(auth_type=OAuth2.type), after=after, limit=PAGE)
        yield from (line.name for line in page.lines if line.state != "idle")
        after = page.after
        if not after:
            return


def _killed(records: RecordStore, keeper: Keeper, name: str, provider: str, until: float) -> Killed | None:
    had_token = revoked = False
    try:
        record = records.read(name).record
        if provider and provider not in hosts_of(record):
            return None
        had_token = keeper.store.load(token_key(record)) is not None
        if had_token and monotonic() < until:
            revoked = keeper.revoke(record)
        keeper.forget(record)
    except AuthrecordError:
        # One that does not open must not keep the others alive: it is counted and named.
        return Killed(name, False, had_token, revoked)
    return Killed(name, True, had_token, revoked)


def hosts_of(record: Record) -> set[str]:
    """The hosts of a record's provider."""
    auth = record.auth
    if not isinstance(auth, OAuth2):
        return set()
    urls = (auth.issuer, auth.authorization.url, auth.token_exchange.url, auth.token_refresh.url)
    return {urlsplit(url).netloc.lower() for url in urls if url}
