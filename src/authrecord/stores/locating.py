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
API_TOKEN_VARIABLE: Final = "AUTHRECORD_API_TOKEN"
SETTINGS_FILE: Final = "settings.toml"
KEYS: Final = ("store", "key", "tenant", "listen", "api_token")
"""What the settings file may say; a variable of the environment says it louder."""

MEMORY: Final = "memory:"
SERVER: Final = ("https://", "http://")
"""How the URL of a server begins that is asked for records and tokens, `authrecord serve`."""

API_TOKEN: Final = "ar_"
"""How an API token begins; everything else is a source of one."""


class Located:
    """A store that was not opened yet.

    `url`: `sqlite:///path`, `postgresql://…`, `memory:`, or the origin of a server. `path`: of its file, empty for
    others. `key`: the source of its key. `tenant`: whose rows. `listen`: another URL for notifications, or empty.
    `is_named`: somebody chose it, by an option, a variable or the settings file. `api_token`: the source of the token
    for a server; never the token.
    """

    __slots__ = ("api_token", "is_named", "key", "listen", "path", "tenant", "url")

    def __init__(
        self, url: str, key: str, tenant: str, listen: str, *, is_named: bool, api_token: str = ""
    ) -> None:
        self.url = url
        self.api_token = api_token
        self.path = url.removeprefix("sqlite://") if url.startswith("sqlite:") else ""
        self.key = key
        self.tenant = tenant
        self.listen = listen
        self.is_named = is_named

    @property
    def is_server(self) -> bool:
        """True when a server is asked, and no database opened."""
        return self.url.startswith(SERVER)


def located(environment: Mapping[str, str], *, url: str = "", key: str = "") -> Located:
    """The store to use. `url`, `key`: what an option names. Raises `StoreFault` (codes `settings`, `store_url`)."""
    if "@" in url:  # what most URLs are without costs nothing
        _refuse_password(url)
    said = _settings(environment)
    named = url or environment.get(STORE_VARIABLE, "") or said.get("store", "")
    chosen = named or f"sqlite://{places.store_file(environment)}"
    if chosen.startswith(SERVER):
        chosen = _origin(chosen)
    elif not chosen.startswith(("sqlite:///", "postgresql://", "postgres://")) and chosen != MEMORY:
        raise _fault(
            "the store is not one of sqlite:///path, postgresql://host/database, https://host.",
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
        api_token=_token_source(environment, said.get("api_token", "")),
    )


def place_of(store: Located) -> str:
    """Where the store is, without user and password."""
    if store.path or store.url == MEMORY or store.is_server:
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


def _origin(url: str) -> str:
    """The origin of a server's URL. Raises `StoreFault`; the URL is not shown, since it may hold a password."""
    from ..core.origin import insecure_for_secrets, origin_of

    try:
        origin = str(origin_of(url))
    except ValueError as error:
        raise _server_fault(str(error)) from None
    if url.rstrip("/").count("/") > 2 or "?" in url or "#" in url:
        raise _server_fault("holds more than a host and a port")
    if insecure_for_secrets(url):
        raise _server_fault(
            "is plain http, and tokens would travel in the clear; that is for this machine only"
        )
    return origin


def _server_fault(what: str) -> StoreFault:
    return _fault(f"the URL of the store {what}.", "Write it as https://auth.example.com.", "store_url")


def _token_source(environment: Mapping[str, str], said: str) -> str:
    """Where the API token is. `said`: by the settings file, which names a source and holds no token."""
    given = environment.get(API_TOKEN_VARIABLE, "")
    if given and not given.startswith(API_TOKEN):
        return given
    if not said or given or _is_hidden(environment):
        return f"env:{API_TOKEN_VARIABLE}"
    if said.startswith(API_TOKEN):
        raise _fault(
            f"{SETTINGS_FILE} holds an API token.",
            f'Name where it is, such as api_token = "file:/path", or set {API_TOKEN_VARIABLE}.',
            "settings",
        )
    return said


def _is_hidden(environment: Mapping[str, str]) -> bool:
    from .keys import variable

    return variable(API_TOKEN_VARIABLE, environment) is not None


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
