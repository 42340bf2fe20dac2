"""A keeper before a scripted provider and a memory store, for the tests of renewal."""

from __future__ import annotations

from authrecord.core.errors import RecordFault
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants.settings import Authorization, Credentials, TokenExchange
from authrecord.keeper.keeper import Keeper
from authrecord.keeper.naming import token_key
from authrecord.record import OAuth2, Record
from authrecord.signing import sign
from authrecord.stores.memory import MemoryStore
from tests.canary_watch import Canary
from tests.keeper.parts import HandClock
from tests.keeper.scripted import Answer, Scripted

TOKEN_URL = "https://id.example.com/token"


class Bench:
    """A keeper before a scripted provider and a memory store, with a clock that is turned by hand."""

    def __init__(self, canary: Canary, *answers: Answer) -> None:
        self.clock = HandClock()
        self.provider = Scripted(self.clock, *answers)
        self.store = MemoryStore(self.clock)
        self.pauses: list[float] = []
        self.keeper = self.another_keeper()
        self._canary = canary

    def another_keeper(self) -> Keeper:
        """A keeper of another process over the same store."""
        return Keeper(
            self.store,
            send=self.provider,
            resolve=_no_references,
            sign=sign,
            clock=self.clock,
            fraction=lambda: 0.0,
            pause=self.pauses.append,
        )

    def granted(self, label: str = "token", *, refresh: str = "", life: float = 100.0) -> dict[str, object]:
        """A good answer."""
        answer: dict[str, object] = {
            "access_token": self._canary(label),
            "token_type": "Bearer",
            "expires_in": life,
        }
        return {**answer, "refresh_token": refresh} if refresh else answer

    def record(self, grant: str, *, keep_password: bool = True) -> Record:
        """A record of that grant."""
        password = Secret(self._canary("password")) if grant == "password" else None
        auth = OAuth2(
            grant=grant,
            authorization=Authorization(url="https://id.example.com/authorize"),
            credentials=Credentials(
                client_id="scanner",
                client_secret=Secret(self._canary("client_secret")),
                username="ada",
                password=password,
                keep_password=keep_password,
            ),
            token_exchange=TokenExchange(url=TOKEN_URL),
        )
        return Record(name="orders", auth=auth, allowed_origins=("https://api.example.com",))

    def stored(self, record: Record, *, refresh: str, age: float = 0.0) -> Token:
        """Store a token that was obtained `age` seconds ago and lives 100 seconds."""
        token = Token(
            access_token=Secret(self._canary("stored")),
            obtained_at=self.clock.now - age,
            life=100.0,
            refresh_token=Secret(refresh) if refresh else None,
            issued_by=TOKEN_URL,
        )
        saved = self.store.settle(self.store.claim(token_key(record), seconds=9, patience=0), token)
        assert saved is not None
        return saved


def _no_references(reference: object) -> Secret:
    raise RecordFault("there are no references here")
