"""django-oauth-toolkit with rotating refresh tokens and reuse protection: nobody uses one twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
import requests

import authrecord
from authrecord.clients.outcome import outcome
from authrecord.core.errors import LoginRequired
from authrecord.core.replay import Reason
from authrecord.core.token import Token
from authrecord.wiring import Records
from tests.canary_watch import Canary
from tests.real import raw
from tests.real.browser import HeadlessChromium
from tests.real.browser_login import BrowserLogin, at_django
from tests.real.checks import log_in, watched
from tests.real.conftest import Open
from tests.real.django_site import BRIEF_SECONDS, PUBLIC, DjangoProvider

THREADS = 32
RENEWALS = 3
"""How many expiries the threads live through, however long that takes on a busy machine."""
LONGEST_SECONDS = 60.0

pytestmark = pytest.mark.browser


def refresh_behind_the_back(provider: DjangoProvider, name: str, token: Token) -> tuple[int, str]:
    """What the provider says to a refresh with `token`'s refresh token that authrecord did not make."""
    assert token.refresh_token is not None
    client = (name, "" if name in PUBLIC else provider.secrets["CLIENT_SECRET"])
    return raw.refresh(provider.token_url, client, token.refresh_token.reveal())


@pytest.mark.parametrize("name", ["code-confidential", "code-public"])
def test_S22_S51_each_renewal_replaces_the_refresh_token_and_a_used_one_ends_the_login(
    django_provider: DjangoProvider, chromium: HeadlessChromium, open_records: Open, canary: Canary, name: str
) -> None:
    """The provider's trap is armed: a refresh token that comes twice revokes the login, and we say so."""
    records = open_records([django_provider.code(name)], django_provider.secrets)
    first, _ = log_in(records, name, BrowserLogin(chromium, at_django, django_provider.person), canary)
    second = watched(canary, records.keeper.token(records[name], rejected=first))
    third = watched(canary, records.keeper.token(records[name], rejected=second))
    tokens = [first, second, third]
    assert len({token.refresh_token.reveal() for token in tokens if token.refresh_token}) == 3
    assert raw.api_status(django_provider.api, third.access_token.reveal()) == 200
    assert refresh_behind_the_back(django_provider, name, first) == (400, "invalid_grant")
    assert raw.api_status(django_provider.api, third.access_token.reveal()) == 401
    with records.attach(httpx2.Client(trust_env=False, timeout=30), name) as client:
        refused = client.get(django_provider.api)
        said = outcome(refused)
    assert said is not None
    assert (refused.status_code, said.reason) == (401, Reason.RENEWAL_FAILED)
    assert "no longer accepts the refresh token" in said.detail
    with pytest.raises(LoginRequired):
        records.keeper.token(records[name], rejected=third)


@pytest.mark.slow
def test_S22_32_threads_live_through_several_expiries_without_a_failure_and_the_login_stays_alive(
    django_provider: DjangoProvider, chromium: HeadlessChromium, open_records: Open, canary: Canary
) -> None:
    """Tokens live two seconds, and one refresh token used twice would revoke the whole login."""
    name = "code-brief"
    records = open_records([django_provider.code(name)], django_provider.secrets)
    first, _ = log_in(records, name, BrowserLogin(chromium, at_django, django_provider.person), canary)
    assert first.life == BRIEF_SECONDS
    issued_before = raw.refresh_tokens_issued(django_provider, name)

    def renewals() -> int:
        return raw.refresh_tokens_issued(django_provider, name) - issued_before

    started = time.monotonic()
    statuses = requests_of_many_threads(records, name, django_provider.api, lambda: renewals() >= RENEWALS)
    ran = time.monotonic() - started
    assert set(statuses) == {200}
    assert len(statuses) >= THREADS
    # The first token may have run out before the threads began; from then on there is one renewal a life.
    assert RENEWALS <= renewals() <= 2 + 1.2 * ran
    last = watched(canary, records.token(name))
    after = watched(canary, records.keeper.token(records[name], rejected=last))
    assert not after.is_same(last)
    # A token of two seconds may run out on its way to a busy server, so the library takes it there.
    with records.attach(httpx2.Client(trust_env=False, timeout=60), name) as client:
        assert client.get(django_provider.api).status_code == 200
    assert refresh_behind_the_back(django_provider, name, first) == (400, "invalid_grant")


def requests_of_many_threads(
    records: Records, name: str, address: str, enough: Callable[[], bool]
) -> list[int]:
    """The status of every answer that a caller got, of `THREADS` threads until `enough()`.

    Half of them share a client of httpx2, half have a session of requests each: one live token for all.
    """
    start, stop = threading.Barrier(THREADS), threading.Event()
    limits = httpx2.Limits(max_connections=THREADS)
    with records.attach(httpx2.Client(trust_env=False, timeout=60, limits=limits), name) as shared:

        def work(number: int) -> list[int]:
            start.wait(LONGEST_SECONDS)
            if number % 2:
                return until(stop, lambda: shared.get(address).status_code)
            with requests.Session() as own:
                own.trust_env = False
                authrecord.attach(own, records.authenticator(name))
                return until(stop, lambda: own.get(address, timeout=60).status_code)

        with ThreadPoolExecutor(THREADS) as pool:
            running = [pool.submit(work, number) for number in range(THREADS)]
            try:
                wait_for(enough)
            finally:
                stop.set()
            return [status for one in running for status in one.result()]


def wait_for(enough: Callable[[], bool]) -> None:
    """Look twice a second whether it is enough. Fails after `LONGEST_SECONDS`."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not enough():
        assert time.monotonic() < deadline, "the tokens were not renewed"
        time.sleep(0.5)


def until(stop: threading.Event, send: Callable[[], int]) -> list[int]:
    """What `send` gives, again and again until `stop` is set."""
    statuses = []
    while not stop.is_set():
        statuses.append(send())
    return statuses
