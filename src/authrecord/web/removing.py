"""A record goes: its tokens are given back to a provider that takes them (RFC 7009), then nothing of it is left."""

from __future__ import annotations

from ..keeper.ports import StoredRecord
from .rights import Caller
from .site import Site


def remove(site: Site, caller: Caller, stored: StoredRecord, *, revision: int | None) -> None:
    """Delete `stored`, only as it was at `revision` where one is given. Raises what `RecordStore.delete` raises.

    What the provider does not take back runs out by itself.
    """
    if revision in (None, stored.revision):  # a delete that is refused leaves the tokens alive
        site.keeper(caller.tenant).revoke(stored.record)
    site.records(caller.tenant, caller.actor).delete(stored.record.name, revision=revision)
    site.opened.end(caller.tenant, stored.record.name)
