"""PostgreSQL behind pgbouncer in transaction mode: nothing of the store belongs to a session (row K10)."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from authrecord.stores.kek import LocalKek
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.postgres import PostgresBackend
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import initialise
from authrecord.stores.sql.vault import Vault
from tests.canary_watch import Canary
from tests.stores.contract import ORDERS, plain_token

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

pytestmark = [
    pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="pgbouncer is set up on POSIX only"),
]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def pooled_url(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The test's database, through a pooler with two connections in transaction mode."""
    assert PGBOUNCER is not None
    folder = Path(f"/tmp/ar-pgb-{os.urandom(4).hex()}")
    folder.mkdir(mode=0o755)
    parts = urlsplit(postgres_url)
    host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
    password = f" password={parts.password}" if parts.password else ""
    port = free_port()
    (folder / "pgbouncer.ini").write_text(
        f"""[databases]
pooled = host={host} port={parts.port or 5432} dbname={parts.path[1:]} user={parts.username or "postgres"}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""
    )
    # Where the tests run as root, which pgbouncer refuses to be: as the one whose socket it must reach.
    owner = Path(host).stat().st_uid if host.startswith("/") else pwd.getpwnam("nobody").pw_uid
    process = subprocess.Popen(
        [PGBOUNCER, str(folder / "pgbouncer.ini")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=owner if os.geteuid() == 0 else None,
    )
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None, "pgbouncer ended"
            time.sleep(0.05)
    yield f"postgresql://anybody@127.0.0.1:{port}/pooled"
    process.terminate()
    process.wait(20)
    shutil.rmtree(folder)


def opened(url: str, kek: LocalKek, *, listen_url: str = "") -> SqlStore:
    backend = PostgresBackend(url, listen_url=listen_url)
    migrate(backend)
    vault = Vault(kek, os.urandom)
    initialise(backend, vault)
    return SqlStore(backend, vault, actor="test")


def test_K10_claims_and_tokens_work_through_a_transaction_pooler(
    pooled_url: str, kek: LocalKek, canary: Canary
) -> None:
    stores = [opened(pooled_url, kek) for _ in range(3)]
    token = plain_token(canary)

    def renew(number: int) -> int:
        store = stores[number % 3]
        claim = store.claim(ORDERS, seconds=30, patience=60)
        assert store.intend(claim, token.access_token, seconds=5)
        saved = store.settle(claim, token)
        assert saved is not None
        return saved.generation

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(renew, range(24))) == list(range(1, 25))
    for store in stores:
        store.close()


def test_K10_a_pooler_that_swallows_notifications_is_found_out_and_said_once(
    pooled_url: str, postgres_url: str, kek: LocalKek, canary: Canary, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(pooled_url, kek)
    with store.backend.waiting("topic"), store.backend.waiting("topic"):
        assert next(store.backend.pauses()) < 1
    assert caplog.text.count("delivers no notifications") == 1
    store.close()
    direct = opened(pooled_url, kek, listen_url=postgres_url)
    with direct.backend.waiting("topic"):
        assert next(direct.backend.pauses()) == 5.0
    direct.close()
