"""A store for each case, as it is before the deed, and the judgement of what is left behind it."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx2

from authrecord.core.errors import LoginRequired, Misconfigured, StoreFault
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.naming import token_key
from authrecord.record import Record
from authrecord.schemes.api_key import ApiKey
from authrecord.stores.sql.audit_verifying import verify
from authrecord.stores.sql.backup import back_up
from authrecord.stores.sql.restored import confirm
from authrecord.testing.messages import as_json
from tests.race.crew import environment
from tests.race.history import Journal, fingerprint, read
from tests.race.opening import write_document
from tests.race.provider import Manners, RotatingProvider

from . import spooled
from .deeds import BILLING, FRESH, Opened, moved, opened
from .zygote import Zygote

RECORD: Final = "orders"

GENERATIONS: Final = {
    "begin": {0},
    "renew": {2, 3},
    "log_in": {2, 3},
    "forget": {2, 0},
    "carry": {2, 0},
    "restore_backup": {2, 1},
    "confirm_copy": {2, 1},
}
"""Which generations may be left behind a deed: the old one and the new one. Behind all others: `UNTOUCHED`."""
UNTOUCHED: Final = {2}


class Scene:
    """The stores of one kind (`sqlite` or `postgres`), a provider with a grace, and a zygote.

    `server`: the URL of a PostgreSQL. `disk`: a small file system of its own for the stores, which may be filled.
    """

    def __init__(
        self,
        folder: Path,
        make_secret: Callable[[str], str],
        opened_with: ExitStack,
        *,
        server: str,
        disk: Path | None,
    ) -> None:
        self.folder = folder
        self.disk = disk
        self._server = server
        self._secret = make_secret("client_secret")
        (folder / "history").mkdir()
        journal = Journal(folder / "history" / "provider.jsonl", "provider")
        opened_with.callback(journal.close)
        manners = Manners(token_life=1000.0, grace=600.0, slow=0.0)
        self.provider = opened_with.enter_context(
            RotatingProvider(manners, journal, random.Random(0), make_secret)
        )
        self._document = folder / "authrecord.yaml"
        write_document(self._document, [(RECORD, self.provider.url)])
        first = self.provider.log_in(RECORD, self._secret)
        second, fresh = (self.provider.log_in_again(RECORD) for _ in range(2))
        self._variables = environment(folder, self._secret) | {FRESH: " ".join(fresh)}
        os.environ["RACE_SECRET"] = self._secret
        self._shelf = Record(
            name="shelf",
            allowed_origins=("https://shelf.example.com",),
            auth=ApiKey(key="X-Key", value=Secret(make_secret("api_key")), send_in="header"),
        )
        self._numbers = count(1)
        self._template = self._new_store(folder / "template")
        opened_with.callback(self._drop_template)
        self._make_template(first, second)
        self._api = opened_with.enter_context(httpx2.Client())
        self._opened_with = opened_with
        self._zygotes: list[Zygote] = []
        self.zygote = self._zygote(0)

    @contextmanager
    def case(self, deed: str, **more: Any) -> Iterator[dict[str, Any]]:
        """A case with a store of its own: a copy of the template; for `begin`, none yet."""
        self.renew_provider({"deed": deed})
        folder = (self.disk or self.folder) / f"case-{next(self._numbers)}"
        folder.mkdir()
        store = self._new_store(folder / "store", like=None if deed == "begin" else self._template)
        shutil.copy(self.folder / "made.backup", folder / "made.backup")
        admin = {"admin": self._server, "database": urlsplit(store).path[1:]} if self._server else {}
        small = {"small_disk": str(self.disk)} if self.disk else {}
        yield {"deed": deed, **self._about(store, folder), **admin, **small, **more}
        if self._server:
            self._administer(f'DROP DATABASE "{admin["database"]}" WITH (FORCE)')
        shutil.rmtree(folder)

    def run_all(
        self, cases: Sequence[dict[str, Any]], *, at_a_time: int
    ) -> list[tuple[dict[str, Any], Zygote]]:
        """How the children of `cases` ended, each with the zygote that it is a child of; each case is healed then.

        Those whose provider refuses come one by one, since it would refuse the others as well.
        """
        idle: SimpleQueue[Zygote] = SimpleQueue()
        for number in range(at_a_time):
            idle.put(self._zygote(number))

        def run(case: dict[str, Any]) -> tuple[dict[str, Any], Zygote]:
            zygote = idle.get()
            try:
                return zygote.run(case), zygote
            finally:
                self.heal(case)
                idle.put(zygote)

        ended: dict[str, tuple[dict[str, Any], Zygote]] = {}
        ordinary = [case for case in cases if case["deed"] != "fail"]
        self.renew_provider({"deed": ""})
        with ThreadPoolExecutor(at_a_time) as pool:
            ended |= zip((case["folder"] for case in ordinary), pool.map(run, ordinary), strict=True)
        for case in cases:
            if case["deed"] == "fail":
                self.renew_provider(case)
                ended[case["folder"]] = run(case)
        return [ended[case["folder"]] for case in cases]

    def _zygote(self, number: int) -> Zygote:
        """The zygote of that number; all those before it run already."""
        if number == len(self._zygotes):
            self._zygotes.append(Zygote(self._variables))
            self._opened_with.callback(self._zygotes[-1].close)
        return self._zygotes[number]

    @property
    def kind(self) -> str:
        """`sqlite` or `postgres`."""
        return "postgres" if self._server else "sqlite"

    def renew_provider(self, case: dict[str, Any]) -> None:
        """The provider as it was: all stores of a scene began with the same refresh token, and each may use it."""
        with self.provider._state.lock:
            for one in self.provider._state.refresh.values():
                one.used_at = None
        refuses = case["deed"] == "fail"
        self.provider.failures[:] = [as_json({"error": "invalid_client"}, 401)] if refuses else []

    def claims_end_by_time(self, action: str) -> bool:
        """Whether nothing but its time ends the claim of a child that met `action`."""
        return bool(self._server) or action == "stop"

    def heal(self, case: dict[str, Any]) -> None:
        """The disk has room again, and the database is back."""
        if self.disk:
            (self.disk / "filler").unlink(missing_ok=True)
        if self._server:
            self._administer(f'ALTER DATABASE "{case["database"]}" ALLOW_CONNECTIONS true')
        for path in [*Path(case["folder"]).rglob("*.away")]:
            path.rename(path.with_suffix(""))

    def judge(self, case: dict[str, Any]) -> Iterator[str]:
        """What is wrong with the store that is left; nothing when all is well."""
        deed = case["deed"]
        may_be = GENERATIONS.get(deed, UNTOUCHED)
        # Each judgement renews: behind one the next generation is right as well.
        may_be = may_be | {one + more for one in may_be for more in range(case.setdefault("judged", 0) + 1)}
        case["judged"] += 1
        with opened(case) as found:
            yield from self._judge_what_is_kept(found, may_be)
            yield from self._judge_records(found, deed)
            yield from self._judge_what_it_does(found, deed)
            yield from spooled.judge(found.store, case) if deed == "tell_late" else ()
            yield from self._judge_chain(found)

    def _judge_what_is_kept(self, found: Opened, may_be: set[int]) -> Iterator[str]:
        token = found.store.load(token_key(found.record))
        generation = 0 if token is None else token.generation
        if generation not in may_be:
            yield f"generation {generation} is left"
        if token is not None and not self._is_whole(token):
            yield f"the pair of generation {generation} is torn"

    def _judge_records(self, found: Opened, deed: str) -> Iterator[str]:
        """Each record is wholly the old one or wholly the new one, its secret with it."""
        old: list[Record | None] = [None if deed == "begin" else self._shelf]
        new: dict[str, Record | None] = {"update": moved(self._shelf), "delete": None}
        for name, may_be in (
            ("shelf", old + ([new[deed]] if deed in new else [])),
            ("billing", [None, BILLING] if deed == "create" else [None]),
        ):
            is_now = found.store.read(name).record if found.store.holds(name) else None
            if is_now not in may_be:
                yield f"the record {name} is neither the old one nor the new one"

    def _judge_what_it_does(self, found: Opened, deed: str) -> Iterator[str]:
        """It serves from now on, unless its state says why not."""
        confirm(found.store.backend, found.store.vault, found.store.tenant, "judge")
        before = found.store.load(token_key(found.record))
        try:
            token = found.keeper.token(found.record)
        except LoginRequired:
            if before is not None:
                yield "a login is asked for although there is one"
            return
        except Misconfigured:
            if deed != "fail":
                yield "the client is said to be refused"
            return
        if before is not None and token.generation < before.generation:
            yield f"generation {token.generation} follows {before.generation}"
        answer = self._api.get(
            self.provider.api_url, headers={"Authorization": f"Bearer {token.access_token.reveal()}"}
        )
        if answer.status_code != 200:
            yield f"the token that it serves is not taken: {answer.status_code}"
        if self.provider.counters.reuse_detected:
            yield "the provider detected reuse"

    def _judge_chain(self, found: Opened) -> Iterator[str]:
        with found.store.backend.reading() as transaction:
            verified = verify(transaction, found.store.vault, found.store.tenant)
        yield from (f"audit row {one.seq}: {one.why}" for one in verified.breaks)

    def _is_whole(self, token: Token) -> bool:
        issued = {one.access: one.refresh for one in read(self.folder / "history") if one.access}
        assert token.refresh_token is not None
        return issued.get(fingerprint(token.access_token.reveal())) == fingerprint(
            token.refresh_token.reveal()
        )

    def _make_template(self, first: tuple[str, str], second: tuple[str, str]) -> None:
        """Generation 2, which has run out; and a backup of generation 1."""
        case = self._about(self._template, self.folder)
        with opened(case) as found:
            found.keeper.adopt(found.record, _run_out(first))
            found.store.create(self._shelf)
            back_up(found.store.backend, str(self.folder / "made.backup"))
            found.keeper.adopt(found.record, _run_out(second))

    def _about(self, store: str, folder: Path) -> dict[str, Any]:
        return {
            "store": store,
            "key": f"file:{self.folder}/keys/store.key",
            "document": str(self._document),
            "folder": str(folder),
        }

    def _new_store(self, place: Path, like: str | None = None) -> str:
        if not self._server:
            if like is not None:
                shutil.copytree(Path(like.removeprefix("sqlite://")).parent, place)
            return f"sqlite://{place}/store.sqlite"
        database = f"crash_{os.urandom(6).hex()}"
        copied = f' TEMPLATE "{urlsplit(like).path[1:]}"' if like is not None else ""
        self._administer(f'CREATE DATABASE "{database}"{copied}')
        return urlunsplit(urlsplit(self._server)._replace(path=f"/{database}"))

    def _drop_template(self) -> None:
        if self._server:
            self._administer(f'DROP DATABASE "{urlsplit(self._template).path[1:]}" WITH (FORCE)')

    def _administer(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement.encode())


def _run_out(pair: tuple[str, str]) -> Token:
    """A pair whose access token is over."""
    access, refresh = (Secret(one) for one in pair)
    return Token(access_token=access, refresh_token=refresh, obtained_at=time.time() - 60.0, life=1.0)


def errors_of(case: dict[str, Any], judge: Callable[[dict[str, Any]], Iterator[str]]) -> list[str]:
    """The judgement as lines; a store that cannot be opened is one too."""
    try:
        return list(judge(case))
    except StoreFault as fault:
        return [f"the store cannot be used: {fault}"]
