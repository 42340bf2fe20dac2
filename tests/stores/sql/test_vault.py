"""The vault: what a tenant sealed opens for that tenant, at its place, under its keys, and nowhere else.

The names of the first tests are those of OpenBao's tests of its barrier.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores.sealing import DoesNotOpen, key_version
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.bindings import (
    entry_place,
    login_place,
    secret_place,
    token_place,
    wrapped_key_place,
)
from authrecord.stores.sql.tenants import (
    Tenant,
    create_tenant,
    destroy_tenant,
    initialise,
    insert_key,
    list_tenants,
)
from authrecord.stores.sql.vault import ACTIVE, SEAL, Vault
from tests.canary_watch import Canary
from tests.stores.sql.keys import again, content, fresh_vault, operator_of, run


@pytest.fixture
def vault(backend: Backend) -> Vault:
    vault = fresh_vault()
    assert initialise(backend, vault)
    return vault


def sealed(backend: Backend, vault: Vault, place: bytes, plain: bytes = b"plain") -> bytes:
    with backend.writing() as transaction:
        version, blob = vault.seal(transaction, "default", place, plain)
    assert version == key_version(blob)
    return blob


def opened(backend: Backend, vault: Vault, place: bytes, blob: bytes, tenant: str = "default") -> bytes:
    with backend.reading() as transaction:
        return vault.open(transaction, tenant, place, blob)


def make_version(backend: Backend, vault: Vault, version: int) -> None:
    """A further key of the tenant `default`, active from now on."""
    kek = vault.kek
    wrapped = kek.wrap(os.urandom(32), wrapped_key_place("default", SEAL, version, kek.identity))
    with backend.writing() as transaction:
        insert_key(transaction, kek, "default", SEAL, version, wrapped, ACTIVE)
        transaction.change("UPDATE tenants SET active_key = ?", (version,))


def test_Confidential(backend: Backend, vault: Vault, canary: Canary) -> None:
    """No byte of what is sealed, and no key, is in the database."""
    plain = canary("client secret", "hard").encode()
    blob = sealed(backend, vault, b"place", plain)
    run(backend, "INSERT INTO secrets VALUES ('default', 'r', 'f', 1, 1, ?, 0, 'me')", blob)
    canary.scan(content(backend), "the database")
    assert opened(backend, again(vault), b"place", blob) == plain
    assert "••••" in repr(vault._keys["default", SEAL, 1])


def test_L4_Integrity(backend: Backend, vault: Vault) -> None:
    """Every flipped bit is found, of the head, the salt, the nonce, the ciphertext and the tag."""
    blob = sealed(backend, vault, b"place")
    for position in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(DoesNotOpen):
            opened(backend, vault, b"place", bytes(changed))
    assert opened(backend, vault, b"place", blob) == b"plain"


def test_L4_every_flipped_bit_of_a_wrapped_key_is_found(backend: Backend, vault: Vault) -> None:
    blob = sealed(backend, vault, b"place")
    row = run(backend, "SELECT wrapped FROM tenant_keys WHERE purpose = 'seal'")[0]
    for position in range(len(row[0]) * 8):
        changed = bytearray(row[0])
        changed[position // 8] ^= 1 << position % 8
        run(backend, "UPDATE tenant_keys SET wrapped = ? WHERE purpose = 'seal' RETURNING 1", bytes(changed))
        with pytest.raises(StoreFault) as caught:
            opened(backend, again(vault), b"place", blob)
        assert caught.value.code == "tampered"


PLACES: dict[str, Callable[[], bytes]] = {
    "itself": lambda: secret_place("default", "r1", "auth.token", 3, b"digest"),
    "tenant": lambda: secret_place("other", "r1", "auth.token", 3, b"digest"),
    "record": lambda: secret_place("default", "r2", "auth.token", 3, b"digest"),
    "field": lambda: secret_place("default", "r1", "auth.value", 3, b"digest"),
    "generation": lambda: secret_place("default", "r1", "auth.token", 4, b"digest"),
    "destination": lambda: secret_place("default", "r1", "auth.token", 3, b"another"),
    "borders": lambda: secret_place("default", "r", "1auth.token", 3, b"digest"),
    "token": lambda: token_place("default", "r1", b"auth.token", 3, "digest"),
    "token's name": lambda: token_place("default", "r2", b"auth.token", 3, "digest"),
    "token's lookup": lambda: token_place("default", "r1", b"auth.value", 3, "digest"),
    "token's generation": lambda: token_place("default", "r1", b"auth.token", 4, "digest"),
    "token's binding": lambda: token_place("default", "r1", b"auth.token", 3, "another"),
    "entry": lambda: entry_place("default", b"r1"),
    "login": lambda: login_place("default", "r1", "auth.token"),
}


@pytest.mark.parametrize("name", PLACES)
def test_L5_MoveIntegrity(backend: Backend, vault: Vault, name: str) -> None:
    """What was sealed at one place opens there, and at none of the others."""
    blob = sealed(backend, vault, PLACES[name]())
    for other, place in PLACES.items():
        if other == name:
            assert opened(backend, vault, place(), blob) == b"plain"
        else:
            with pytest.raises(DoesNotOpen):
                opened(backend, vault, place(), blob)


def test_L5_a_row_or_a_key_that_is_moved_to_another_tenant_does_not_open(
    backend: Backend, vault: Vault
) -> None:
    create_tenant(operator_of(backend, vault), "other")
    blob = sealed(backend, vault, b"place")
    with pytest.raises(DoesNotOpen):
        opened(backend, vault, b"place", blob, tenant="other")
    run(
        backend,
        "UPDATE tenant_keys SET wrapped = (SELECT wrapped FROM tenant_keys WHERE tenant = 'default'"
        " AND purpose = 'seal') WHERE tenant = 'other' AND purpose = 'seal'",
    )
    with pytest.raises(StoreFault) as caught:
        opened(backend, again(vault), b"place", blob, tenant="other")
    assert caught.value.code == "tampered"


def test_L6_ConfigIntegrity(backend: Backend, vault: Vault) -> None:
    """A secret whose record got another token URL does not open."""

    def place(token_url: str) -> bytes:
        return secret_place("default", "r1", "auth.token", 1, hashlib.sha256(token_url.encode()).digest())

    blob = sealed(backend, vault, place("https://id.example.com/token"))
    with pytest.raises(DoesNotOpen):
        opened(backend, vault, place("https://evil.example/token"), blob)
    assert opened(backend, vault, place("https://id.example.com/token"), blob) == b"plain"


@pytest.mark.parametrize("head", [b"\x00", b"\x02", b"p", b""])
def test_L8_Upgrade_another_format_is_refused(backend: Backend, vault: Vault, head: bytes) -> None:
    """The byte of the format is bound too; there is no byte that means plain text."""
    blob = sealed(backend, vault, b"place")
    with pytest.raises(DoesNotOpen):
        opened(backend, vault, b"place", head + blob[1:])
    with pytest.raises(DoesNotOpen):
        opened(backend, vault, b"place", head + b"plain")


def test_Rotate(backend: Backend, vault: Vault) -> None:
    """What was sealed before a new key opens after it, here and in other programs; new values use the new key."""
    other_program = again(vault)
    old = sealed(backend, vault, b"place", b"old")
    assert opened(backend, other_program, b"place", old) == b"old"
    make_version(backend, vault, 2)
    new = sealed(backend, other_program, b"place", b"new")
    assert (key_version(old), key_version(new)) == (1, 2)
    for program in (vault, other_program, again(vault)):
        assert opened(backend, program, b"place", old) == b"old"
        assert opened(backend, program, b"place", new) == b"new"


def test_L8_a_value_is_not_passed_off_as_one_of_another_key(backend: Backend, vault: Vault) -> None:
    blob = sealed(backend, vault, b"place")
    make_version(backend, vault, 2)
    with pytest.raises(DoesNotOpen):
        opened(backend, vault, b"place", blob[:1] + (2).to_bytes(4, "big") + blob[5:])


def test_L1_WrongKey(backend: Backend, vault: Vault) -> None:
    """A wrong key is found at once, before anything is written, and whatever is tried with it."""
    blob = sealed(backend, vault, b"place")
    before = content(backend)
    wrong = fresh_vault()
    attempts: list[Callable[[], object]] = [
        lambda: wrong.check(backend),
        lambda: initialise(backend, wrong),
        lambda: create_tenant(operator_of(backend, wrong), "team"),
        lambda: opened(backend, wrong, b"place", blob),
        lambda: sealed(backend, wrong, b"place"),
    ]
    for attempt in attempts:
        with pytest.raises(StoreFault) as caught:
            attempt()
        assert caught.value.code == "wrong_key"
    assert content(backend) == before
    vault.check(backend)


def test_L1_a_key_check_that_was_changed_is_not_passed(backend: Backend, vault: Vault) -> None:
    run(backend, "UPDATE keks SET key_check = ?", b"changed")
    with pytest.raises(StoreFault) as caught:
        vault.check(backend)
    assert caught.value.code == "wrong_key"


def test_L2_a_store_without_keys_says_so_and_gets_none(backend: Backend) -> None:
    vault = fresh_vault()
    with pytest.raises(StoreFault) as caught:
        vault.check(backend)
    assert caught.value.code == "no_keys"
    with pytest.raises(StoreFault) as caught:
        sealed(backend, vault, b"place")
    assert caught.value.code == "no_tenant"


def test_initialising_twice_keeps_the_keys(backend: Backend, vault: Vault) -> None:
    blob = sealed(backend, vault, b"place")
    assert not initialise(backend, again(vault))
    assert opened(backend, again(vault), b"place", blob) == b"plain"


def test_L7_an_older_row_at_its_own_place_opens(backend: Backend, vault: Vault) -> None:
    """The limit that the threat model states: only the generation, and the audit log, tell old rows from new ones."""
    old = sealed(backend, vault, token_place("default", "r1", b"l", 1, "b"), b"old")
    sealed(backend, vault, token_place("default", "r1", b"l", 2, "b"), b"new")
    with pytest.raises(DoesNotOpen):
        opened(backend, vault, token_place("default", "r1", b"l", 2, "b"), old)
    assert opened(backend, vault, token_place("default", "r1", b"l", 1, "b"), old) == b"old"


def test_keyed_values_tell_tenants_and_purposes_apart(backend: Backend, vault: Vault) -> None:
    create_tenant(operator_of(backend, vault), "other")
    with backend.reading() as transaction:
        found = {
            vault.keyed(transaction, tenant, purpose, b"value")
            for tenant in ("default", "other")
            for purpose in ("lookup", "fingerprint", "audit")
        }
        assert len(found) == 6
        assert again(vault).keyed(transaction, "other", "audit", b"value") in found


def test_L16_no_key_and_nonce_are_used_twice(backend: Backend, vault: Vault) -> None:
    """A key is drawn for each write from 32 random bytes, so that a pair repeats only if they do."""
    with backend.writing() as transaction:
        blobs = [vault.seal(transaction, "default", b"place", b"")[1] for _ in range(100_000)]
    assert len({blob[5:49] for blob in blobs}) == len(blobs)


def test_L16_without_randomness_nothing_is_sealed(backend: Backend, vault: Vault) -> None:
    def broken(count: int) -> bytes:
        raise OSError("no randomness")

    with pytest.raises(OSError, match="no randomness"), backend.writing() as transaction:
        Vault(vault.kek, broken).seal(transaction, "default", b"place", b"plain")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_L16_a_forked_child_draws_other_salts_and_nonces(backend: Backend, vault: Vault) -> None:
    sealed(backend, vault, b"place")
    key = vault._keys["default", SEAL, 1]
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, key.seal(b"", b"", os.urandom))
        os._exit(0)
    mine = key.seal(b"", b"", os.urandom)
    os.waitpid(child, 0)
    theirs = os.read(reading, 200)
    assert key.open(theirs, b"") == b""
    assert mine[5:37] != theirs[5:37]
    assert mine[37:49] != theirs[37:49]


def test_L18_a_destroyed_tenant_leaves_nothing_that_opens(backend: Backend, vault: Vault) -> None:
    create_tenant(operator_of(backend, vault), "team", "The team")
    with backend.writing() as transaction:
        _, blob = vault.seal(transaction, "team", b"place", b"plain")
    assert [tenant.name for tenant in list_tenants_of(backend)] == ["default", "team"]
    destroy_tenant(operator_of(backend, vault), "team")
    assert [tenant.name for tenant in list_tenants_of(backend)] == ["default"]
    with pytest.raises(DoesNotOpen):
        opened(backend, again(vault), b"place", blob, tenant="team")
    for program in (vault, again(vault)):
        with pytest.raises(StoreFault) as caught, backend.writing() as transaction:
            program.seal(transaction, "team", b"place", b"plain")
        assert caught.value.code == "no_tenant"


def test_L18_the_name_of_a_destroyed_tenant_is_not_given_away(backend: Backend, vault: Vault) -> None:
    """A program that still holds its keys would seal under them what others cannot open."""
    create_tenant(operator_of(backend, vault), "team")
    destroy_tenant(operator_of(backend, vault), "team")
    with pytest.raises(StoreFault) as caught:
        create_tenant(operator_of(backend, vault), "team")
    assert caught.value.code == "tenant_exists"


@pytest.mark.parametrize("name", ["", "Team", "a b", "-x", ".", "x" * 64, "tëam", "a/b"])
def test_a_tenant_has_a_plain_name(backend: Backend, vault: Vault, name: str) -> None:
    with pytest.raises(StoreFault) as caught:
        create_tenant(operator_of(backend, vault), name)
    assert caught.value.code == "tenant_name"


def test_the_default_tenant_is_not_destroyed(backend: Backend, vault: Vault) -> None:
    with pytest.raises(StoreFault) as caught:
        destroy_tenant(operator_of(backend, vault), "default")
    assert caught.value.code == "tenant_default"


def list_tenants_of(backend: Backend) -> list[Tenant]:
    with backend.reading() as transaction:
        return list_tenants(transaction)
