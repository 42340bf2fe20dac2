"""`MemoryStore` keeps the contract of all stores."""

from __future__ import annotations

import pytest

from authrecord.core.contracts import Clock
from authrecord.keeper.ports import TokenStore
from authrecord.stores.memory import MemoryStore

from .contract import Opener, StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def opened(self) -> Opener:
        stores: list[TokenStore] = []

        def opens(clock: Clock) -> TokenStore:
            if not stores:
                stores.append(MemoryStore(clock))
            return stores[0]

        return opens
