"""The engine as a whole: TLS to the upstream, rules that change, requests that name their origin, several Envoys."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from authrecord.core.errors import RecordFault, StoreFault
from authrecord.core.origin import allowed_origins
from authrecord.core.secret import Secret
from authrecord.gateway.envoy.binary import find_envoy
from authrecord.gateway.envoy.bootstrap import bootstrap, resources
from authrecord.gateway.envoy.child import Child
from authrecord.gateway.envoy.engine import Settings
from authrecord.gateway.envoy.written import resources_of, write
from authrecord.gateway.rules import Rule, Rules, Unmatched
from authrecord.record import Record
from authrecord.schemes.bearer import Bearer
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.gateway.conftest import authorization, token_of
from tests.gateway.envoy.stage import EnvoyGateway, Make, basic, client_record, request_for
from tests.gateway.stage import Caller, Loop, Upstream

MakeUpstream = Callable[..., Upstream]
MakeRecord = Callable[..., Record]


def tls_provider(canary: Canary, authority: trustme.CA, name: str) -> HonestServer:
    """A provider and API with a certificate for `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return HonestServer(tls=context, make_secret=canary.make)


@pytest.fixture
def outliving() -> Iterator[ExitStack]:
    """What is opened in it ends after Envoy, whose handshakes it would else cut."""
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("name", ["127.0.0.1", "other.example"])
def test_S25_an_upstream_must_show_a_certificate_for_the_host_that_is_dialled(
    outliving: ExitStack, envoy: Make, canary: Canary, tmp_path: Path, name: str
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    api = outliving.enter_context(tls_provider(canary, authority, name))
    record = Record(name="orders", allowed_origins=(api.url,), auth=Bearer(token=Secret(api.issue_token())))
    told = envoy(api.url, record, ca_file=str(tmp_path / "ca.pem")).get("/api/orders")
    stranger = envoy(api.url, record).get("/api/orders")
    assert told.status == (200 if name == "127.0.0.1" else 502)
    assert stranger.status == 502
    assert stranger.values("x-authrecord-error") == ["certificate_refused"]
    assert len(api.api_requests) == int(name == "127.0.0.1")


def hanging_up(connection: socket.socket, upstream: Upstream) -> None:
    """Takes a request, and goes."""
    connection.recv(65536)


def test_an_upstream_that_cannot_be_used_is_told_as_by_the_embedded_gateway(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    silent = upstream(serve=hanging_up)
    wrong = upstream(reply=lambda taken: b"no\r\n\r\n")
    urls = ["http://127.0.0.1:9", silent.url, wrong.url]
    records = [bearer(url, f"record-{number}") for number, url in enumerate(urls)]
    rules = [Rule(records=(one.name,), origins=allowed_origins(one.allowed_origins)) for one in records]
    through = envoy(urls[0], *records, rules=rules, reverse=False)
    told = [through.ask(f"GET {url}/ HTTP/1.1\r\nHost: x\r\n$\r\n\r\n".encode()) for url in urls]
    assert [one.status for one in told] == [502, 502, 502]
    codes = ["connect_failed", "upstream_failed", "bad_upstream_answer"]
    assert [one.values("x-authrecord-error")[0] for one in told] == codes
    assert [json.loads(one.body)["code"] for one in told] == codes


def test_rules_that_change_are_taken_up_without_a_restart(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord, loop: Loop
) -> None:
    api = upstream()
    record = bearer(api.url)
    rule = Rule(records=("orders",), origins=allowed_origins([api.url]), path="/old")
    through = envoy(api.url, record, rules=[rule])
    assert [through.get(path).status for path in ("/old", "/new")] == [200, 404]
    process = through.engine.child.process_id
    changed = Rule(records=("orders",), origins=allowed_origins([api.url]), path="/new")
    loop.run(through.engine.change(Rules([changed]), through.records.authenticator))
    until(lambda: through.get("/new").status == 200)
    assert through.get("/old").status == 404
    assert authorization(api.taken[-1]) == [token_of(record)]
    assert through.engine.child.process_id == process
    forbidden = Rule(records=("orders",), origins=allowed_origins(["http://169.254.169.254"]))
    with pytest.raises(RecordFault, match="does not dial"):
        loop.run(through.engine.change(Rules([forbidden]), through.records.authenticator))
    assert through.get("/new").status == 200


def test_a_request_may_name_its_origin_as_a_proxys_client_does(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    first, second, third = upstream(), upstream(), upstream()
    one, two = bearer(first.url, "one"), bearer(second.url, "two")
    rules = Rules(
        [
            Rule(records=("one",), origins=allowed_origins([first.url])),
            Rule(records=("two",), origins=allowed_origins([second.url]), path="/v1"),
        ],
        unmatched=Unmatched.PASS,
    )
    through = envoy(first.url, one, two, rules=rules, reverse=False)

    def ask(target: str, host: str) -> int:
        return through.ask(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n$\r\n\r\n".encode()).status

    assert ask(f"{first.url}/a", first.host) == 200
    assert ask(f"{second.url}/v1", first.host) == 200  # what is dialled counts, whatever Host says
    assert ask("/v2", second.host) == 200
    assert ask(f"{third.url}/", first.host) == 404
    assert [authorization(taken) for taken in first.taken] == [[token_of(one)]]
    assert [authorization(taken) for taken in second.taken] == [[token_of(two)], []]
    assert third.connections == 0


def test_I5_one_control_process_serves_several_envoys(
    envoy: Make, provider: HonestServer, loop: Loop
) -> None:
    through = envoy(provider.url, client_record(provider))
    files = through.engine.files
    folder = files.folder / "second"
    folder.mkdir(mode=0o700)
    second = loop.run(another_envoy(through, folder))
    try:
        port = loop.run(second.ports())["reverse"]
        provider.expire_all()
        with Caller(port, f"Basic {basic(through.password)}") as caller:
            assert caller.ask(request_for("GET", "/api/orders")).status == 200
        assert through.get("/api/orders").status == 200
        assert provider.counters.token_requests == 2
    finally:
        loop.run(second.stop())


async def another_envoy(through: EnvoyGateway, folder: Path) -> Child:
    """One more Envoy on the same control process, with files of its own."""
    from authrecord.gateway.envoy.bootstrap import Files

    files = Files(folder)
    os.link(through.engine.files.control, files.control)
    settings = Settings(
        binary=find_envoy(os.environ),
        password=Secret(through.password),
        reverse=through.engine._settings.reverse,
    )
    clusters, listeners = resources_of(through.engine.hub.plan, settings, files)
    write(files.clusters, resources(clusters, "1"))
    write(files.listeners, resources(listeners, "1"))
    write(files.bootstrap, bootstrap(files, node="second"))
    child = await Child.start(settings.binary, files.bootstrap, files.admin, workers=1)
    await child.ready()
    return child


def test_K14_what_stands_on_the_disk_is_for_its_owner_alone_and_goes_with_the_engine(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    api = upstream()
    through = envoy(api.url, bearer(api.url))
    folder = through.engine.files.folder
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes["control.sock"] == modes["bootstrap.json"] == modes["listeners.json"] == 0o600
    for path in folder.glob("*.json"):
        assert token_of(through.records["orders"]) not in path.read_text()
    through.close()
    assert not folder.exists()


def test_an_envoy_that_cannot_start_says_why(tmp_path: Path, loop: Loop) -> None:
    async def start() -> None:
        broken = tmp_path / "bootstrap.json"
        broken.write_text('{"node": 7}')
        child = await Child.start(find_envoy(os.environ), broken, tmp_path / "admin.sock", workers=1)
        try:
            await child.ready()
        finally:
            await child.stop()

    with pytest.raises(StoreFault, match=r"Envoy ended at its start.*node"):
        loop.run(start())


def crashing(folder: Path, times: int) -> Path:
    """An Envoy that a signal ends so many times before it is ready, and that then starts."""
    program = folder / "envoy"
    program.write_text(
        f'#!/bin/sh\n[ $(ls {folder} | grep -c crash) -lt {times} ] || exec {find_envoy(os.environ)} "$@"\n'
        f"touch {folder}/crash.$$\necho 'users: authrecord:{{SHA}}abc=' >&2\nkill -SEGV $$\n"
    )
    program.chmod(0o700)
    return program


def test_an_envoy_that_crashes_before_it_is_ready_is_started_once_more(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api = upstream()
    assert envoy(api.url, bearer(api.url), binary=crashing(tmp_path, 1)).get().status == 200
    assert "Envoy ended at its start (signal SIGSEGV). Starting it once more." in caplog.text
    assert "{SHA}…" in caplog.text
    assert "abc=" not in caplog.text
    (tmp_path / "two").mkdir()
    with pytest.raises(StoreFault, match="SIGSEGV"):
        envoy(api.url, bearer(api.url), binary=crashing(tmp_path / "two", 2))


def test_the_end_of_envoy_is_noticed(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord, loop: Loop
) -> None:
    api = upstream()
    through = envoy(api.url, bearer(api.url))
    os.kill(through.engine.child.process_id, 15)
    assert loop.run(asyncio.wait_for(through.engine.ended(), 18)) == 0


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    pause = threading.Event()
    for _ in range(200):
        if holds():
            return
        pause.wait(0.05)
    pytest.fail("it did not come to hold")
