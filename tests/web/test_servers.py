"""Several servers of one store, behind a balancer that knows nothing of them; and what they count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from html import unescape
from urllib.parse import urlsplit

import pytest

from authrecord.core.errors import StoreFault, TryLater
from authrecord.documents import records_from
from authrecord.metrics.counting import Metrics
from authrecord.testing.devserver import start
from authrecord.web.address import address_of
from authrecord.web.passwords import MOST_FAILURES
from tests.canary_watch import Canary
from tests.web.stage import Stage, Visitor, new_store, stage, text_of
from tests.web.test_api import machine
from tests.web.test_authorize import Provider, begun, panel, state_of

NAME = "127.0.0.1:8642"


@pytest.fixture
def provider(canary: Canary) -> Iterator[Provider]:
    made = Provider(canary)
    yield made
    made.server.stop()


@pytest.fixture
def both(canary: Canary) -> Iterator[tuple[Stage, Stage]]:
    """Two servers that people reach under one name."""
    address = address_of("127.0.0.1", 8642, has_tls=False, behind_tls_proxy=False)
    shared = new_store()
    with ExitStack() as stack:
        stages = [
            stack.enter_context(stage(canary, address=replace(address), shared=shared)) for _ in range(2)
        ]
        yield stages[0], stages[1]
        shared[0].close()


def at(web: Stage, visitor: Visitor | None = None) -> Visitor:
    """A browser that the balancer leads to that server, with the cookies of another visit."""
    made = web.visitor()
    made.client.headers["host"] = NAME
    if visitor is not None:
        for cookie in visitor.client.cookies.jar:
            made.client.headers["cookie"] = f"{cookie.name}={cookie.value}"
    return made


def signed_in(web: Stage) -> Visitor:
    password = web.person("ann", "administrator")
    visitor = at(web)
    assert visitor.post("/sign-in", {"name": "ann", "password": password}).status_code == 303
    return at(web, visitor)


def test_a_login_that_one_server_began_ends_at_the_other_once(
    both: tuple[Stage, Stage], provider: Provider
) -> None:
    one, other = both
    first = signed_in(one)
    second = at(other, first)
    second.client.headers["cookie"] = first.client.headers["cookie"]
    one.put(provider.record())
    location = provider.log_in(begun(first))
    back = urlsplit(location)
    assert back.netloc == NAME
    path = f"{back.path}?{back.query}"
    assert "Begun at another server" in panel(second)
    answer = second.get(path, sec_fetch_site="cross-site")
    assert answer.headers["location"] == "/records/orders#authorize"
    assert "Token received" in panel(second)
    assert "another server of this store" in panel(first)
    assert first.get(path, sec_fetch_site="cross-site").status_code in {400, 409}
    assert provider.token_requests() == 1


def test_A6_the_other_server_asks_for_the_session_too(both: tuple[Stage, Stage], provider: Provider) -> None:
    one, other = both
    first = signed_in(one)
    one.put(provider.record())
    back = urlsplit(provider.log_in(begun(first)))
    password = other.person("eve", "administrator")
    eve = at(other)
    eve.post("/sign-in", {"name": "eve", "password": password})
    eve = at(other, eve)
    assert eve.get(f"{back.path}?{back.query}", sec_fetch_site="cross-site").status_code == 400
    assert provider.token_requests() == 0


def test_a_login_whose_record_was_changed_meanwhile_ends_nowhere(
    both: tuple[Stage, Stage], provider: Provider
) -> None:
    """Its code would go to where the record leads now."""
    one, _ = both
    first = signed_in(one)
    one.put(provider.record())
    back = urlsplit(provider.log_in(begun(first)))
    changed = provider.record()
    changed["auth"]["token_exchange"] = {"url": "http://127.0.0.1:9/token"}
    one.store().update("orders", records_from(changed)[0], revision=None)
    assert first.get(f"{back.path}?{back.query}", sec_fetch_site="cross-site").status_code == 400


def test_P1_what_waits_is_sealed(both: tuple[Stage, Stage], provider: Provider, canary: Canary) -> None:
    one, _ = both
    first = signed_in(one)
    one.put(provider.record())
    state = canary.watch(state_of(begun(first)), "state")
    with one.site.backend.reading() as transaction:
        (row,) = transaction.rows("SELECT id, record, sealed FROM logins")
    canary.scan(repr(row), "database")
    assert state.encode() not in bytes(row[2])


def test_N6_wrong_passwords_are_counted_for_both(both: tuple[Stage, Stage], canary: Canary) -> None:
    one, other = both
    password = one.person("ann", "viewer")
    wrong = canary("wrong password")
    for number in range(MOST_FAILURES):
        web = both[number % 2]
        assert at(web).post("/sign-in", {"name": "ANN", "password": wrong}).status_code == 403
    for web in both:
        answer = at(web).post("/sign-in", {"name": "ann", "password": password})
        assert answer.status_code == 429
        assert "too many attempts" in answer.text
    with one.site.backend.reading() as transaction:
        rows = transaction.rows("SELECT whose FROM failures")
    assert len(rows) == 3 * MOST_FAILURES
    assert b"ann" not in b"".join(bytes(row[0]) for row in rows)
    with pytest.raises(TryLater):
        other.site.attempts.check("name:ann")


def test_a_renewal_through_the_page_is_counted(canary: Canary) -> None:
    metrics = Metrics("default")
    server = start(make_secret=canary.make)
    try:
        with stage(canary, observer=metrics) as web:
            visitor = web.browser("ann")
            web.put(machine(server))
            assert "Token received" in text_of(visitor.post("/records/machine/obtain").text)
            assert "Token received" in text_of(visitor.post("/records/machine/renew").text)
        assert b'authrecord_refresh_total{outcome="ok",tenant="default"} 1.0' in metrics.text()
    finally:
        server.server.stop()


def test_the_kill_switch_gives_back_what_it_can_and_names_the_rest(
    web: Stage, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(make_secret=canary.make)
    try:
        known = machine(server, "known")
        known["auth"]["issuer"] = server.server.issuer
        known["auth"].pop("token_exchange")
        visitor = web.browser("ann")
        program = web.program("tokens:use")
        web.put(known)
        for name in ("plain", "closed", "idle"):
            web.put(machine(server, name))
        for name in ("known", "plain", "closed"):
            assert program.post(f"/records/{name}/token").status_code == 200
        with web.site.backend.writing() as transaction:
            transaction.change(
                "UPDATE records SET config = replace(config, '127.0.0.1', '127.0.0.2') WHERE name = 'closed'"
            )
        answer = unescape(text_of(visitor.post("/settings/kill", {"word": "stop"}).text))
        assert "2 records' tokens forgotten, 1 API tokens revoked, 1 taken back by their providers" in answer
        assert "Not taken back, so that they live until their end: plain." in answer
        assert "Could not be opened: closed." in answer
        assert "idle" not in answer.partition("taken back")[2].partition("API tokens")[0]
        assert sum(request.target.startswith("/revoke") for request in server.server.requests) == 1
        told = web.told()
        assert ("kill", "partly") in told
        assert ("token.revoke", "failed") in told
    finally:
        server.server.stop()


def test_the_kill_switch_of_one_provider_leaves_the_others(web: Stage, canary: Canary) -> None:
    server = start(make_secret=canary.make)
    try:
        visitor, program = web.browser("ann"), web.program("tokens:use")
        web.put(machine(server))
        assert program.post("/records/machine/token").status_code == 200
        for provider, count in (("id.example.com", 0), (server.server.url.partition("//")[2], 1)):
            answer = visitor.post("/settings/kill", {"word": "stop", "provider": provider})
            assert f"{count} records' tokens forgotten" in unescape(text_of(answer.text))
        assert program.post("/records/machine/token").status_code == 200, "its API token still opens"
    finally:
        server.server.stop()


def test_a_login_cannot_begin_while_the_store_is_away(
    web: Stage, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())

    def away(*given: object, **named: object) -> None:
        raise StoreFault("the store is away.", code="store_away")

    monkeypatch.setattr(web.site.authorizing._logins, "keep", away)
    said = text_of(visitor.post("/records/orders/login", hx_request="true").text)
    assert "The store is away" in said or "the store is away" in said
