"""The records of a server as a mapping from names."""

from __future__ import annotations

from ...keeper.ports import StoredRecord
from ..sql.mapping import StoredRecords
from .store import RemoteStore


class RemoteRecords(StoredRecords):
    """The records of `store`. One that was read is used again for some seconds, and while the server is away."""

    def __init__(self, store: RemoteStore) -> None:
        super().__init__(store)
        self._remote = store

    def _read(self, name: str) -> StoredRecord:
        return self._remote.recent(name)
