"""Rotation of a tenant's key: everything is sealed anew, nothing is lost, and each step may be interrupted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authrecord.core import faults
from authrecord.core.errors import StoreFault, TryLater
from authrecord.stores.sealing import key_version
from authrecord.stores.sql import rotation
from authrecord.stores.sql.audit_verifying import verify
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.kek_rotation import finish, rotate_kek
from authrecord.stores.sql.key_status import keks, keys
from authrecord.stores.sql.operator import Operator
from authrecord.stores.sql.rotation import Rotation, destroy
from authrecord.stores.sql.sealed_tables import SEALED_TABLES
from authrecord.stores.sql.tenants import create_tenant, initialise
from authrecord.stores.sql.vault import Vault
from tests.stores.contract import TurnedClock
from tests.stores.sql import sealed_rows
from tests.stores.sql.keys import again, fresh_kek, fresh_vault, operator_of, run

RECORDS = 7


@pytest.fixture
def vault(backend: Backend) -> Vault:
    vault = fresh_vault()
    initialise(backend, vault)
    sealed_rows.add(backend, vault, 0, RECORDS)
    return vault


@pytest.fixture(autouse=True)
def no_faults() -> Iterator[None]:
    yield
    faults.install(None)


def rotate(operator: Operator, progress: rotation.Progress = lambda done, total: None) -> Rotation:
    """In batches so small that each table needs several."""
    return rotation.rotate(operator, progress=progress, batch=3)


def versions(backend: Backend) -> set[int]:
    """Of the keys under which anything is sealed, by the rows' columns, which must say what their blobs say."""
    found = set()
    for table in SEALED_TABLES:
        for version, blob in run(backend, f"SELECT key_version, sealed FROM {table.name}"):
            assert version == key_version(bytes(blob))
            found.add(version)
    return found


def check_readable(backend: Backend, *vaults: Vault, tenant: str = "default") -> None:
    for vault in vaults:
        with backend.reading() as transaction:
            for number in range(RECORDS):
                name = f"r{number:06}"
                token = sealed_rows.read_token(transaction, vault, name, tenant=tenant)
                secret = sealed_rows.read_secret(transaction, vault, name, tenant=tenant)
                assert (token[1], secret[1]) == (f"token {number}".encode(), f"secret {number}".encode())


def code_of(action: object) -> str:
    assert callable(action)
    with pytest.raises(StoreFault) as caught:
        action()
    return caught.value.code


def test_everything_is_sealed_anew_and_the_old_key_retired(backend: Backend, vault: Vault) -> None:
    running = again(vault)
    check_readable(backend, running)
    seen: list[tuple[int, int]] = []
    done = rotate(operator_of(backend, vault), progress=lambda *at: seen.append(at))
    assert (done.version, done.resealed, done.broken) == (2, 4 * RECORDS, ())
    assert versions(backend) == {2}
    assert [(one.version, one.state, one.values) for one in keys(backend, "default")] == [
        (1, "retired", 0), (2, "active", 4 * RECORDS)
    ]  # fmt: skip
    assert seen == sorted(seen)
    assert seen[-1] == (4 * RECORDS, 4 * RECORDS)
    check_readable(backend, vault, running, again(vault))


def test_a_table_with_sealed_values_is_not_left_behind(backend: Backend) -> None:
    """Whatever table has a column `sealed` in the schema is in the list of those that are sealed anew."""
    from authrecord.stores.sql.schema import MIGRATIONS

    statements = ";".join(one.text for one in MIGRATIONS).split(";")
    sealed = {
        one.split()[2] for one in statements if one.split()[:2] == ["CREATE", "TABLE"] and " sealed " in one
    }
    assert sealed == {table.name for table in SEALED_TABLES}


def test_another_tenant_is_left_alone(backend: Backend, vault: Vault) -> None:
    create_tenant(operator_of(backend, vault), "team")
    sealed_rows.add(backend, vault, 0, RECORDS, tenant="team")
    rotate(operator_of(backend, vault))
    assert [(one.version, one.values) for one in keys(backend, "team")] == [(1, 4 * RECORDS)]
    check_readable(backend, again(vault), tenant="team")
    rotate(operator_of(backend, vault, "team"))
    assert versions(backend) == {2}


POINTS = [
    f"rotate.{step}.{when}_commit" for step in ("switch", "batch", "retire") for when in ("before", "after")
]


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("point", POINTS)
def test_L10_an_interrupted_rotation_goes_on_where_it_was(
    backend: Backend, vault: Vault, point: str, nth: int
) -> None:
    passed = 0

    def interrupt(name: str) -> None:
        nonlocal passed
        if name == point:
            passed += 1
            if passed == nth:
                raise InterruptedError

    faults.install(interrupt)
    try:
        rotate(operator_of(backend, vault))
    except InterruptedError:
        check_readable(backend, vault, again(vault))
    faults.install(None)
    if passed < nth:  # this step happens once
        assert "batch" not in point
        return
    rotate(operator_of(backend, again(vault)))
    check_readable(backend, vault, again(vault))
    active = max(one.version for one in keys(backend, "default"))
    assert versions(backend) == {active}
    # Interrupted after its last step, it was over, and the second call was another rotation.
    assert active == (3 if point == "rotate.retire.after_commit" else 2)


