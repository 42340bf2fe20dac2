"""Where records and tokens come from: which document, which store, which key, which tenant.

A named document comes first, then a named store, then a document in this folder or above it, then the user's own
document, and last the store that every user has. The fast path of `authrecord token` asks here too, so nothing slow
is imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from . import places

TYPE_CHECKING = False  # as `typing` has it; importing that costs 6 ms
if TYPE_CHECKING:
    from typing import Any, Final

    from ..core.errors import StoreFault

STORE_VARIABLE: Final = "AUTHRECORD_STORE"
TENANT_VARIABLE: Final = "AUTHRECORD_TENANT"
LISTEN_VARIABLE: Final = "AUTHRECORD_STORE_LISTEN"
SETTINGS_FILE: Final = "settings.toml"
KEYS: Final = ("store", "key", "tenant", "listen")
"""What the settings file may say; a variable of the environment says it louder."""

MEMORY: Final = "memory:"


class Located:
    """A store that was not opened yet.

    `url`: `sqlite:///path`, `postgresql://…` or `memory:`. `path`: of its file, empty for others. `key`: the source
    of its key. `tenant`: whose rows. `listen`: another URL for notifications, or empty. `is_named`: somebody chose
    it, by an option, a variable or the settings file.
    """

    __slots__ = ("is_named", "key", "listen", "path", "tenant", "url")

    def __init__(self, url: str, key: str, tenant: str, listen: str, *, is_named: bool) -> None:
        self.url = url
        self.path = url.removeprefix("sqlite://") if url.startswith("sqlite:") else ""
        self.key = key
        self.tenant = tenant
        self.listen = listen
        self.is_named = is_named


def located(environment: Mapping[str, str], *, url: str = "", key: str = "") -> Located:
    """The store to use. `url`, `key`: what an option names. Raises `StoreFault` (codes `settings`, `store_url`)."""
    if "@" in url:  # what most URLs are without costs nothing
        _refuse_password(url)
    said = _settings(environment)
    named = url or environment.get(STORE_VARIABLE, "") or said.get("store", "")
    chosen = named or f"sqlite://{places.store_file(environment)}"
    if not chosen.startswith(("sqlite:///", "postgresql://", "postgres://")) and chosen != MEMORY:
        raise _fault(
            "the store is not one of sqlite:///path, postgresql://host/database.",
            f"Correct {STORE_VARIABLE}, --store, or `store` in {SETTINGS_FILE}.",
            "store_url",
        )
    return Located(
        chosen,
        key
        or environment.get("AUTHRECORD_KEY", "")
        or said.get("key", "")
        or f"file:{places.key_file(environment)}",
        environment.get(TENANT_VARIABLE, "") or said.get("tenant", "") or "default",
        environment.get(LISTEN_VARIABLE, "") or said.get("listen", ""),
        is_named=bool(named),
    )


def place_of(store: Located) -> str:
    """Where the store is, without user and password."""
    if store.path or store.url == MEMORY:
        return store.path or store.url
    return place_of_url(store.url)


def place_of_url(url: str) -> str:
    """Where a PostgreSQL is, without user and password."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or 'the local PostgreSQL'}{port}{parts.path.rstrip('/')}"


def found_document(environment: Mapping[str, str], start: str, store: Located, *, file: str = "") -> str:
    """The path of the document to use, empty when the records are in `store`. `start`: this folder, absolute.

    `file`: what an option names.
    """
    named = file or environment.get(places.FILE_VARIABLE, "")
    if named:
        return named
    if store.is_named:
        return ""
    return places.document_above(start) or places.own_document(environment)


def _refuse_password(url: str) -> None:
    """An option is an argument, which other users of the machine can read (attack row P10)."""
    if _password_in(url):
        raise _fault(
            "--store holds a password, and a command's arguments can be read by others.",
            f"Put the URL into {STORE_VARIABLE} or {SETTINGS_FILE}, or the password into ~/.pgpass.",
            "store_url",
        )


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What the settings file says; nothing when there is none."""
    path = places.settings_file(environment)
    if not os.path.isfile(path):
        return {}
    import tomllib

    try:
        with open(path, "rb") as file:
            data: dict[str, Any] = tomllib.load(file)
    except (OSError, ValueError):  # of TOML, and of UTF-8: their words may hold what stands in the file
        data = {"": None}
    for name, value in data.items():
        if name not in KEYS or not isinstance(value, str):
            raise _fault(
                f"{path} cannot be used.",
                f'It holds lines such as store = "postgresql://…"; known: {", ".join(KEYS)}.',
                "settings",
            )
    if "@" in data.get("store", "") and _password_in(data["store"]):
        from .private_files import refuse_unsafe

        refuse_unsafe(path)
    return data


def _password_in(url: str) -> str | None:
    from urllib.parse import urlsplit

    return urlsplit(url).password


def _fault(message: str, hint: str, code: str) -> StoreFault:
    from ..core.errors import StoreFault

    return StoreFault(message, hint=hint, code=code)
