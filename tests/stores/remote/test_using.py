"""The library with a URL for its store: the same code, the same clients, and the server obtains."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests

import authrecord
from authrecord.core.errors import OriginRefused, RecordFault, StoreFault
from authrecord.core.replay import Reason
from authrecord.core.secret import Reference, Secret
from authrecord.core.token import Token
from authrecord.keeper.naming import token_key
from authrecord.record import OAuth2
from tests.stores.remote.reach import Reach
from tests.web.stage import bearer


def outcome_of(response: Any) -> Reason:
    found = authrecord.outcome(response)
    assert found is not None
    return found.reason


def test_a_client_is_authenticated_by_a_record_of_the_server(reach: Reach) -> None:
    reach.machine()
    with reach.records().attach(httpx2.Client(), "orders") as client:
        answers = [client.get(f"{reach.provider.api_url}/orders") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert reach.provider.counters.token_requests == 1
    assert reach.releases() == 1


def test_every_client_of_the_library_works(reach: Reach) -> None:
    reach.machine()
    records, url = reach.records(), f"{reach.provider.api_url}/orders"
    with records.attach(httpx.Client(), "orders") as old:
        assert old.get(url).status_code == 200
    with records.attach(requests.Session(), "orders") as session:
        assert session.get(url, timeout=10).status_code == 200

    async def tasks() -> list[int]:
        async with (
            records.attach(httpx2.AsyncClient(), "orders") as new,
            records.attach(aiohttp.ClientSession(), "orders") as another,
        ):
            first = await new.get(url)
            async with another.get(url) as second:
                return [first.status_code, second.status]

    assert asyncio.run(tasks()) == [200, 200]
    assert reach.provider.counters.token_requests == 1


def test_the_token_can_be_had_and_nothing_else_of_the_login(reach: Reach) -> None:
    data = reach.machine()
    records = reach.records()
    token = records.token("orders")
    assert reach.provider.counters.token_requests == 1
    assert token.refresh_token is None
    record = records["orders"]
    assert isinstance(record.auth, OAuth2)
    assert record.auth.credentials.client_secret == Reference("server", "auth.credentials.client_secret")
    assert record.auth.credentials.client_id == data["auth"]["credentials"]["client_id"]
    reach.canary.scan(repr(record), "a record's repr")


def test_a_static_record_gives_its_credential_with_its_prefix(reach: Reach) -> None:
    data = bearer(reach.canary)
    data["auth"] |= {"prefix": "Token"}
    reach.web.put(data)
    stamp = reach.records().stamp("orders", "http://127.0.0.1:9/a")
    assert stamp.wire_headers() == [("Authorization", f"Token {data['auth']['token']}")]


def test_an_api_key_goes_where_the_record_says(reach: Reach) -> None:
    key = reach.canary("api key")
    auth = {"type": "api_key", "key": "api_key", "value": key, "send_in": "query"}
    reach.web.put({"name": "key", "allowed_origins": ["http://127.0.0.1:9"], "auth": auth})
    records = reach.records()
    assert records.stamp("key", "http://127.0.0.1:9/a").wire_query() == f"api_key={key}"
    for _ in range(3):
        records.stamp("key", "http://127.0.0.1:9/a")
    assert reach.releases() == 1, "it is in memory"


@pytest.mark.parametrize("attached", ["id_token", "access_token"])
def test_an_id_token_comes_only_for_a_record_that_attaches_it(reach: Reach, attached: str) -> None:
    reach.machine(token_usage={"token": attached})
    store = reach.web.store()
    given = Token(
        access_token=Secret(reach.canary("access token")),
        id_token=Secret(reach.canary("ID token")),
        obtained_at=time.time(),
        life=60.0,
    )
    claim = store.claim(token_key(store.read("orders").record), seconds=30, patience=0)
    store.settle(claim, given)
    records = reach.records()
    sent = given.id_token if attached == "id_token" else given.access_token
    assert sent is not None
    assert records.stamp("orders", reach.provider.url).wire_headers() == [
        ("Authorization", f"Bearer {sent.reveal()}")
    ]
    assert (records.token("orders").id_token is not None) is (attached == "id_token")


def test_nothing_goes_to_another_origin_of_the_record(reach: Reach) -> None:
    reach.machine()
    records = reach.records()
    with pytest.raises(OriginRefused):
        records.stamp("orders", "http://127.0.0.1:9/")
    with records.attach(httpx2.Client(), "orders") as client:
        response = client.get(reach.web.url)
    assert outcome_of(response) is Reason.NOT_RELEASED
    assert "authorization" not in response.request.headers
    assert reach.releases() == 0


def test_records_are_listed_and_an_unknown_name_leads_to_the_near_one(reach: Reach) -> None:
    reach.machine("orders")
    reach.machine("stock")
    records = reach.records()
    assert (list(records), len(records)) == (["orders", "stock"], 2)
    assert "orders" in records
    assert "other" not in records
    with pytest.raises(RecordFault) as caught:
        records["ordres"]
    assert caught.value.code == "unknown_record"
    assert caught.value.hint == "Did you mean 'orders'?"


def test_records_beyond_the_api_token_are_as_if_they_were_not_there(reach: Reach) -> None:
    reach.machine("orders")
    reach.machine("stock")
    records = reach.records(records=["stock"])
    assert list(records) == ["stock"]
    with pytest.raises(RecordFault) as caught:
        records.token("orders")
    assert caught.value.code == "unknown_record"


@pytest.mark.parametrize("deed", ["begin_login", "log_in_alone", "forget", "provider"])
def test_what_only_the_server_may_do_is_refused_with_a_word(reach: Reach, deed: str) -> None:
    reach.machine()
    records = reach.records()
    given = {"redirect_uri": "http://127.0.0.1:9/"} if deed == "begin_login" else {}
    with pytest.raises(StoreFault) as caught:
        getattr(records.keeper, deed)(records["orders"], **given)
    assert caught.value.code == "at_the_server"
    assert reach.provider.counters.token_requests == 0


def test_references_in_a_servers_record_are_not_looked_up_here(reach: Reach, canary: Any) -> None:
    """Whoever holds the server must not read this machine's files through a record."""
    data = bearer(canary)
    data["auth"] |= {"token": "${file:/etc/hostname}"}
    reach.web.put(data)
    records = reach.records()
    assert records["orders"].auth == authrecord.Bearer(token=Reference("file", "/etc/hostname"))
    with pytest.raises(RecordFault) as caught:
        records.stamp("orders", "http://127.0.0.1:9/")
    assert caught.value.code == "references_off", "the server refused it, and nobody looked here"