def test_L10_what_is_written_meanwhile_is_not_lost(backend: Backend, vault: Vault) -> None:
    """A newer token, a newer secret and a new record come between a batch's reading and its writing."""
    writer = again(vault)
    pending = [3]

    def write(name: str) -> None:
        if name != "rotate.batch.after_commit" or not pending:
            return
        pending.pop()
        with backend.writing() as transaction:
            for number in range(RECORDS):
                sealed_rows.write_token(transaction, writer, f"r{number:06}", 2, f"token {number}")
                sealed_rows.write_secret(transaction, writer, f"r{number:06}", 2, f"secret {number}")
        sealed_rows.add(backend, writer, RECORDS, 1)

    faults.install(write)
    done = rotate(operator_of(backend, vault))
    assert (done.broken, versions(backend)) == ((), {2})
    check_readable(backend, again(vault))
    with backend.reading() as transaction:
        assert sealed_rows.read_token(transaction, vault, "r000000")[0] == 2


def test_L10_a_row_that_changed_since_it_was_read_is_not_written_over(backend: Backend, vault: Vault) -> None:
    """The compare in `replace`: only the very bytes that were read are replaced."""
    before = [bytes(row[0]) for row in run(backend, "SELECT sealed FROM tokens ORDER BY name")]
    for table in SEALED_TABLES:
        key = table.beginning if table.name != "tokens" else ("r000000", b"r000000")
        with backend.writing() as transaction:
            assert (
                transaction.change(
                    table.replace(backend.for_update), (9, b"new", "default", *key, b"not what is there")
                )
                == 0
            )
    assert [bytes(row[0]) for row in run(backend, "SELECT sealed FROM tokens ORDER BY name")] == before


