"""What a record's life is made of: the model, its rules and invariants; see `test_life`."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from authrecord.core import faults
from authrecord.core.errors import LoginRequired, RecordFault, StoreFault, TryLater
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants.settings import Authorization, Credentials, TokenExchange
from authrecord.keeper.keeper import Keeper
from authrecord.keeper.naming import token_key
from authrecord.record import OAuth2, Record
from authrecord.signing import sign
from authrecord.stores.kek import LocalKek
from authrecord.stores.references import resolver
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.audit_verifying import verify
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.backup import back_up, restore
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.operator import Operator
from authrecord.stores.sql.restored import confirm
from authrecord.stores.sql.rotation import rotate
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import DEFAULT, initialise
from authrecord.stores.sql.vault import Vault
from tests.keeper.parts import HandClock
from tests.stores.near_provider import ORIGIN, Mood, NearProvider

NAMES = ("orders", "billing")
LONG = 7 * 3600.0 + 1
"""Seconds after which every claim, every pause and every token is over."""

POINTS = (
    "refresh.claim.before_commit", "refresh.lease_acquired", "refresh.intent.before_commit", "refresh.intent_after",
    "refresh.before_send", "refresh.parsed", "refresh.before_commit", "refresh.after_commit",
    "records.create.before_commit", "records.create.after_commit", "records.update.before_commit",
    "records.update.after_commit", "delete.before_commit", "delete.after_commit", "audit.before", "audit.after",
)  # fmt: skip

names = st.sampled_from(NAMES)


class Crash(BaseException):
    """The process dies here: nothing of the program catches it, and nothing of it runs afterwards."""


@dataclass
class Known:
    """What the model knows of one record.

    `serves`: `yes`, `no` (there is no login), or `perhaps`, when only the provider knows whether the login lives.
    `generation`: the newest that was seen.
    """

    record: Record
    serves: str = "no"
    generation: int = 0


class Life(RuleBasedStateMachine):
    """The life of two records in one store. Subclasses say in which."""

    new_place: ClassVar[Callable[[], str]]
    open_backend: ClassVar[Callable[[str, HandClock], Backend]]
    make_secret: ClassVar[Callable[[str], str]]
    survives_closing: ClassVar[bool]

    @initialize()
    def begin(self) -> None:
        """An empty store, and a provider that is well."""
        self.clock = HandClock()
        self.provider = NearProvider(self.clock, type(self).make_secret)
        self.kek = LocalKek(SealingKey(os.urandom(32)), "env:KEY", os.urandom)
        self.known: dict[str, Known] = {}
        self.excused = 0
        self.copies = tempfile.TemporaryDirectory()
        self.copied: dict[str, Known] | None = None
        self.place = type(self).new_place()
        self.backend = type(self).open_backend(self.place, self.clock)
        self.open()

    def open(self) -> None:
        """A new process: nothing in memory."""
        vault = Vault(self.kek, os.urandom)
        migrate(self.backend)
        initialise(self.backend, vault)
        self.store = SqlStore(self.backend, vault, tenant=DEFAULT, actor="life")
        self.keeper = Keeper(
            self.store,
            send=self.provider,
            resolve=resolver({}, base=Path(), allow_commands=False),
            sign=sign,
            clock=self.clock,
            fraction=lambda: 0.0,
            pause=lambda seconds: None,
        )

    def begin_again(self) -> None:
        """The process has died, and another one begins."""
        if self.survives_closing:
            self.store.close()
            self.backend = type(self).open_backend(self.place, self.clock)
        self.clock.turn(LONG)  # claims of the dead end by their time where no lock shows it
        self.open()

    def teardown(self) -> None:
        """The audit log is whole."""
        if not hasattr(self, "store"):
            return
        with self.backend.reading() as transaction:
            assert verify(transaction, self.store.vault, DEFAULT).holds
        self.store.close()
        self.copies.cleanup()

    @rule(name=names)
    def create(self, name: str) -> None:
        """A record is made; a name is taken once."""
        if name in self.known:
            # The same one: a new one would register another secret at the provider, where the old one still counts.
            with pytest.raises(RecordFault) as caught:
                self.store.create(self.known[name].record)
            assert caught.value.code == "exists"
            return
        record = self.new_record(name)
        self.store.create(record)
        self.known[name] = Known(record)

    @rule(name=names)
    def describe(self, name: str) -> None:
        """A change that no token depends on."""
        if name in self.known:
            self.change(name, replace(self.known[name].record, description=self.text()))

    @rule(name=names)
    def move(self, name: str) -> None:
        """A change of destination: the token does not go along."""
        if name in self.known:
            self.change(name, self.elsewhere(name))
            self.known[name].serves = "no"
            self.known[name].generation = 0

    @rule(name=names)
    def delete(self, name: str) -> None:
        """It is gone, and its tokens with it."""
        if name not in self.known:
            with pytest.raises(RecordFault):
                self.store.delete(name)
            return
        self.keeper.forget(self.known[name].record)
        self.store.delete(name)
        del self.known[name]

    @rule(name=names)
    def log_in(self, name: str) -> None:
        """A person logs in."""
        if name in self.known:
            self.keeper.adopt(self.known[name].record, self.provider.log_in(name))
            self.known[name].serves = "yes"

    @rule(seconds=st.sampled_from([5.0, 60.0, 97.0, 200.0, LONG]))
    def time_passes(self, seconds: float) -> None:
        """On both clocks."""
        self.clock.turn(seconds)

    @rule(seconds=st.sampled_from([-86400.0, -50.0, 50.0, 86400.0]))
    def clock_jumps(self, seconds: float) -> None:
        """On the wall only."""
        self.clock.now += seconds

    @rule(name=names)
    def use(self, name: str) -> None:
        """A token is asked for, and the provider is well."""
        if name in self.known:
            self.asked(name)

    @rule(name=names)
    def refused_by_the_api(self, name: str) -> None:
        """The API refuses a token: another one is obtained."""
        token = self.asked(name) if name in self.known else None
        if token is not None:
            again = self.asked(name, rejected=token)
            assert again is None or not again.is_same(token)

    @rule(name=names, mood=st.sampled_from(["unwell", "answer lost", "never arrived"]))
    def use_in_bad_times(self, name: str, mood: Mood) -> None:
        """The provider is unwell, or answers get lost. Whoever has a live token has one still."""
        if name not in self.known:
            return
        known = self.known[name]
        presented = len(self.provider.presented)
        self.provider.mood = mood
        try:
            token = self.keeper.token(known.record)
            assert known.serves != "yes" or self.provider.takes(token)
        except LoginRequired:
            assert known.serves != "yes"
        except TryLater:
            pass
        finally:
            self.provider.mood = "well"
        self.settle_down()
        if mood == "answer lost" and len(self.provider.presented) > presented:
            self.excused += 1
            known.serves = "perhaps" if known.serves == "yes" else known.serves

    @rule()
    def login_ends(self) -> None:
        """The provider ends every login."""
        self.provider.revoke_all()
        for known in self.known.values():
            known.serves = "perhaps" if known.serves == "yes" else known.serves

    @rule()
    def rotate_keys(self) -> None:
        """Everything is sealed anew."""
        rotate(Operator(self.backend, self.store.vault, DEFAULT, "life"))

    @rule()
    def restart(self) -> None:
        """The process ends in order, and another one begins."""
        self.begin_again()

    @rule()
    def copy(self) -> None:
        """A backup is taken."""
        path = Path(self.copies.name) / "copy"
        path.unlink(missing_ok=True)
        back_up(self.backend, str(path))
        self.copied = {name: replace(known) for name, known in self.known.items()}

    @rule()
    def go_back(self) -> None:
        """The backup takes the store's place; nothing is renewed until somebody confirms (rows I13, L14)."""
        if self.copied is None:
            return
        restore(self.backend, str(Path(self.copies.name) / "copy"), replace=True)
        self.known = {name: replace(known) for name, known in self.copied.items()}
        self.begin_again()
        for known in self.known.values():
            with pytest.raises(StoreFault) as caught:
                self.store.claim(token_key(known.record), seconds=45, patience=0)
            assert caught.value.code == "restored"
            known.serves = "perhaps" if known.serves == "yes" else known.serves
        assert confirm(self.backend, self.store.vault, DEFAULT, "life")
        self.excused += len(self.known)

    @rule(
        name=names,
        deed=st.sampled_from(["create", "describe", "move", "delete", "log_in", "use"]),
        point=st.sampled_from(POINTS),
    )
    def crash(self, name: str, deed: str, point: str) -> None:
        """The process dies at a fault point of a deed: what is left is wholly old or wholly new."""
        if (name in self.known) == (deed == "create"):
            return
        before = self.known.get(name)
        record = self.new_record(name) if deed == "create" else self.known[name].record
        after = {
            "describe": replace(record, description=self.text()),
            "move": self.elsewhere(name) if before else record,
        }.get(deed, record)
        stored = self.loaded(record)
        deeds: dict[str, Callable[[], object]] = {
            "create": lambda: self.store.create(record),
            "describe": lambda: self.store.update(name, after, revision=None),
            "move": lambda: self.store.update(name, after, revision=None),
            "delete": lambda: self.store.delete(name),
            "log_in": lambda: self.keeper.adopt(record, self.provider.log_in(name)),
            "use": lambda: self.keeper.token(record),
        }
        faults.install(dying_at(point))
        try:
            with suppress(Crash, LoginRequired, TryLater):
                deeds[deed]()
        finally:
            faults.install(None)
        self.begin_again()
        self.known.pop(name, None)
        if self.store.holds(name):
            is_now = self.store.read(name).record
            assert is_now in (record, after)
            known = self.known[name] = Known(is_now, generation=0)
            token = self.loaded(is_now)
            if token is not None:
                assert stored is None or token.generation in {stored.generation, stored.generation + 1}
                known.serves = "perhaps"
        else:
            assert deed in {"create", "delete"}
        self.excused += 1

    @invariant()
    def records_are_what_was_saved(self) -> None:
        """Each is wholly what was saved last, and no other is there."""
        if not hasattr(self, "store"):
            return
        assert list(self.store.names()) == sorted(self.known)
        for name, known in self.known.items():
            assert self.store.read(name).record == known.record

    @invariant()
    def tokens_are_whole_and_go_forward(self) -> None:
        """Both halves of a pair came together (R4); no generation follows a higher one (I-2); no reuse (R1)."""
        if not hasattr(self, "store"):
            return
        for known in self.known.values():
            token = self.loaded(known.record)
            if token is not None:
                assert self.provider.is_whole(token)
                assert token.generation >= known.generation
                known.generation = token.generation
            elif known.serves == "yes":
                raise AssertionError("a login is lost")
        assert self.provider.state.counters.reuse_detected <= self.excused

    def asked(self, name: str, rejected: Token | None = None) -> Token | None:
        """What a caller gets while the provider is well; the model learns from it."""
        known = self.known[name]
        try:
            token = self.keeper.token(known.record, rejected)
        except LoginRequired:
            assert known.serves != "yes", "a login is asked for although there is one"
            known.serves = "no" if known.serves == "no" else "perhaps"
            return None
        assert known.serves != "no", "a token without a login"
        if known.serves == "yes":
            assert self.provider.takes(token)
        return token

    def settle_down(self) -> None:
        """The pauses that a bad time left behind are over, in this process and in the store."""
        self.clock.turn(LONG)

    def loaded(self, record: Record) -> Token | None:
        """What the store holds."""
        return self.store.load(token_key(record))

    def change(self, name: str, record: Record) -> None:
        """Save another form of the record."""
        self.store.update(name, record, revision=self.store.read(name).revision)
        self.known[name].record = record

    def elsewhere(self, name: str) -> Record:
        """The record with a destination that it never had."""
        return replace(self.known[name].record, allowed_origins=(f"https://{self.text()}.example.com",))

    def new_record(self, name: str) -> Record:
        """A record with a secret of its own."""
        secret = type(self).make_secret("client_secret")
        self.provider.register(name, secret)
        auth = OAuth2(
            grant="authorization_code",
            authorization=Authorization(url=ORIGIN + "/authorize"),
            credentials=Credentials(client_id=name, client_secret=Secret(secret)),
            token_exchange=TokenExchange(url=ORIGIN + "/token", client_authentication="body"),
        )
        return Record(name=name, allowed_origins=("https://api.example.com",), auth=auth)

    def text(self) -> str:
        """Words that were never used before."""
        self.words = getattr(self, "words", 0) + 1
        return f"w{self.words}"


def dying_at(point: str) -> Callable[[str], None]:
    """A process that dies at `point`; nothing passes any point afterwards."""
    dead = False

    def hook(name: str) -> None:
        nonlocal dead
        dead = dead or name == point
        if dead:
            raise Crash

    return hook
