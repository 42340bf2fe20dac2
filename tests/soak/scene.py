"""What a soak needs: a PostgreSQL behind a network that fails, records with logins, a provider, the programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants.settings import Authorization, Credentials, TokenExchange
from authrecord.record import OAuth2, Record
from authrecord.wiring import Settings, make_keeper
from tests.fault_proxy import FaultProxy
from tests.race.crew import environment
from tests.race.opening import open_tokens
from tests.race.plans import server_of, through

from .carriers import carriers
from .program import Program
from .provider import FailingProvider

NAMES: Final = ("login-0", "login-1", "client-0", "client-1")
"""Two logins whose refresh tokens rotate, two clients with credentials of their own."""


@dataclass(slots=True)
class Scene:
    """Made by `open_scene`. `database`: the network between the programs and PostgreSQL.

    `gateway` carries the requests; `control` is what keeps its credentials fresh, and is killed. `proof`: what a caller
    sends as `X-Authrecord-Token`.
    """

    provider: FailingProvider
    database: FaultProxy
    gateway: Program
    control: Program
    port: int
    proof: str


def open_scene(
    stack: ExitStack,
    folder: Path,
    database_url: str,
    provider: FailingProvider,
    api: str,
    engine: str,
    make_secret: Callable[[str], str],
) -> Scene:
    """Everything runs when this returns; `stack` ends it. `database_url`: of an empty database. `api`: its origin."""
    (folder / "home").mkdir(parents=True)
    database = stack.enter_context(FaultProxy(server_of(database_url)))
    password = make_secret("gateway password")
    variables = environment(folder, "") | {
        "AUTHRECORD_STORE": through(database_url)(database.port),
        "AUTHRECORD_KEY": f"file:{folder}/keys/store.key",
        "AUTHRECORD_GATEWAY_PASSWORD": password,
    }
    _fill(folder, database_url, provider, api, make_secret)
    rules = folder / "rules.yaml"
    rules.write_text("rules:\n" + "".join(f"  - {{records: [{name}], path: /{name}}}\n" for name in NAMES))
    made = carriers(engine)(stack, folder, rules, api, variables, password)
    return Scene(provider, database, made.gateway, made.control, made.port, made.proof)


def _fill(
    folder: Path, url: str, provider: FailingProvider, api: str, make_secret: Callable[[str], str]
) -> None:
    store = open_tokens(url, f"file:{folder}/keys/store.key", time)
    keeper = make_keeper(Settings.read({}), base=folder, store=store)
    try:
        for name in NAMES:
            client = provider.register_client(client_id=name, secret=make_secret("client_secret"))
            record = _record(name, provider, api, client.secret)
            store.create(record)
            if name.startswith("login"):
                access, refresh = provider.issue_login(client)
                token = Token(
                    access_token=Secret(access),
                    refresh_token=Secret(refresh),
                    obtained_at=time.time(),
                    life=provider.token_life,
                    issued_by=provider.token_url,
                )
                keeper.adopt(record, token)
    finally:
        keeper.close()


def _record(name: str, provider: FailingProvider, api: str, secret: str) -> Record:
    is_login = name.startswith("login")
    return Record(
        name=name,
        allowed_origins=(api,),
        auth=OAuth2(
            grant="authorization_code" if is_login else "client_credentials",
            authorization=Authorization(url=provider.authorization_url if is_login else ""),
            credentials=Credentials(client_id=name, client_secret=Secret(secret)),
            token_exchange=TokenExchange(url=provider.token_url),
        ),
    )