def test_L10_a_row_that_somebody_is_changing_is_waited_for_by_nobody(
    backend: Backend, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is passed over, and sealed anew in a later pass; while it is held, the rotation says so and ends."""
    if backend.kind != "postgres":
        assert backend.for_update == ""  # one writer at a time: nothing to pass over
        return
    monkeypatch.setattr(rotation, "PAUSE", 0.01)
    with backend.writing() as holder:
        sealed_rows.write_token(holder, vault, "r000002", 2, "token 2")
        with pytest.raises(TryLater):
            rotate(operator_of(backend, vault))
    assert versions(backend) == {1, 2}
    assert rotate(operator_of(backend, vault)).version == 2
    assert versions(backend) == {2}
    check_readable(backend, again(vault))


def test_L4_what_does_not_open_is_named_and_left_as_it_is(backend: Backend, vault: Vault) -> None:
    run(backend, "UPDATE tokens SET sealed = ? WHERE name = 'r000003'", bytes(80))
    run(
        backend,
        "UPDATE records SET config = ? WHERE name = 'r000004'",
        '{"auth": {}, "allowed_origins": ["*"]}',
    )
    run(backend, "UPDATE records SET config = 'no JSON' WHERE name = 'r000005'")
    done = rotate(operator_of(backend, vault))
    assert set(done.broken) == {"tokens of r000003", "secrets of r000004", "secrets of r000005"}
    assert done.resealed == 4 * RECORDS - 3
    assert bytes(run(backend, "SELECT sealed FROM tokens WHERE name = 'r000003'")[0][0]) == bytes(80)
    assert [(one.version, one.state, one.values) for one in keys(backend, "default")] == [
        (1, "retired", 3), (2, "active", 4 * RECORDS - 3)
    ]  # fmt: skip


def test_a_retired_key_is_destroyed_once_nothing_needs_it(
    backend: Backend, vault: Vault, clock: TurnedClock
) -> None:
    operator = operator_of(backend, vault)
    assert code_of(lambda: destroy(operator, 1)) == "key_in_use"  # active
    rotate(operator)
    assert code_of(lambda: destroy(operator, 1)) == "key_in_use"  # this very minute
    clock.now += rotation.SETTLED_SECONDS + 1
    run(backend, "UPDATE entries SET key_version = 1 WHERE name = 'r000000'")
    assert code_of(lambda: destroy(operator, 1)) == "key_in_use"  # somebody needs it
    run(backend, "UPDATE entries SET key_version = 2 WHERE name = 'r000000'")
    destroy(operator, 1)
    assert code_of(lambda: destroy(operator, 1)) == "no_key"
    assert code_of(lambda: destroy(operator, 2)) == "key_in_use"
    assert [one.version for one in keys(backend, "default")] == [2]
    check_readable(backend, vault, again(vault))
    assert rotate(operator).version == 3


def test_L9_both_keys_open_the_store_until_the_change_is_finished(backend: Backend, vault: Vault) -> None:
    new = Vault(fresh_kek(), vault.random)
    assert rotate_kek(operator_of(backend, vault), new.kek) == 3
    for program in (again(vault), again(new)):
        program.check(backend)
        check_readable(backend, program)
        with backend.writing() as transaction:
            sealed_rows.write_token(transaction, program, "r000000", 1, "token 0")
    assert [one.keys for one in keks(backend)] == [3, 3]
    assert code_of(lambda: finish(operator_of(backend, vault))) == "old_key"
    assert code_of(lambda: finish(operator_of(backend, new), keep_old=True)) == "new_key"
    assert finish(operator_of(backend, new)) == 3
    assert finish(operator_of(backend, new)) == 0
    assert [one.identity for one in keks(backend)] == [new.kek.identity]
    check_readable(backend, again(new), new)
    assert code_of(lambda: again(vault).check(backend)) == "wrong_key"


def test_a_change_of_the_key_can_be_taken_back(backend: Backend, vault: Vault) -> None:
    new = Vault(fresh_kek(), vault.random)
    rotate_kek(operator_of(backend, vault), new.kek)
    assert finish(operator_of(backend, vault), keep_old=True) == 3
    assert code_of(lambda: again(new).check(backend)) == "wrong_key"
    check_readable(backend, again(vault))


def test_nothing_is_made_while_two_keys_are_valid(backend: Backend, vault: Vault) -> None:
    new = Vault(fresh_kek(), vault.random)
    operator = operator_of(backend, vault)
    rotate_kek(operator, new.kek)
    assert rotate_kek(operator, new.kek) == 3  # a second time changes nothing
    assert code_of(lambda: rotate(operator)) == "kek_rotation"
    assert code_of(lambda: create_tenant(operator, "team")) == "kek_rotation"
    assert code_of(lambda: rotate_kek(operator, fresh_kek())) == "kek_rotation"
    assert code_of(lambda: rotate_kek(operator_of(backend, new), new.kek)) == "same_key"
    finish(operator_of(backend, new))
    assert code_of(lambda: rotate(operator)) == "wrong_key"
    create_tenant(operator_of(backend, new), "team")
    assert rotate(operator_of(backend, new)).version == 2


def test_L4_a_key_that_was_changed_stops_the_change_before_anything_is_written(
    backend: Backend, vault: Vault
) -> None:
    run(backend, "UPDATE tenant_keys SET wrapped = ? WHERE purpose = 'audit'", bytes(97))
    assert code_of(lambda: rotate_kek(operator_of(backend, again(vault)), fresh_kek())) == "tampered"
    assert len(keks(backend)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_L9_an_interrupted_change_of_the_key_is_whole_or_not_there(
    backend: Backend, vault: Vault, when: str
) -> None:
    new = Vault(fresh_kek(), vault.random)

    def interrupt(name: str) -> None:
        if name in (f"keys.rotate_kek.{when}_commit", f"keys.finish.{when}_commit"):
            raise InterruptedError

    faults.install(interrupt)
    with pytest.raises(InterruptedError):
        rotate_kek(operator_of(backend, vault), new.kek)
    assert len(keks(backend)) == (1 if when == "before" else 2)
    check_readable(backend, again(vault))
    faults.install(None)
    rotate_kek(operator_of(backend, vault), new.kek)
    faults.install(interrupt)
    with pytest.raises(InterruptedError):
        finish(operator_of(backend, new))
    assert len(keks(backend)) == (2 if when == "before" else 1)
    check_readable(backend, again(new))


def test_L9_all_tenants_change_their_key_at_once(backend: Backend, vault: Vault) -> None:
    for name in ("a", "b", "c"):
        create_tenant(operator_of(backend, vault), name)
    new = Vault(fresh_kek(), vault.random)
    assert rotate_kek(operator_of(backend, vault), new.kek) == 12
    assert finish(operator_of(backend, new)) == 12


def test_each_act_is_told(backend: Backend, vault: Vault, clock: TurnedClock) -> None:
    operator = operator_of(backend, vault)
    rotate(operator)
    clock.now += rotation.SETTLED_SECONDS + 1
    destroy(operator, 1)
    create_tenant(operator, "team")
    new = Vault(fresh_kek(), vault.random)
    rotate_kek(operator, new.kek)
    finish(operator_of(backend, new))
    told = run(backend, "SELECT action, actor, detail FROM audit WHERE tenant = 'default' ORDER BY seq")
    assert [row[0] for row in told] == [
        "keys.rotate", "keys.retire", "keys.destroy", "tenant.create", "keys.rotate-kek", "keys.finish"
    ]  # fmt: skip
    assert {row[1] for row in told} == {"cli:ada@machine"}
    with backend.reading() as transaction:
        assert not verify(transaction, again(new), "default").breaks
