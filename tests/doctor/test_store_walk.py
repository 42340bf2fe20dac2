"""The doctor of the store: each illness is found, by its own step, and nothing is changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault, TryLater
from authrecord.core.messages import Request, Response
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.doctor.clocks import MOST_SECONDS, check_clocks
from authrecord.doctor.place import check_key_place, check_spool, check_url
from authrecord.doctor.step import Step, Verdict
from authrecord.doctor.store_walk import STEPS, Patient, walk_store
from authrecord.keeper.ports import TokenKey
from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import SealingKey
from authrecord.stores.spool_file import new_file
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.checkpoints import checkpoint
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.restored import mark_restored
from authrecord.stores.sql.sqlite import SqliteBackend
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import initialise
from authrecord.stores.sql.vault import Vault
from tests.canary_watch import Canary


class NoProvider:
    """A sender that nobody may use."""

    def __call__(self, request: Request) -> Response:
        raise AssertionError("nobody was to be asked")

    def close(self) -> None:
        return None


class Clinic:
    """A healthy store of five tokens in a file, its key in another, and the doctor."""

    def __init__(self, folder: Path, canary: Canary) -> None:
        self.path = folder / "data" / "store.sqlite"
        self.key = folder / "keys" / "store.key"
        self.vault = Vault(LocalKek(SealingKey(os.urandom(32)), f"file:{self.key}", os.urandom), os.urandom)
        self.key.parent.mkdir(mode=0o700)
        self.key.touch(mode=0o600)
        with closing(self.open()) as backend:
            migrate(backend)
            initialise(backend, self.vault)
            store = SqlStore(backend, self.vault, actor="cli:ada@host")
            for number in range(5):
                claim = store.claim(TokenKey(f"orders-{number}", "a" * 64), seconds=30, patience=0)
                store.settle(claim, Token(access_token=Secret(canary("token")), obtained_at=1.0))
        self.patient = Patient(
            f"sqlite://{self.path}",
            str(self.path),
            f"file:{self.key}",
            {"HOME": str(folder)},
            open_backend=self.open,
            open_vault=lambda: self.vault,
        )

    def open(self) -> Backend:
        return SqliteBackend(str(self.path), time)

    def change(self, statement: str) -> None:
        with closing(self.open()) as backend, backend.writing() as transaction:
            transaction.change(statement)

    def walk(self) -> dict[str, Step]:
        steps = walk_store(self.patient, NoProvider(), now=time.time, seconds=time.monotonic)
        return {step.name: step for step in steps}

    def ill(self) -> dict[str, str]:
        """The steps that did not go well: the summary of each."""
        return {name: step.summary for name, step in self.walk().items() if step.verdict is not Verdict.OK}


@pytest.fixture
def clinic(tmp_path: Path, canary: Canary) -> Clinic:
    return Clinic(tmp_path, canary)


def test_a_healthy_store_passes_every_step_in_order(clinic: Clinic) -> None:
    found = clinic.walk()
    assert list(found) == list(STEPS)
    assert {step.verdict for step in found.values()} == {Verdict.OK}
    assert found["seals"].summary == "all 5 sealed values open"
    assert "5 rows" in found["audit"].summary


def test_looking_changes_nothing(clinic: Clinic) -> None:
    before = clinic.path.read_bytes()
    clinic.walk()
    assert clinic.path.read_bytes() == before


def test_no_store_yet_is_well_and_none_is_made(clinic: Clinic) -> None:
    for path in clinic.path.parent.iterdir():
        if path.is_file():
            path.unlink()
    found = clinic.walk()
    assert set(found) == set(STEPS)
    assert found["place"].verdict is Verdict.OK
    assert found["seals"].verdict is Verdict.SKIPPED
    assert not clinic.path.exists()


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_K14_a_file_that_others_reach_is_found_and_not_opened(clinic: Clinic, mode: int) -> None:
    clinic.path.chmod(mode)
    found = clinic.walk()
    assert found["place"].verdict is Verdict.FAILED
    assert f"mode {mode:04o}" in found["place"].summary
    assert found["seals"].verdict is Verdict.SKIPPED


def test_K14_a_key_that_others_reach_is_found(clinic: Clinic) -> None:
    clinic.key.chmod(0o640)
    found = clinic.walk()["key place"]
    assert (found.verdict, "rotate-kek" in found.advice) == (Verdict.FAILED, True)


def test_a_key_beside_the_store_is_noted(clinic: Clinic) -> None:
    beside = clinic.path.parent / "store.key"
    beside.touch(mode=0o600)
    step = check_key_place(f"file:{beside}", str(clinic.path))
    assert (step.verdict, "another folder" in step.advice) == (Verdict.NOTE, True)


@pytest.mark.parametrize(
    "source", ["env:NAME", "keyring:service/name", "vault-transit:https://vault.example"]
)
def test_a_key_elsewhere_is_well(source: str) -> None:
    assert check_key_place(source, "").verdict is Verdict.OK


def test_K8_a_network_file_system_is_found(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = f"36 35 98:0 / {clinic.path.parent} rw - nfs4 server:/share rw\n"
    monkeypatch.setattr("authrecord.doctor.place.mounted", lambda: mounts)
    assert "network file system (nfs4)" in clinic.ill()["place"]


def test_N13_what_waits_for_the_audit_log_is_noted(clinic: Clinic, tmp_path: Path) -> None:
    environment = {"AUTHRECORD_HOME": str(tmp_path)}
    clinic.patient = replace(clinic.patient, environment=environment)
    assert "spool" not in clinic.ill()
    file = new_file(str(tmp_path / "data" / "spool"))
    file.append(b"one\ntwo\n")
    assert "2 entries" in clinic.ill()["spool"]
    file.close()
    os.chmod(file.path, 0o644)
    assert "nobody can tell" in check_spool(environment).summary
    assert check_spool({}).verdict is Verdict.NOTE


def test_a_disk_that_is_nearly_full_is_noted(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authrecord.doctor.place.LEAST_FREE", 2**62)
    assert "nearly full" in clinic.ill()["place"]


def test_L1_another_key_is_found_and_the_rest_goes_on(clinic: Clinic) -> None:
    other = Vault(LocalKek(SealingKey(os.urandom(32)), "env:OTHER", os.urandom), os.urandom)
    clinic.patient = replace(clinic.patient, open_vault=lambda: other)
    found = clinic.walk()
    assert found["key"].error is not None
    assert found["key"].error.code == "wrong_key"
    assert (found["seals"].verdict, found["integrity"].verdict) == (Verdict.SKIPPED, Verdict.OK)


def test_L2_a_missing_key_is_found(clinic: Clinic) -> None:
    def missing() -> Vault:
        raise StoreFault("there is no key.", code="no_key")

    clinic.patient = replace(clinic.patient, open_vault=missing)
    assert clinic.walk()["key"].verdict is Verdict.FAILED


def test_L4_a_value_that_was_changed_is_named(clinic: Clinic) -> None:
    clinic.change("UPDATE tokens SET generation = 9 WHERE name = 'orders-2'")
    step = clinic.walk()["seals"]
    assert (step.verdict, step.summary) == (Verdict.FAILED, "1 of 5 sealed values do not open")
    assert step.details == ("default: tokens of orders-2",)


def test_L5_two_values_that_changed_places_are_named(clinic: Clinic) -> None:
    clinic.change(
        "UPDATE tokens SET sealed = (SELECT sealed FROM tokens AS other WHERE other.name = 'orders-1')"
        " WHERE name = 'orders-0'"
    )
    assert clinic.walk()["seals"].details == ("default: tokens of orders-0",)


def test_N14_a_log_that_was_edited_is_found(clinic: Clinic) -> None:
    clinic.change("UPDATE audit SET actor = 'cli:eve@host' WHERE seq = 2")
    step = clinic.walk()["audit"]
    assert (step.verdict, step.details[0].startswith("default, row 2: ")) == (Verdict.FAILED, True)


def test_N14_a_log_that_was_cut_is_found_by_a_checkpoint(clinic: Clinic) -> None:
    with closing(clinic.open()) as backend, backend.reading() as transaction:
        seen = checkpoint(transaction, clinic.vault, "default")
    clinic.change("DELETE FROM audit WHERE seq = 5")
    clinic.change("UPDATE audit_heads SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)")
    assert clinic.walk()["audit"].verdict is Verdict.OK
    clinic.patient = replace(clinic.patient, checkpoints=[seen])
    assert clinic.walk()["audit"].verdict is Verdict.FAILED


def test_K16_a_damaged_file_is_found(clinic: Clinic) -> None:
    with closing(clinic.open()) as backend, backend.reading() as transaction:
        pages = transaction.rows("SELECT rootpage FROM sqlite_master WHERE name = 'tokens'")
    data = bytearray(clinic.path.read_bytes())
    start = (int(pages[0][0]) - 1) * 4096
    data[start : start + 200] = bytes(200)
    clinic.path.write_bytes(data)
    found = clinic.walk()
    assert Verdict.FAILED in {found["integrity"].verdict, found["place"].verdict}


def test_K13_tables_of_a_newer_program_are_found(clinic: Clinic) -> None:
    clinic.change("UPDATE meta SET value = '99' WHERE name IN ('schema', 'schema_works_with')")
    found = clinic.walk()
    assert found["schema"].verdict is Verdict.FAILED
    assert found["seals"].verdict is Verdict.SKIPPED


def test_a_database_without_our_tables_is_told_and_none_are_made(clinic: Clinic) -> None:
    clinic.path.unlink()
    clinic.path.touch(mode=0o600)
    found = clinic.walk()["schema"]
    assert (found.verdict, "keys init" in found.advice) == (Verdict.FAILED, True)
    with closing(clinic.open()) as backend, backend.reading() as transaction:
        assert not transaction.has_table("meta")


def test_tables_of_an_older_program_are_noted(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authrecord.doctor.contents.needs_migration", lambda backend: True)
    assert clinic.walk()["schema"].verdict is Verdict.NOTE


def test_L14_a_copy_that_waits_is_found(clinic: Clinic) -> None:
    with closing(clinic.open()) as backend, backend.writing() as transaction:
        mark_restored(transaction, 1_800_000_000.0)
    assert "restore --confirm" in clinic.walk()["restored"].advice


def test_K9_a_database_that_is_away_is_found(clinic: Clinic) -> None:
    def away() -> Backend:
        raise TryLater("the database is away.", code="store_away")

    clinic.patient = replace(clinic.patient, path="", url="postgresql://db.example.com/x", open_backend=away)
    found = clinic.walk()
    assert found["place"].verdict is Verdict.FAILED
    assert found["surroundings"].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("postgresql://db.example.com/x", Verdict.NOTE),
        ("postgresql://db.example.com/x?sslmode=require", Verdict.NOTE),
        ("postgresql://db.example.com/x?sslmode=verify-full", Verdict.OK),
        ("postgresql://127.0.0.1:5432/x", Verdict.OK),
        ("postgresql:///x?host=/run/postgresql", Verdict.OK),
    ],
)
def test_a_connection_that_does_not_show_whom_it_talks_to_is_noted(url: str, verdict: Verdict) -> None:
    assert check_url(url, "db.example.com/x").verdict is verdict


class Provider:
    """Answers with a Date that is so many seconds off, or with none."""

    def __init__(self, off: float | None) -> None:
        self._off = off
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.asked.append(request)
        sent_at = 1_800_000_000.0
        headers = () if self._off is None else (("date", formatdate(sent_at - self._off, usegmt=True)),)
        return Response(404, headers, b"", sent_at=sent_at)

    def close(self) -> None:
        return None


@pytest.mark.parametrize(
    ("off", "verdict"), [(0.0, Verdict.OK), (3600.0, Verdict.NOTE), (-90.0, Verdict.NOTE)]
)
def test_J5_a_provider_s_clock_that_differs_is_told_with_the_number(off: float, verdict: Verdict) -> None:
    provider = Provider(off)
    step = check_clocks(None, ["https://id.example.com"], provider, now=time.time)
    assert step.verdict is verdict
    assert verdict is Verdict.OK or f"{abs(off):.0f} s" in step.summary
    assert [(one.method, one.url, one.headers, one.form) for one in provider.asked] == [
        ("GET", "https://id.example.com/", (), None)
    ]


def test_J5_a_provider_without_a_date_says_nothing(clinic: Clinic) -> None:
    step = check_clocks(None, ["https://id.example.com"], Provider(None), now=time.time)
    assert (step.verdict, step.details) == (
        Verdict.OK,
        ("https://id.example.com did not say what time it is",),
    )


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Callable[[float], Backend]]:
    """A PostgreSQL whose clock is so many seconds off."""
    from authrecord.stores.sql.postgres import PostgresBackend

    opened: list[PostgresBackend] = []

    def opens(skew: float) -> Backend:
        opened.append(PostgresBackend(postgres_url, skew=lambda: skew))
        return opened[-1]

    yield opens
    for one in opened:
        one.close()


def test_J1_a_database_s_clock_that_differs_is_told(postgres: Callable[[float], Backend]) -> None:
    assert check_clocks(postgres(0.0), [], NoProvider(), now=time.time).verdict is Verdict.OK
    step = check_clocks(postgres(-2 * MOST_SECONDS), [], NoProvider(), now=time.time)
    assert step.verdict is Verdict.NOTE
    assert "ahead of the database" in step.summary


def test_a_postgres_store_passes_every_step(postgres: Callable[[float], Backend], clinic: Clinic) -> None:
    backend = postgres(0.0)
    migrate(backend)
    initialise(backend, clinic.vault)
    clinic.patient = replace(clinic.patient, path="", url="postgresql:///x", open_backend=lambda: backend)
    assert clinic.ill() == {}
