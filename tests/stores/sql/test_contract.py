"""The store keeps the contract of all token stores, on each kind of database."""

from __future__ import annotations

import pytest

from tests.stores.contract import Opener, StoreContract
from tests.stores.sql.conftest import OpenStore


class TestSqlStore(StoreContract):
    @pytest.fixture
    def opened(self, open_store: OpenStore) -> Opener:
        return open_store
