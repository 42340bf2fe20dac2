"""`authrecord gateway` and `authrecord ca`, as installed commands."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from authrecord.stores.gateway_figures import published
from tests.cli.desk import Desk, Shop


def begun(desk: Desk, *arguments: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """A gateway that listens, and what it said."""
    process = desk.start("--json", "gateway", *arguments)
    assert process.stdout is not None
    text = b""
    while not text.endswith(b"}\n"):
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else b""
        text += line
    return process, json.loads(text)


def end(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """End it as an operator does."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    return process.returncode, said


def get(place: str, password: str, path: str = "/api/orders") -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://{place}{path}", headers={"X-Authrecord-Token": password})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def until(holds: Callable[[], bool]) -> bool:
    """Wait for something that the gateway does within a second or two."""
    for _ in range(100):
        if holds():
            return True
        time.sleep(0.1)
    return False


def test_a_new_password_is_shown_once_and_opens_the_gateway(desk: Desk, shop: Shop) -> None:
    shop.document()
    process, said = begun(
        desk, "--record", "orders", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"
    )
    place = said["listens"]["reverse"]
    assert said["upstream"] == shop.server.url
    assert get(place, said["password"]) == (200, b'{"ok": true}')
    assert get(place, "wrong")[0] == 401
    metrics = get(said["listens"]["metrics"], "", "/metrics")[1]
    assert b'authrecord_gateway_requests_total{status="200"} 1' in metrics
    folder = str(desk.home / "authrecord" / "data")
    assert until(lambda: [one.requests for one in published(folder, time.time())] == [2])
    assert end(process) == (0, b"")
    assert published(folder, time.time()) == []


def test_a_password_of_ones_own_is_not_shown(desk: Desk, shop: Shop) -> None:
    shop.document()
    password = shop.canary("gateway password")
    desk.write(password + "\n", "password")
    process, said = begun(
        desk, "--record", "orders", "--listen", "127.0.0.1:0", "--password-file", "password"
    )
    shop.canary.allow(password, sink="file:password")
    assert said["password"] is None
    assert get(said["listens"]["reverse"], password)[0] == 200
    end(process)


def test_a_weak_password_is_refused(desk: Desk, shop: Shop) -> None:
    shop.document()
    desk.set("AUTHRECORD_GATEWAY_PASSWORD", "short")
    ended = desk.spawn("gateway", "--record", "orders")
    assert ended.code == 3
    assert "shorter than 16 characters" in ended.err
    assert "short." not in ended.err


def test_rules_and_records_that_change_hold_without_a_restart(desk: Desk, shop: Shop) -> None:
    shop.document()
    rules = desk.write("rules:\n  - {records: [orders], path: /api}\n", "rules.yaml")
    process, said = begun(desk, "--rules", "rules.yaml", "--listen", "127.0.0.1:0")
    place, password = said["listens"]["reverse"], said["password"]
    assert get(place, password, "/echo")[0] == 404
    rules.write_text("rules:\n  - {records: [orders]}\n")
    assert until(lambda: get(place, password, "/echo")[0] == 200)
    rules.write_text("rules:\n  - {records: [nobody]}\n")
    time.sleep(1.5)
    assert get(place, password, "/echo")[0] == 200
    shop.document(shop.record("second"), shop.record())
    rules.write_text("rules:\n  - {records: [second], path: /api}\n")
    assert until(lambda: get(place, password, "/echo")[0] == 404)
    assert get(place, password)[0] == 200
    code, said_last = end(process)
    assert code == 0
    assert b"the rules that were in use stay in use" in said_last


def test_all_faults_of_a_file_of_rules_come_at_once_with_their_lines(desk: Desk, shop: Shop) -> None:
    shop.document()
    desk.write(
        "unmatched: maybe\nrules:\n  - records: [nobody]\n  - records: [orders]\n    path: v1\n    methods: get\n"
        "  - records: [orders]\n    origins: ['*']\n    colour: red\n  - 7\n"
        "  - records: [orders]\n    path: /a?b=1\n",
        "rules.yaml",
    )
    ended = desk.spawn("gateway", "--rules", "rules.yaml")
    assert ended.code == 3
    for line in (
        "line 1: unmatched",
        "line 3: rules[0].records",
        "line 5: rules[1].path",
        "line 6: rules[1].methods",
        "line 8: rules[2].origins",
        "line 9: rules[2].colour",
        "line 10: rules[3]",
        "line 12: rules[4].path: holds a query",
    ):
        assert line in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--record", "orders", "--listen", "0.0.0.0:0"), "needs TLS and API tokens"),
        (("--record", "orders", "--listen", "example.com:80"), "the address to listen at is not one"),
        (("--record", "orders", "--metrics-listen", "0.0.0.0:0"), "can be reached from other machines"),
        (("--record", "nobody"), "holds no record 'nobody'"),
        (("--record", "orders", "--upstream", "https://a.example/path"), "without a path"),
    ],
)
def test_O25_M17_an_unsafe_or_wrong_address_is_refused_before_anything_listens(
    desk: Desk, shop: Shop, arguments: tuple[str, ...], words: str
) -> None:
    shop.document()
    ended = desk.spawn("gateway", *arguments)
    assert ended.code == 3
    assert words in ended.err


def test_a_unix_socket_is_for_its_owner_and_one_that_was_left_behind_is_taken_over(
    desk: Desk, shop: Shop
) -> None:
    import socket

    shop.document()
    path = desk.folder / "gateway.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    process, said = begun(desk, "--record", "orders", "--listen", f"unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))
        token = f"X-Authrecord-Token: {said['password']}\r\n"
        caller.sendall(f"GET /api/orders HTTP/1.0\r\nHost: localhost\r\n{token}\r\n".encode())
        answer = b""
        while data := caller.recv(65536):
            answer += data
    assert answer.endswith(b'{"ok": true}')
    taken = desk.spawn("gateway", "--record", "orders", "--listen", f"unix:{path}")
    assert taken.code == 7
    end(process)


def test_the_certificate_authority_is_shown_and_rotated_for_the_hosts_of_the_records(
    desk: Desk, shop: Shop
) -> None:
    shop.document(
        shop.record().replace(shop.server.url + '"]', 'https://api.example.com", "https://*.example.org"]')
    )
    assert desk.spawn("ca", "show").code == 3
    first = json.loads(desk.spawn("ca", "rotate", "--json").out)
    assert first["hosts"] == ["api.example.com", "example.org"]
    assert json.loads(desk.spawn("ca", "show", "--json").out)["sha256"] == first["sha256"]
    assert json.loads(desk.spawn("ca", "rotate", "--json").out)["sha256"] != first["sha256"]
    key = desk.home / "authrecord" / "data" / "gateway" / "ca.key"
    assert key.stat().st_mode & 0o777 == 0o600
