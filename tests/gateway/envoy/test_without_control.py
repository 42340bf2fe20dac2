"""Envoy goes on while its control process is away or starts again, and says when a credential cannot be had."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from authrecord.gateway.envoy import scripts
from authrecord.gateway.envoy.hub import Hub
from authrecord.record import Record
from authrecord.testing import HonestServer
from authrecord.wiring import Records, Settings, make_keeper, memory_store
from tests.gateway.conftest import authorization
from tests.gateway.envoy.stage import EnvoyGateway, Make, client_record, request_for
from tests.gateway.stage import OK, Loop, Taken, Upstream

MakeUpstream = Callable[..., Upstream]
MakeRecord = Callable[..., Record]

REFUSED = (
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nWWW-Authenticate: Bearer\r\n\r\nno"
)


def refusing_when(refuses: threading.Event) -> Callable[[Taken], bytes]:
    """An API that refuses every credential from some moment on."""

    def reply(taken: Taken) -> bytes:
        if not refuses.is_set():
            return OK
        return REFUSED.removesuffix(b"no") if taken.line.startswith(b"HEAD") else REFUSED

    return reply


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("HEAD", b""), ("POST", b"x" * 3000)])
def test_a_credential_that_ran_out_and_cannot_be_renewed_is_a_refusal_and_no_expired_answer(
    upstream: MakeUpstream, envoy: Make, provider: HonestServer, method: str, body: bytes
) -> None:
    provider.token_life = 0.5
    refuses = threading.Event()
    api = upstream(reply=refusing_when(refuses))
    through = envoy(api.url, client_record(provider, api.url))
    assert through.get().status == 200
    provider.stop()
    time.sleep(0.6)
    refuses.set()
    codes = [refused(through, method, body)]
    while codes[-1] != "no_credential":  # Envoy learns a moment later that it is withdrawn
        codes.append(refused(through, method, body))
    assert set(codes) == {"network", "no_credential"}
    sent = len(api.taken)
    assert sent == len(codes)
    assert refused(through, method, body) == "no_credential"
    assert len(api.taken) == sent


def refused(through: EnvoyGateway, method: str, body: bytes) -> str:
    """The code of the refusal, which holds nothing of the API's answer."""
    told = through.ask(request_for(method, "/", body=body))
    assert told.status == 502
    code = told.values("x-authrecord-error")[0]
    assert told.values("content-type") == ["application/problem+json"]
    assert method == "HEAD" or json.loads(told.body)["code"] == code
    assert told.values("www-authenticate") == told.values("set-cookie") == []
    return code


def test_a_control_process_that_has_gone_leaves_the_answer_as_it_was(
    upstream: MakeUpstream,
    envoy: Make,
    provider_record: MakeRecord,
    loop: Loop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scripts, "TRIES", 3)  # so that nobody waits for it
    refuses = threading.Event()
    api = upstream(reply=refusing_when(refuses))
    through = envoy(api.url, provider_record(api.url))
    loop.run(through.engine.hub.control.stop())
    assert through.get().status == 200
    refuses.set()
    told = through.get()
    assert (told.status, told.body) == (401, b"no")
    assert told.values("x-authrecord-outcome") == ["renewal-failed"]
    assert len(api.taken) == 2


def test_an_expired_answer_waits_for_a_control_process_that_is_started_again(
    envoy: Make, provider: HonestServer, loop: Loop
) -> None:
    through = envoy(provider.url, client_record(provider))
    loop.run(through.engine.hub.control.stop())
    provider.expire_all()
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(through.get, "/api/orders") for _ in range(20)]
        time.sleep(0.5)
        assert not any(one.done() for one in asked)
        loop.run(through.engine.hub.control.start(through.engine.files.control))
        told = [one.result() for one in asked]
    assert {one.status for one in told} == {200}
    assert {one.values("x-authrecord-outcome")[0] for one in told} == {"renewed-and-replayed"}
    assert provider.counters.token_requests == 2


def test_a_control_process_that_starts_again_without_a_credential_takes_none_away(
    upstream: MakeUpstream, envoy: Make, provider: HonestServer, loop: Loop
) -> None:
    api = upstream()
    record = client_record(provider, api.url)
    through = envoy(api.url, record)
    loop.run(through.engine.hub.control.stop())
    provider.stop()
    second = another_control(through, record)
    loop.run(serving(second, through))
    try:
        end = time.monotonic() + 10.0
        while not (second.board._missed and second.board._watches):
            assert time.monotonic() < end
            time.sleep(0.02)
        assert [through.get().status for _ in range(3)] == [200] * 3
        assert len({authorization(taken)[0] for taken in api.taken}) == 1
    finally:
        loop.run(second.stop())


def another_control(through: EnvoyGateway, record: Record) -> Hub:
    """What a control process is after a restart: it knows the record, and no credential yet."""
    keeper = make_keeper(Settings.read({}), base=Path("/"), store=memory_store())
    records = Records({record.name: record}, keeper)
    return Hub(through.rules, {record.name: records.authenticator(record.name)}.__getitem__)


async def serving(hub: Hub, through: EnvoyGateway) -> None:
    """Let the Envoy in."""
    hub.keep()
    await hub.serve(through.engine.files.control)
