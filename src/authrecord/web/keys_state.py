"""What keys a tenant's secrets are sealed under, for people and programs that look. Never a key."""

from __future__ import annotations

from dataclasses import dataclass

from .form_view import day
from .site import Site


@dataclass(frozen=True, slots=True)
class KeyState:
    """A version of the tenant's sealing key. `state`: `active` or `retired`. `created_at`: UTC seconds."""

    version: int
    state: str
    created_at: float

    @property
    def made(self) -> str:
        """The day it was made."""
        return day(self.created_at)


def keys_of(site: Site, tenant: str) -> list[KeyState]:
    """The versions, the newest first."""
    with site.backend.reading() as transaction:
        rows = transaction.rows(
            "SELECT DISTINCT version, state, created_at FROM tenant_keys WHERE tenant = ? AND purpose = 'seal' "
            "ORDER BY version DESC",
            (tenant,),
        )
    return [KeyState(int(row[0]), str(row[1]), float(row[2])) for row in rows]
