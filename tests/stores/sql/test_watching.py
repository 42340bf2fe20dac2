"""What watchers ask of a store, on each database."""

from __future__ import annotations

import os

import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.audit import Entry, append
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.restored import mark_restored
from authrecord.stores.sql.tenants import initialise
from authrecord.stores.sql.vault import Vault
from authrecord.stores.sql.watching import LATE_SECONDS, counts, refuse_unready


@pytest.fixture
def vault(backend: Backend) -> Vault:
    one = Vault(LocalKek(SealingKey(os.urandom(32)), "env:KEY", os.urandom), os.urandom)
    initialise(backend, one)
    return one


def put(backend: Backend, name: str, state: str, renew_in: float | None, *, tenant: str = "default") -> None:
    with backend.writing() as transaction:
        renew_at = None if renew_in is None else transaction.now() + renew_in
        transaction.change(
            "INSERT INTO records (tenant, id, name, revision, auth_type, grant_type, config, tags, state, reason,"
            " renew_at, keep_by, keep_until, created_at, created_by, updated_at, updated_by)"
            " VALUES (?, ?, ?, 1, 'oauth2', '', '{}', '', ?, '', ?, '', 0, 0, 'a', 0, 'a')",
            (tenant, name, name, state, renew_at),
        )


def test_states_key_versions_late_renewals_and_rows_are_counted(backend: Backend, vault: Vault) -> None:
    for name, state, renew_in in (
        ("a", "live", 100.0),
        ("b", "live", -LATE_SECONDS - 5),
        ("c", "needs_login", None),
        ("d", "live", -1.0),
    ):
        put(backend, name, state, renew_in)
    put(backend, "e", "live", -1000.0, tenant="other")
    with backend.writing() as transaction:
        version, sealed = vault.seal(transaction, "default", b"place", b"value")
        for table, values in (("secrets", "'a', 'x', 1"), ("secrets", "'a', 'y', 1")):
            transaction.change(
                f"INSERT INTO {table} (tenant, record, field, generation, key_version, sealed, set_at, set_by)"
                f" VALUES ('default', {values}, ?, ?, 0, 'a')",
                (version, sealed),
            )
        transaction.change(
            "INSERT INTO logins (tenant, id, record, key_version, sealed, began_at, expires_at)"
            " VALUES ('default', 'l', 'a', 2, ?, 0, 0)",
            (sealed,),
        )
        append(transaction, vault, "default", "cli:ada", Entry("record.create", "ok"))
    found = counts(backend, "default")
    assert found.states == {"live": 3, "needs_login": 1}
    assert found.key_rows == {1: 2, 2: 1}
    assert found.overdue == 1
    assert found.audit_rows == 1


def test_a_tenant_that_has_nothing_counts_nothing(backend: Backend) -> None:
    found = counts(backend, "default")
    assert (found.states, found.key_rows, found.overdue, found.audit_rows) == ({}, {}, 0, 0)


def test_N13_ready_is_a_store_whose_log_can_be_written_and_asking_writes_nothing(
    backend: Backend, vault: Vault
) -> None:
    refuse_unready(backend, vault, "default", "keep:host")
    refuse_unready(backend, vault, "default", "keep:host")
    assert counts(backend, "default").audit_rows == 0
    with backend.writing() as transaction:
        transaction.change("ALTER TABLE audit RENAME TO gone")
    with pytest.raises(StoreFault):
        refuse_unready(backend, vault, "default", "keep:host")


def test_a_restored_copy_is_not_ready(backend: Backend, vault: Vault) -> None:
    with backend.writing() as transaction:
        mark_restored(transaction, 1_800_000_000.0)
    with pytest.raises(StoreFault) as refused:
        refuse_unready(backend, vault, "default", "keep:host")
    assert refused.value.code == "restored"


def test_a_store_without_its_key_is_not_ready(backend: Backend, vault: Vault) -> None:
    other = Vault(LocalKek(SealingKey(os.urandom(32)), "env:OTHER", os.urandom), os.urandom)
    with pytest.raises(StoreFault) as refused:
        refuse_unready(backend, other, "default", "keep:host")
    assert refused.value.code == "wrong_key"
