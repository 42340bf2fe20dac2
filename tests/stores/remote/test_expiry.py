"""Tokens that end while programs use them over a URL: one question for each program, one renewal for all."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx2
import pytest

import authrecord
from authrecord.core.errors import TryLater
from authrecord.core.replay import Reason
from authrecord.keeper import trust
from authrecord.web.api import succeeding
from tests.stores.remote.reach import Reach


@pytest.fixture
def nothing_is_young(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal of any token is believed at once: these tests do not wait until it is old enough."""
    monkeypatch.setattr(succeeding, "YOUNG_SECONDS", 0.0)


def reason_of(response: httpx2.Response) -> Reason:
    found = authrecord.outcome(response)
    assert found is not None
    return found.reason


def test_I1_64_threads_ask_the_server_once(reach: Reach) -> None:
    reach.machine()
    records, wire = reach.wired()
    authenticator = records.authenticator("orders")
    with ThreadPoolExecutor(64) as pool:
        lives = list(pool.map(lambda _: authenticator.credential(), range(500)))
    assert len({id(live) for live in lives}) == 1
    assert (wire.tokens_asked(), reach.provider.counters.token_requests) == (1, 1)


def test_I2_tasks_and_threads_share_the_one_token_of_the_program(reach: Reach) -> None:
    reach.machine()
    records, wire = reach.wired()
    records.token("orders")
    authenticator = records.authenticator("orders")

    async def burst() -> int:
        lives = await asyncio.gather(*(authenticator.credential_async() for _ in range(500)))
        return len({id(live) for live in lives})

    assert asyncio.run(burst()) == 1
    assert wire.tokens_asked() == 1


def test_H7_a_token_that_many_programs_were_refused_is_renewed_once(
    reach: Reach, nothing_is_young: None
) -> None:
    reach.machine()
    programs = [reach.wired() for _ in range(4)]
    for records, _ in programs:
        records.token("orders")
    reach.provider.expire_all()
    clients = [records.attach(httpx2.Client(), "orders") for records, _ in programs]
    with ThreadPoolExecutor(32) as pool:
        url = f"{reach.provider.api_url}/orders"
        answers = list(pool.map(lambda number: clients[number % 4].get(url), range(200)))
    for client in clients:
        client.close()
    assert {answer.status_code for answer in answers} == {200}
    assert reach.provider.counters.token_requests == 2, "the first token, and the one after it"
    assert [wire.tokens_asked() for _, wire in programs] == [2] * 4


def test_H1_a_refused_token_is_replaced_and_the_request_sent_again(
    reach: Reach, nothing_is_young: None
) -> None:
    reach.machine()
    records, wire = reach.wired()
    with records.attach(httpx2.Client(), "orders") as client:
        client.get(f"{reach.provider.api_url}/orders")
        reach.provider.expire_all()
        answer = client.get(f"{reach.provider.api_url}/orders")
    assert (answer.status_code, reason_of(answer)) == (200, Reason.RENEWED_AND_REPLAYED)
    assert wire.tokens_asked() == 2
    reach.canary.scan(repr(wire.asked), "what was asked")


def test_the_pattern_of_the_servers_record_is_judged_here(reach: Reach, nothing_is_young: None) -> None:
    exchange = {"url": reach.provider.token_url, "expired_pattern": "token expired"}
    reach.machine(token_exchange=exchange)
    reach.provider.expired_answer = "200_body"
    with reach.records().attach(httpx2.Client(), "orders") as client:
        client.get(f"{reach.provider.api_url}/orders")
        reach.provider.expire_all()
        answer = client.get(f"{reach.provider.api_url}/orders")
    assert (answer.json(), reason_of(answer)) == ({"ok": True}, Reason.RENEWED_AND_REPLAYED)


