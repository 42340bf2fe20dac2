"""Runs one race from its first process to the checker's verdict."""

from __future__ import annotations

import random
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authrecord.clients.sender import TokenSender
from authrecord.core.errors import AuthrecordError, TryLater
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.documents import read_file
from authrecord.keeper.keeper import Keeper
from authrecord.keeper.naming import token_key
from authrecord.record import Record
from authrecord.signing import sign
from authrecord.stores.references import resolver
from authrecord.stores.sql.audit_listing import Wanted, lines
from authrecord.stores.sql.audit_verifying import verify
from tests.fault_proxy import FaultProxy

from .checker import Rules, violations
from .crew import ENDING_SECONDS, Member, environment
from .figures import Figures, figures
from .history import Event, Journal, fingerprint, read
from .machine import Machine, namespaces_work
from .nemesis import Nemesis, Temper
from .opening import open_tokens, write_document
from .provider import Manners, RotatingProvider
from .shortening import deadline
from .witness import token_marks
from .worker import Orders

LOOK_SECONDS: Final = 0.25
"""How often the conductor looks what the store holds."""

STARTING_SECONDS: Final = 60.0
"""How long the processes of a race may take to start."""

OFFSETS: Final = (0.0, -0.4, 0.4, 0.0, 1.5, -20.0)
"""Seconds by which the clocks of the processes are wrong, one after the other."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One race. `store`: its URL as the conductor reaches it. `key`: the source of its key. Times in seconds.

    `database`: its Unix socket, or host and port, when the machines reach it through proxies, `store_on` a port each;
    `None` for one machine without a network. `strict`, `rough`: processes of each group; with machines, on each
    machine. `records`: of each group. `claim_seconds`: how long a claim stands, with all that fits into it; `grace`:
    for how long the provider takes a rotated refresh token of a rough record once more. `rest`: between two deeds of
    the nemesis, and between two commands. `make_secret`: makes all that is secret.
    """

    folder: Path
    seconds: float
    store: str
    key: str
    store_on: Callable[[int], str] | None = None
    database: Path | tuple[str, int] | None = None
    machines: int = 0
    strict: int = 3
    rough: int = 3
    threads: int = 3
    tasks: int = 3
    records: int = 3
    pace: float = 0.03
    token_life: float = 1.5
    claim_seconds: float = 8.0
    grace: float = 24.0
    rest: float = 0.7
    seed: int = 0
    commands: bool = True
    make_secret: Callable[[str], str] = lambda _: secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Result:
    """How a race ended. `faults`: empty when everything held."""

    faults: tuple[str, ...]
    figures: Figures
    history: tuple[Event, ...]


def race(plan: Plan) -> Result:
    """Run it."""
    (plan.folder / "history").mkdir(parents=True)
    with ExitStack() as opened:
        return _Race(plan, opened).run()


