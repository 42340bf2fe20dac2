"""The loopback listener of a login: the A rows, over real sockets, against a real token endpoint."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx2
import pytest

from authrecord.core.errors import LoginFailed, RecordFault
from authrecord.signin import Step
from authrecord.testing import HonestServer
from tests.signin.stage import Running, Stage, threads_of_listeners


@pytest.fixture
def running(stage: Stage) -> Iterator[Running]:
    """A login that waits; it is brought to its end, so that every test also shows that it still could be."""
    one = stage.begin()
    yield one
    if one.waits():
        one.finish()


def at(running: Running, **query: str) -> str:
    return f"{running.redirect_uri}?{urlencode(query)}"


def test_a_login_by_browser_brings_a_token_that_lives_for_everybody(stage: Stage) -> None:
    running = stage.begin()
    token = running.finish()
    assert stage.keeper.token(stage.record).is_same(token)
    assert stage.server.counters.token_requests == 1
    assert [
        running.saw(step) for step in (Step.BEGUN, Step.OPENED, Step.WAITING, Step.RECEIVED, Step.DONE)
    ] == [True] * 5


def test_S44_S38_the_address_is_new_and_unguessable_for_each_login(stage: Stage) -> None:
    first = stage.begin()
    first.finish()
    second = stage.begin()
    second.finish()
    assert first.path != second.path
    assert len(first.path) > 40
    assert first.redirect_uri.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "query", [{"code": "x"}, {"code": "x", "state": "wrong"}, {"code": "x", "state": ""}, {}]
)
def test_A1_A2_A3_a_callback_without_the_right_state_changes_nothing(
    running: Running, http: httpx2.Client, server: HonestServer, query: dict[str, str]
) -> None:
    answer = http.get(at(running, **query))
    assert answer.status_code == 400
    assert running.waits()
    assert server.counters.token_requests == 0


def test_A2_a_doubled_or_huge_state_changes_nothing(running: Running, http: httpx2.Client) -> None:
    for query in (f"state={running.state}&state={running.state}&code=x", "code=x&state=" + "s" * 60_000):
        assert http.get(f"{running.redirect_uri}?{query}").status_code == 400
    assert running.waits()


def test_A4_S56_an_answer_that_was_used_is_used_up(stage: Stage, http: httpx2.Client) -> None:
    running = stage.begin()
    address = running.provider_answer()
    first = http.get(address)
    assert first.status_code == 303
    second = http.get(address)
    assert second.status_code == 400
    assert "already" in second.text
    http.get(f"http://127.0.0.1:{running.port}{running.path}/done")
    running.future.result(20)
    assert stage.server.counters.token_requests == 1


def test_A7_an_error_without_the_right_state_does_not_end_the_login(
    running: Running, http: httpx2.Client
) -> None:
    assert http.get(at(running, error="access_denied")).status_code == 400
    assert running.waits()


def test_A8_an_error_with_the_right_state_ends_it_and_is_shown_as_text(
    stage: Stage, http: httpx2.Client
) -> None:
    running = stage.begin()
    hostile = "<script>alert(1)</script>"
    answer = http.get(
        at(running, error="access_denied", error_description=hostile, state=running.state, code="x"),
        follow_redirects=True,
    )
    assert "The login did not work" in answer.text
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text
    with pytest.raises(LoginFailed) as failed:
        running.future.result(20)
    assert failed.value.code == "refused"
    assert stage.server.counters.token_requests == 0


def test_A12_an_answer_on_another_path_is_not_taken(running: Running, http: httpx2.Client) -> None:
    for path in ("/", "/cb/other", running.path + "/x", running.path + "/done", "/favicon.ico"):
        address = f"http://127.0.0.1:{running.port}{path}?{urlencode({'code': 'x', 'state': running.state})}"
        assert http.get(address).status_code == 404
    assert running.waits()


def test_A13_S13_twenty_answers_at_once_make_one_token_request(stage: Stage) -> None:
    stage.server.token_delay = 0.3
    running = stage.begin()
    address = running.provider_answer()

    def call(_: int) -> int:
        with httpx2.Client(trust_env=False, cookies=stage.browser.cookies) as http:
            return http.get(address, timeout=20).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(call, range(20)))
    assert sorted(statuses) == [303, *[400] * 19]
    running.future.result(20)
    assert stage.server.counters.token_requests == 1


def test_A14_a_post_is_not_accepted(running: Running, http: httpx2.Client) -> None:
    assert http.post(running.redirect_uri, data={"code": "x", "state": running.state}).status_code == 405
    assert running.waits()


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}"],
)
def test_A15_a_foreign_host_is_turned_away(running: Running, http: httpx2.Client, host: str) -> None:
    headers = {"Host": host.format(port=running.port)}
    address = running.provider_answer()
    assert http.get(address, headers=headers).status_code == 421
    assert running.waits()


def test_A16_a_flood_of_requests_does_not_keep_the_login_from_its_answer(running: Running) -> None:
    def flood(_: int) -> None:
        for _ in range(100):
            try:
                with socket.create_connection(("127.0.0.1", running.port), timeout=5) as one:
                    one.sendall(b"GET /x.png HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            except OSError:
                continue  # turned away: that is the point

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(flood, range(10)))
        assert running.waits()
    running.finish()


def test_A17_a_hundred_slow_connections_do_not_keep_the_login_from_its_answer(running: Running) -> None:
    slow = [socket.create_connection(("127.0.0.1", running.port), timeout=5) for _ in range(100)]
    try:
        for one in slow:
            one.sendall(b"GET / HT")
        assert running.finish().access_token
        assert running.saw(Step.DONE)
    finally:
        for one in slow:
            one.close()


@pytest.mark.parametrize(
    "junk",
    [
        b"GET /" + b"x" * 1_000_000,
        b"\x00\xff\xfe" * 1000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
        b"\r\n\r\n",
    ],
)
def test_A18_junk_closes_its_connection_and_nothing_else(running: Running, junk: bytes) -> None:
    assert b"200 OK" not in _answered_until_closed(running.port, junk)
    assert running.waits()


def test_A19_nobody_answers_and_the_login_ends_with_its_port_closed(stage: Stage) -> None:
    running = stage.begin(timeout=0.3)
    with pytest.raises(LoginFailed) as failed:
        running.future.result(20)
    assert failed.value.code == "timeout"
    assert "seconds" in str(failed.value)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", running.port), timeout=5)
    assert threads_of_listeners() == []


def test_A20_two_logins_of_one_record_at_once_leave_no_mixed_pair(stage: Stage) -> None:
    first, second = stage.begin(), stage.begin()
    second.finish()
    last = first.finish()
    assert stage.keeper.token(stage.record).is_same(last)
    renewed = stage.keeper.token(stage.record, rejected=last)
    assert renewed.generation > last.generation
    assert stage.server.counters.reuse_detected == 0


def test_A3_the_answer_of_one_login_is_not_taken_by_another(stage: Stage, http: httpx2.Client) -> None:
    first, second = stage.begin(), stage.begin(record=stage.renamed("other"))
    crossed = second.provider_answer().replace(f":{second.port}{second.path}", f":{first.port}{first.path}")
    assert http.get(crossed).status_code == 400
    assert first.waits()
    first.finish()
    second.finish()


def test_A23_a_port_that_is_taken_is_named_with_its_owner(server: HonestServer, http: httpx2.Client) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        stage = Stage(server, http, callback_url=f"http://127.0.0.1:{port}/callback")
        with pytest.raises(RecordFault) as fault:
            stage.begin()
        stage.close()
    assert fault.value.code == "port_taken"
    assert str(port) in str(fault.value)
    if sys.platform == "linux":
        assert "process" in str(fault.value)


def test_A24_S8_no_page_holds_a_code_and_every_answer_is_closed_up(stage: Stage, http: httpx2.Client) -> None:
    running = stage.begin()
    address = running.provider_answer()
    pages = [
        http.get(running.redirect_uri),
        http.get(f"http://127.0.0.1:{running.port}/other"),
        http.get(address),
    ]
    pages.append(http.get(f"http://127.0.0.1:{running.port}{running.path}/done"))
    running.future.result(20)
    code = dict(part.split("=", 1) for part in address.partition("?")[2].split("&"))["code"]
    for page in pages:
        assert code not in page.text
        assert running.state not in page.text
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "http-equiv" not in page.text
    assert code not in pages[2].headers["location"]


def test_F5_the_query_of_a_callback_is_not_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    running = stage.begin()
    address = running.provider_answer()
    running.finish()
    code = address.partition("code=")[2].partition("&")[0]
    assert code
    ours = [
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith(("httpcore2", "httpx2"))
    ]
    assert ours
    assert not [message for message in ours if running.state in message or code in message]


def test_S39_the_listener_is_on_loopback_only_and_only_for_the_login(stage: Stage) -> None:
    running = stage.begin()
    listening = _listening_addresses(running.port)
    assert listening == {"0100007F"}
    running.finish()
    assert _listening_addresses(running.port) == set()


def test_S38_S39_a_registered_localhost_is_served_on_both_families(
    server: HonestServer, http: httpx2.Client
) -> None:
    stage = Stage(server, http, callback_url="http://localhost:0/callback")
    running = stage.begin()
    assert running.redirect_uri == f"http://localhost:{running.port}/callback"
    reached = []
    for address in ("127.0.0.1", "::1"):
        try:
            with socket.create_connection((address, running.port), timeout=5):
                reached.append(address)
        except OSError:
            continue
    running.finish()
    stage.close()
    assert "127.0.0.1" in reached
    assert ("::1" in reached) == _has_ipv6()


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="what another process may bind is Linux's to say here"
)
def test_S40_no_other_process_binds_the_same_port_during_the_login(
    server: HonestServer, http: httpx2.Client
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stage = Stage(server, http, callback_url=f"http://127.0.0.1:{port}/callback")
    running = stage.begin()
    code = (
        "import socket,sys\n"
        "s=socket.socket()\n"
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n"
        f"s.bind(('127.0.0.1', {running.port}))\ns.listen()\n"
    )
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    running.finish()
    stage.close()
    assert second.returncode != 0
    assert b"Address already in use" in second.stderr


def test_a_registered_callback_is_served_again_and_again_on_its_port(
    server: HonestServer, http: httpx2.Client
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stage = Stage(server, http, callback_url=f"http://127.0.0.1:{port}/my/callback")
    for _ in range(3):
        running = stage.begin()
        assert running.redirect_uri == f"http://127.0.0.1:{port}/my/callback"
        running.finish()
    stage.close()


def test_S39_the_listener_and_its_thread_end_with_the_login(stage: Stage) -> None:
    running = stage.begin()
    assert len(threads_of_listeners()) == 1
    running.finish()
    assert threads_of_listeners() == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", running.port), timeout=5)


def _answered_until_closed(port: int, junk: bytes) -> bytes:
    """What comes back until the listener closes the connection; a listener that keeps it open is a failure."""
    answered = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
        try:
            one.sendall(junk)
            one.shutdown(socket.SHUT_WR)
            while part := one.recv(65536):
                answered += part
        except TimeoutError:
            pytest.fail("the connection is still open")
        except OSError:
            return answered  # reset while we still wrote: closed all the same
    return answered


def _listening_addresses(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as lines:
            for line in list(lines)[1:]:
                columns = line.split()
                if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                    found.add(columns[1].rpartition(":")[0])
    return found


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
