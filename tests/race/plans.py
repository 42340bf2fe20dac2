"""Where a race happens: one SQLite file, or machines around one PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from .conductor import Plan

MACHINES = 3


def on_sqlite(folder: Path, seconds: float, **more: Any) -> Plan:
    """A race of processes on one machine."""
    return Plan(
        folder=folder,
        seconds=seconds,
        store=f"sqlite://{folder}/home/data/store.sqlite",
        key=f"file:{folder}/keys/store.key",
        **more,
    )


def on_postgres(folder: Path, seconds: float, url: str, **more: Any) -> Plan:
    """A race of machines that reach the database at `url`, which is empty, through proxies."""
    return Plan(
        folder=folder,
        seconds=seconds,
        store=url,
        key=f"file:{folder}/keys/store.key",
        store_on=through(url),
        database=server_of(url),
        machines=MACHINES,
        **({"strict": 1, "rough": 1} | more),
    )


def server_of(url: str) -> Path | tuple[str, int]:
    """The Unix socket of the server that `url` names, or its host and port."""
    parts = urlsplit(url)
    folder = parse_qs(parts.query).get("host", [""])[0]
    if folder.startswith("/"):
        return Path(folder) / f".s.PGSQL.{parts.port or 5432}"
    return parts.hostname or "127.0.0.1", parts.port or 5432


def through(url: str) -> Callable[[int], str]:
    """The same database, behind a proxy at a port of loopback."""
    parts = urlsplit(url)
    user = parts.username or os.environ.get("USER", "postgres")
    login = f"{user}:{parts.password}" if parts.password else user
    query = urlencode({"sslmode": "disable", "gssencmode": "disable"})
    return lambda port: f"postgresql://{login}@127.0.0.1:{port}{parts.path}?{query}"