def test_H8_a_young_token_that_is_refused_costs_no_renewal(reach: Reach) -> None:
    reach.machine()
    programs = [reach.records() for _ in range(3)]
    reach.provider.api.header_name = "x-nowhere"  # it finds no token, and refuses all
    for records in programs:
        with records.attach(httpx2.Client(), "orders") as client:
            answers = [client.get(f"{reach.provider.api_url}/orders") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {401}
    assert reach.provider.counters.token_requests == 1


def test_G13_refusals_buy_renewals_from_the_bucket_of_the_record(
    reach: Reach, nothing_is_young: None
) -> None:
    """A program that calls every token expired, at once and without end."""
    reach.machine()
    records = reach.records()
    record, token = records["orders"], records.token("orders")
    began = time.monotonic()
    for _ in range(80):
        token = records.keeper.token(record, rejected=token)
    bought = trust.BUCKET + trust.REFILL_PER_SECOND * (time.monotonic() - began)
    assert 20 <= reach.provider.counters.token_requests <= 2 + bought


def test_what_was_renewed_elsewhere_is_taken_without_a_renewal(reach: Reach, nothing_is_young: None) -> None:
    reach.machine()
    one, other = reach.records(), reach.records()
    old = one.token("orders")
    new = other.keeper.token(other["orders"], rejected=old)
    assert not new.is_same(old)
    assert one.keeper.token(one["orders"], rejected=old).is_same(new)
    assert reach.provider.counters.token_requests == 2


def test_J1_a_token_lives_here_as_long_as_at_the_server_whatever_the_clocks_say(reach: Reach) -> None:
    reach.provider.token_life = 100.0
    reach.machine()
    before = time.time()
    token = reach.records().token("orders")
    assert token.life == 100.0
    assert token.expires_at is not None
    assert before + 90 < token.expires_at <= time.time() + 100.0


def test_K9_a_live_token_is_used_while_the_server_is_away_and_not_beyond_its_end(reach: Reach) -> None:
    reach.provider.token_life = 1.0
    reach.machine()
    records, wire = reach.wired()
    with records.attach(httpx2.Client(), "orders") as client:
        client.get(f"{reach.provider.api_url}/orders")
        wire.is_cut = True
        assert client.get(f"{reach.provider.api_url}/orders").status_code == 200
        assert records.token("orders").access_token
        time.sleep(1.0)
        seen = reach.provider.counters.api_requests
        with pytest.raises(TryLater) as caught:
            client.get(f"{reach.provider.api_url}/orders")
        assert caught.value.code == "store_away"
        assert reach.provider.counters.api_requests == seen, "nothing was sent without a token"
        wire.is_cut = False
        time.sleep(1.0)
        assert client.get(f"{reach.provider.api_url}/orders").status_code == 200


def test_C26_a_provider_that_is_down_is_told_as_such(reach: Reach) -> None:
    reach.machine(token_exchange={"url": "http://127.0.0.1:9/token"})
    with pytest.raises(TryLater) as caught:
        reach.records().token("orders")
    assert "127.0.0.1:9" in caught.value.message


def test_a_credential_does_not_go_where_its_record_no_longer_leads(
    reach: Reach, nothing_is_young: None
) -> None:
    """A destination that was taken out of the record, while a program is running that was attached before."""
    reach.machine()
    stored = reach.web.store().read("orders")
    elsewhere = replace(stored.record, allowed_origins=("https://api.example.com",))
    with reach.records().attach(httpx2.Client(), "orders") as client:
        assert client.get(f"{reach.provider.api_url}/orders").status_code == 200
        reach.web.store().update("orders", elsewhere, revision=1)
        reach.provider.expire_all()
        answer = client.get(f"{reach.provider.api_url}/orders")
    found = authrecord.outcome(answer)
    assert found is not None
    assert (answer.status_code, found.reason) == (401, Reason.RENEWAL_FAILED)
    assert "may go elsewhere now" in found.detail


def test_a_change_of_words_goes_unnoticed_by_programs_that_run(reach: Reach, nothing_is_young: None) -> None:
    reach.machine()
    stored = reach.web.store().read("orders")
    with reach.records().attach(httpx2.Client(), "orders") as client:
        assert client.get(f"{reach.provider.api_url}/orders").status_code == 200
        reach.web.store().update("orders", replace(stored.record, description="Orders"), revision=1)
        reach.provider.expire_all()
        assert client.get(f"{reach.provider.api_url}/orders").status_code == 200
