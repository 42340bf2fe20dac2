"""The store of one tenant, whole: records for people and programs, tokens for the keeper."""

from __future__ import annotations

from .recordstore import SqlRecords
from .tokenstore import SqlTokens


class SqlStore(SqlRecords, SqlTokens):
    """Implements `keeper.ports.RecordStore` and `keeper.ports.TokenStore`. See `TenantStore` for the arguments."""
