"""What the sign-in tests share: an honest server, a record, and a login that runs beside the test."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlsplit

import httpx2

from authrecord.clients.sender import TokenSender
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants.settings import Authorization, Credentials, TokenExchange
from authrecord.keeper.keeper import Keeper
from authrecord.record import OAuth2, Record
from authrecord.signin import Progress, Step, login
from authrecord.signing import sign
from authrecord.stores.memory import MemoryStore
from authrecord.testing import HonestServer


def _never(reference: object) -> Secret:
    raise AssertionError("there are no references here")


@dataclass
class Stage:
    """A keeper and a record for `grant` at an honest server that asks nobody. `browser` keeps its cookies."""

    server: HonestServer
    browser: httpx2.Client
    grant: str = "authorization_code"
    callback_url: str = ""
    use_browser: bool = True
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))

    def __post_init__(self) -> None:
        client = self.server.register_client(self.grant, redirect_uris=("*", self.callback_url))
        self.keeper = Keeper(MemoryStore(time), send=TokenSender(clock=time), resolve=_never, sign=sign)
        exchange = TokenExchange(url=self.server.token_url) if self.grant != "implicit" else TokenExchange()
        secret = Secret(client.secret) if self.grant != "implicit" else None
        auth = OAuth2(
            grant=self.grant,
            authorization=Authorization(
                url=self.server.authorization_url,
                callback_url=self.callback_url,
                use_browser=self.use_browser,
            ),
            credentials=Credentials(client_id=client.client_id, client_secret=secret),
            token_exchange=exchange,
        )
        self.record = Record(name="orders", auth=auth, allowed_origins=(self.server.url,))

    def close(self) -> None:
        """End what is open."""
        self.pool.shutdown(wait=True)
        self.keeper.close()

    def begin(self, *, timeout: float = 30.0, record: Record | None = None) -> Running:
        """Start a login whose browser is this test."""
        opened: queue.Queue[str] = queue.Queue()
        steps: list[Progress] = []

        def open_url(url: str) -> bool:
            opened.put(url)
            return True

        future = self.pool.submit(
            login, self.keeper, record or self.record, open_url=open_url, report=steps.append, timeout=timeout
        )
        while True:
            try:
                return self._running(future, opened.get(timeout=0.1), steps)
            except queue.Empty:
                if future.done():
                    future.result()

    def _running(self, future: Future[Token], start_url: str, steps: list[Progress]) -> Running:
        """The browser opens the start page, which leads on to the provider and binds the login to it."""
        led = self.browser.get(start_url)
        assert led.status_code == 303
        return Running(future, led.headers["location"], steps, start_url, self.browser)

    def renamed(self, name: str) -> Record:
        """The same record under another name."""
        return replace(self.record, name=name)


@dataclass
class Running:
    """A login that waits: the URL it opened, and what it reported."""

    future: Future[Token]
    url: str
    steps: list[Progress]
    start_url: str
    browser: httpx2.Client

    @property
    def redirect_uri(self) -> str:
        """Where the answer is expected."""
        return dict(parse_qsl(urlsplit(self.url).query))["redirect_uri"]

    @property
    def state(self) -> str:
        """The state that the answer must bring."""
        return dict(parse_qsl(urlsplit(self.url).query))["state"]

    @property
    def port(self) -> int:
        """The listener's port."""
        port = urlsplit(self.redirect_uri).port
        assert port is not None
        return port

    @property
    def path(self) -> str:
        """The callback's path."""
        return urlsplit(self.redirect_uri).path

    def provider_answer(self) -> str:
        """Log in at the provider as a browser does; the address that it redirects to."""
        return self.browser.get(self.url).headers["location"]

    def finish(self) -> Token:
        """Be the browser to the end; the token."""
        page = self.browser.get(self.provider_answer(), follow_redirects=True)
        assert "You are logged in" in page.text
        return self.future.result(20)

    def waits(self) -> bool:
        """True while the login goes on waiting."""
        return not self.future.done()

    def saw(self, step: Step) -> bool:
        """True when the step was reported."""
        return any(progress.step is step for progress in self.steps)


def threads_of_listeners() -> list[str]:
    """The listeners' threads that still run."""
    return [thread.name for thread in threading.enumerate() if thread.name == "authrecord-callback"]
