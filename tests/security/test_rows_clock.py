"""J5 and H6: a provider whose clock is another, and requests that are signed anew for each sending."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from email.utils import formatdate
from typing import Any

import pytest

from authrecord.clients.sender import TokenSender
from authrecord.core.messages import Response
from authrecord.core.secret import Secret
from authrecord.doctor.obtaining import check_token
from authrecord.doctor.step import Verdict
from authrecord.doctor.witness import Witness
from authrecord.grants.settings import Credentials, TokenExchange
from authrecord.keeper.keeper import Keeper
from authrecord.keeper.ports import Sender
from authrecord.record import OAuth2, Record
from authrecord.signing import sign
from authrecord.stores.memory import MemoryStore
from authrecord.testing import HonestServer
from authrecord.testing.messages import Reply
from authrecord.wiring import Records
from tests.canary_watch import Canary
from tests.keeper.parts import HandClock
from tests.keeper.scripted import Scripted


def _never(reference: object) -> Secret:
    raise AssertionError("there are no references here")


def record_at(token_url: str, secret: str, *, way: str = "basic", client_id: str = "scanner") -> Record:
    """A record of client credentials."""
    auth = OAuth2(
        grant="client_credentials",
        credentials=Credentials(client_id=client_id, client_secret=Secret(secret)),
        token_exchange=TokenExchange(url=token_url, client_authentication=way),
    )
    return Record(name="orders", auth=auth, allowed_origins=("https://api.example.com",))


def granted(clock: HandClock, secret: str, date: str) -> Response:
    """A good answer with this `Date`, if any."""
    body = json.dumps({"access_token": secret, "token_type": "Bearer", "expires_in": 100}).encode()
    headers = (("content-type", "application/json"), *((("date", date),) if date else ()))
    return Response(200, headers, body, clock.time(), clock.monotonic())


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (7200, ["this machine's clock is 7200 s ahead of the provider's"]),
        (-90, ["this machine's clock is 90 s behind the provider's"]),
        (30, []),
        (0, []),
    ],
)
def test_J5_a_provider_whose_date_is_another_is_told_with_the_number(
    canary: Canary, ahead: int, words: list[str]
) -> None:
    clock = HandClock()
    date = formatdate(clock.now - ahead, usegmt=True)
    witness = Witness(Scripted(clock, granted(clock, canary("token"), date)), clock.monotonic)
    keeper = Keeper(MemoryStore(clock), send=witness, resolve=_never, sign=sign, clock=clock)
    record = record_at("https://id.example.com/token", canary("client secret"))
    assert isinstance(record.auth, OAuth2)
    step = check_token(Records({record.name: record}, keeper), record, record.auth, witness)
    assert step.verdict is Verdict.OK
    assert [line for line in step.details if "clock" in line] == words
    keeper.close()


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 99 Foo 2030 00:00:00 GMT", "1e400", "Thu, 01 Jan 99999"]
)
def test_J5_a_date_that_is_none_or_unreadable_is_no_fault(canary: Canary, date: str) -> None:
    clock = HandClock()
    witness = Witness(Scripted(clock, granted(clock, canary("token"), date)), clock.monotonic)
    keeper = Keeper(MemoryStore(clock), send=witness, resolve=_never, sign=sign, clock=clock)
    record = record_at("https://id.example.com/token", canary("client secret"))
    assert keeper.token(record).life == 100
    assert witness.clock_offset is None
    keeper.close()


def test_J5_the_life_of_a_token_does_not_depend_on_the_providers_date(canary: Canary) -> None:
    clock = HandClock()
    send: Sender = Scripted(clock, granted(clock, canary("token"), formatdate(0, usegmt=True)))
    keeper = Keeper(MemoryStore(clock), send=send, resolve=_never, sign=sign, clock=clock)
    token = keeper.token(record_at("https://id.example.com/token", canary("client secret")))
    assert (token.obtained_at, token.life) == (clock.now, 100)
    keeper.close()


def claims_of(form: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """What the assertion of a token request says."""
    payload = dict(form)["client_assertion"].split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def test_H6_a_signed_token_request_is_signed_anew_when_it_is_sent_again(canary: Canary) -> None:
    """The server refuses an assertion that it saw before: the third sending is good since it is another one."""
    with HonestServer(make_secret=canary.make) as server:
        client = server.register_client("client_credentials", authentication="client_secret_jwt")
        record = record_at(
            server.token_url, client.secret, way="client_secret_jwt", client_id=client.client_id
        )
        keeper = Keeper(
            MemoryStore(time),
            send=TokenSender(clock=time),
            resolve=_never,
            sign=sign,
            pause=lambda seconds: None,
        )
        server.failures += [Reply(503), Reply(502)]
        assert keeper.token(record).access_token
        keeper.close()
        asked = [each for each in server.requests if each.path == "/token"]
    assert len(asked) == 3
    assert len({claims_of(each.form)["jti"] for each in asked}) == 3
    assert len({dict(each.form)["client_assertion"] for each in asked}) == 3
