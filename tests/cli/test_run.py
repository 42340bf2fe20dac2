"""`authrecord run`: any command, authenticated for as long as it runs."""

from __future__ import annotations

import signal
import sys
import time

import pytest

from tests.cli.desk import SECRET_VARIABLE, Desk, Shop

ASK = """
import os, sys, time, urllib.request
for _ in range(int(sys.argv[2])):
    with urllib.request.urlopen(sys.argv[1]) as answer:
        print(answer.status, answer.read().decode())
    time.sleep(0.1)
"""


def test_the_requests_of_a_command_are_authenticated_while_its_tokens_run_out(desk: Desk, shop: Shop) -> None:
    shop.document()
    shop.server.token_life = 0.5
    ended = desk.spawn("run", "orders", "--", sys.executable, "-c", ASK, shop.server.api_url, "15")
    assert ended.code == 0
    assert ended.out == '200 {"ok": true}\n' * 15
    last = ended.err.splitlines()[-1]
    assert last.startswith("authrecord: 15 requests, 15 authenticated, ")
    assert last.endswith(" renewals, 0 expired answers")
    assert shop.server.counters.expired_answers == 0
    assert shop.server.counters.token_requests > 2


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("exit 0", 0)])
def test_the_exit_code_is_passed_on(desk: Desk, shop: Shop, script: str, code: int) -> None:
    shop.document()
    ended = desk.spawn("run", "orders", "--", "sh", "-c", script)
    assert ended.code == code
    assert ended.err == "authrecord: 0 requests, 0 authenticated, 0 renewals, 0 expired answers\n"


def test_a_command_that_is_not_there_is_127_and_says_so(desk: Desk, shop: Shop) -> None:
    shop.document()
    ended = desk.spawn("run", "orders", "--", "no-such-command")
    assert (ended.code, ended.err) == (127, "error: no-such-command: not found.\n")


def test_signals_reach_the_command(desk: Desk, shop: Shop) -> None:
    shop.document()
    script = "trap 'echo caught; exit 3' TERM; echo ready; while true; do sleep 0.05; done"
    process = desk.start("run", "orders", "--", "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == b"caught\n"
    assert process.wait(20) == 3


def test_P11_P13_the_command_gets_a_proxy_and_authorities_and_none_of_our_own_keys(
    desk: Desk, shop: Shop
) -> None:
    shop.document(
        shop.record().replace(shop.server.url + '"]', shop.server.url + '", "https://api.example.com"]')
    )
    more = {"AUTHRECORD_KEY": "env:NOTHING", "NO_PROXY": "127.0.0.1", "AUTHRECORD_GATEWAY_PASSWORD": "x"}
    script = 'env | sort; test -s "$SSL_CERT_FILE" && test -s "$NODE_EXTRA_CA_CERTS"'
    script += ' && stat -c %a "$(dirname $SSL_CERT_FILE)"'
    ended = desk.spawn("run", "orders", "--", "sh", "-c", script, more=more)
    assert ended.code == 0
    found = dict(line.partition("=")[::2] for line in ended.out.splitlines())
    assert found["HTTP_PROXY"] == found["HTTPS_PROXY"] == found["https_proxy"]
    assert found["HTTP_PROXY"].startswith("http://authrecord:")
    assert not found.keys() & {*more, SECRET_VARIABLE}
    assert ended.out.splitlines()[-1] == "700"
    assert found["CURL_CA_BUNDLE"] == found["REQUESTS_CA_BUNDLE"] == found["SSL_CERT_FILE"]
    assert "trustStore=" in found["JAVA_TOOL_OPTIONS"]


@pytest.mark.parametrize(
    "arguments", [("orders",), ("orders", "--"), ("--", "true"), ("--nonsense", "orders", "--", "true")]
)
def test_what_cannot_be_understood_is_a_usage_error(
    desk: Desk, shop: Shop, arguments: tuple[str, ...]
) -> None:
    shop.document()
    assert desk.run("run", *arguments).code == 2


def test_an_unknown_record_is_said_before_anything_starts(desk: Desk, shop: Shop) -> None:
    shop.document()
    ended = desk.spawn("run", "ordres", "--", "touch", "started")
    assert ended.code == 3
    assert "Did you mean 'orders'?" in ended.err
    assert not (desk.folder / "started").exists()


def test_two_records_each_go_to_their_own_origin(desk: Desk, shop: Shop) -> None:
    other = shop.record("stock").replace(shop.server.url + '"]', 'https://stock.example.com"]')
    shop.document(shop.record(), other)
    ended = desk.spawn("run", "orders", "stock", "--", sys.executable, "-c", ASK, shop.server.api_url, "1")
    assert ended.out == '200 {"ok": true}\n'


def test_a_host_of_no_record_passes_or_is_refused_as_asked(desk: Desk, shop: Shop) -> None:
    shop.document(shop.record().replace(shop.server.url + '"]', 'https://api.example.com"]'))
    script = ASK.replace(
        "print(answer.status", "print(answer.status, answer.headers.get('x-authrecord-error')"
    )
    words = ("--", sys.executable, "-c", script, shop.server.url + "/echo", "1")
    passed = desk.spawn("run", "orders", *words)
    assert passed.code == 0
    assert passed.err.startswith("authrecord: 1 request, 0 authenticated")
    process = desk.start("run", "--unmatched", "refuse", "orders", *words)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"404" in said


def test_the_gateway_ends_with_its_command(desk: Desk, shop: Shop) -> None:
    shop.document()
    begun = time.monotonic()
    ended = desk.spawn("run", "--quiet", "orders", "--", "true")
    assert (ended.code, ended.err) == (0, "")
    assert time.monotonic() - begun < 30