class _Race:
    def __init__(self, plan: Plan, opened: ExitStack) -> None:
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._journal = Journal(plan.folder / "history" / "conductor.jsonl", "conductor")
        self._faults: list[str] = []
        self._end = threading.Event()
        opened.callback(self._journal.close)
        journal = Journal(plan.folder / "history" / "provider.jsonl", "provider")
        opened.callback(journal.close)
        self._providers = {
            group: opened.enter_context(
                RotatingProvider(manners, journal, random.Random(plan.seed), plan.make_secret)
            )
            for group, manners in {
                "strict": Manners(plan.token_life, unwell=0.005),
                "rough": Manners(plan.token_life, plan.grace, unwell=0.005, lossy=0.02),
            }.items()
        }
        self._secret = plan.make_secret("client_secret")
        self._document = plan.folder / "authrecord.yaml"
        named = [
            (f"{group}-{n}", self._providers[group].url)
            for group in self._providers
            for n in range(plan.records)
        ]
        write_document(self._document, named)
        self._environment = environment(plan.folder, self._secret) | {
            "AUTHRECORD_STORE": plan.store,
            "AUTHRECORD_KEY": plan.key,
        }
        self._store = open_tokens(plan.store, plan.key, time)
        self._keeper = self._open_keeper()
        opened.callback(self._keeper.close)
        self._records: Sequence[Record] = read_file(self._document)
        self._machines = self._start_machines(opened)

    def run(self) -> Result:
        """The race, the quiet behind it, and the verdict."""
        plan = self._plan
        for record in self._records:
            self._store.create(record)
            self._log_in(record)
        keep = self._start_keep()
        members = [Member(*given) for given in self._orders()]
        temper = Temper(
            short_stop=deadline(plan.claim_seconds) * 0.6,
            long_stop=plan.claim_seconds * 1.3,
            cut=plan.claim_seconds / 4,
            rest=plan.rest,
        )
        nemesis = Nemesis(members, self._machines, self._journal, temper, self._random)
        works = [self._look, self._run_commands] if plan.commands else [self._look]
        beside = [threading.Thread(target=self._watched, args=(work,)) for work in works]
        for thread in beside:
            thread.start()
        self._wait_for(members)
        nemesis.start()
        time.sleep(plan.seconds)
        nemesis.stop()
        self._end.set()
        for thread in beside:
            thread.join()
        for member in members:
            member.end()
        self._faults += [said for member in members if (said := member.wait())]
        self._end_keep(keep)
        for record in self._records:
            self._ask_in_the_end(record)
        self._note_final()
        self._note_audit()
        history = read(plan.folder / "history")
        strict = frozenset(record.name for record in self._records if record.name.startswith("strict"))
        faults = [*self._faults, *violations(history, Rules(strict, plan.claim_seconds, audited=True))]
        return Result(tuple(faults), figures(history, faults), tuple(history))

    def _open_keeper(self) -> Keeper:
        return Keeper(
            self._store,
            send=TokenSender(clock=time, deadline=deadline(self._plan.claim_seconds)),
            resolve=resolver({"RACE_SECRET": self._secret}, base=self._plan.folder, allow_commands=False),
            sign=sign,
        )

    def _log_in(self, record: Record) -> None:
        provider = self._providers[record.name.partition("-")[0]]
        access, refresh = provider.log_in(record.name, self._secret)
        token = Token(
            access_token=Secret(access),
            refresh_token=Secret(refresh),
            obtained_at=time.time(),
            life=self._plan.token_life,
            issued_by=provider.token_url,
        )
        self._keeper.adopt(record, token)

    def _start_machines(self, opened: ExitStack) -> list[Machine]:
        if self._plan.database is None:
            return []
        ways: dict[int, Path] = {}
        # A network namespace has no way to a server that listens on TCP only.
        namespaced = isinstance(self._plan.database, Path) and namespaces_work()
        if namespaced:
            for group, provider in self._providers.items():
                port = int(provider.url.rpartition(":")[2])
                ways[port] = self._plan.folder / f"{group}.sock"
                opened.enter_context(FaultProxy(("127.0.0.1", port), path=ways[port]))
        machines = []
        for number in range(self._plan.machines):
            machine = Machine(f"machine-{number}", self._plan.database, ways, namespace=namespaced)
            opened.callback(machine.close)
            machines.append(machine)
        return machines

    def _orders(self) -> list[tuple[Orders, Path, dict[str, str], Journal, Machine | None]]:
        plan = self._plan
        found: list[tuple[Orders, Path, dict[str, str], Journal, Machine | None]] = []
        places: list[Machine | None] = [*self._machines]
        for machine in places or [None]:
            for group, number in (("strict", plan.strict), ("rough", plan.rough)):
                for _ in range(number):
                    index = len(found)
                    orders = Orders(
                        who=f"{group}{index}",
                        group=group,
                        history="",
                        document=str(self._document),
                        store=plan.store
                        if machine is None or plan.store_on is None
                        else plan.store_on(machine.port),
                        key=plan.key,
                        threads=plan.threads,
                        tasks=plan.tasks,
                        pace=plan.pace,
                        clock_offset=OFFSETS[index % len(OFFSETS)],
                        claim_seconds=plan.claim_seconds,
                        seed=plan.seed + 1000 * index,
                    )
                    found.append((orders, plan.folder, self._environment, self._journal, machine))
        return found

    def _watched(self, work: Callable[[], None]) -> None:
        """A thread of the conductor's own that breaks is a fault of the race."""
        try:
            work()
        except BaseException as error:
            self._faults.append(f"{work.__name__}: {error!r}")

    def _look(self) -> None:
        """Note what the store holds, over and over, past every process's memory."""
        while not self._end.wait(LOOK_SECONDS):
            for record in self._records:
                with suppress(TryLater):  # it is looked at again in a moment
                    self._note_stored(record, "observed")

    def _note_stored(self, record: Record, kind: str) -> None:
        began = time.monotonic()
        token = self._keeper.store.load(token_key(record))
        if token is None:
            self._faults.append(f"{record.name}: the store holds no token")
        else:
            self._journal.note(kind, record=record.name, began=began, **token_marks(token))

    def _run_commands(self) -> None:
        """Ask by the command line, a process each time. It takes the records that nobody is killed over."""
        script = [sys.executable, "-m", "authrecord", "--file", str(self._document), "token"]
        number = 0
        while not self._end.wait(self._plan.rest):
            record = self._random.choice([one for one in self._records if one.name.startswith("strict")])
            began = time.monotonic()
            number += 1
            # Read by hand: what is printed here is a token on purpose.
            with subprocess.Popen(
                [*script, record.name], env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as process:
                assert process.stdout is not None
                assert process.stderr is not None
                printed = process.stdout.read().decode().strip()
                process.stderr.read()
            about = {"record": record.name, "began": began}
            if process.returncode:
                self._journal.note("failed", detail=f"command exit-{process.returncode}", **about)
            else:
                self._journal.note("asked", access=fingerprint(printed), detail="command", **about)

    def _wait_for(self, members: Sequence[Member]) -> None:
        """A busy machine takes its time to start so many processes: the race begins when all of them run."""
        give_up = time.monotonic() + STARTING_SECONDS
        while time.monotonic() < give_up:
            if all(any(self._plan.folder.glob(f"history/{member.who}.jsonl")) for member in members):
                return
            time.sleep(0.1)
        self._faults.append("not every process has started")

    def _start_keep(self) -> subprocess.Popen[bytes]:
        """`authrecord keep`, which renews ahead of need beside everybody else (row I17). Nobody kills it."""
        with (self._plan.folder / "keep.log").open("wb") as log:
            command = [sys.executable, "-m", "authrecord", "keep", "--workers", "2"]
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def _end_keep(self, keep: subprocess.Popen[bytes]) -> None:
        """It ends in order when it is told to (row K12)."""
        keep.terminate()
        try:
            code = keep.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            keep.kill()
            code = keep.wait()
        if code != 0:
            self._faults.append(f"`authrecord keep` ended with {code}")

    def _ask_in_the_end(self, record: Record) -> None:
        """What a new process would get, once all is quiet."""
        give_up = time.monotonic() + 2 * self._plan.claim_seconds
        while True:
            began = time.monotonic()
            try:
                token = self._keeper.token(record)
            except TryLater as error:
                if time.monotonic() > give_up:
                    self._journal.note("unasked", record=record.name, began=began, detail=error.code)
                    return
                time.sleep(0.3)
            except AuthrecordError as error:
                self._journal.note("unasked", record=record.name, began=began, detail=error.code)
                return
            else:
                self._journal.note("asked", record=record.name, began=began, **token_marks(token))
                return

    def _note_final(self) -> None:
        for record in self._records:
            self._note_stored(record, "final")

    def _note_audit(self) -> None:
        """Count the rows of renewals, and look whether the chain holds."""
        store = self._store
        with store.backend.reading() as transaction:
            for record in self._records:
                wanted = Wanted(name=record.name, action="token.renew", outcome="ok")
                rows = sum(1 for _ in lines(transaction, store.tenant, wanted))
                # The first generation was a login; it is told in the same words.
                self._journal.note("audited", record=record.name, number=rows - 1)
            verified = verify(transaction, store.vault, store.tenant)
        self._faults += [f"audit row {one.seq}: {one.why}" for one in verified.breaks]
