"""`authrecord token` and `authrecord headers`: in a pipe, on a terminal, between runs, and many at once."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.canary_watch import Canary
from tests.cli.desk import SECONDS, Shop, installed
from tests.cli.terminal import on_terminal, words


def issued(shop: Shop) -> str:
    """The latest access token that the server has issued, and may be shown on standard output."""
    token = list(shop.server._state.access)[-1]
    shop.canary.allow(token, sink="stdout")
    return token


def test_a_pipe_gets_the_token_and_a_line_end(shop: Shop) -> None:
    ended = shop.desk.spawn("token", "orders")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == issued(shop) + "\n"


def test_the_second_run_takes_the_token_from_the_cache(shop: Shop) -> None:
    first = shop.desk.spawn("token", "orders").out
    assert shop.desk.spawn("token", "orders").out == first == issued(shop) + "\n"
    assert shop.desk.run("token", "orders").out == first
    assert shop.server.counters.token_requests == 1


def test_a_token_that_ran_out_is_renewed(shop: Shop) -> None:
    shop.server.token_life = 0.2
    first = shop.desk.run("token", "orders").out
    issued(shop)
    shop.server.token_life = 3600.0
    while shop.server._state.access[first.strip()].until > shop.server.now():
        continue
    assert shop.desk.run("token", "orders").out == issued(shop) + "\n" != first


def test_four_processes_at_once_make_one_token_request(shop: Shop) -> None:
    shop.server.token_delay = 0.5
    running = [shop.desk.start("token", "orders") for _ in range(4)]
    found = {process.communicate(b"", timeout=SECONDS)[0].decode() for process in running}
    assert found == {issued(shop) + "\n"}
    assert shop.server.counters.token_requests == 1


def test_P15_a_terminal_gets_the_end_of_the_token_only(shop: Shop, canary: Canary) -> None:
    ended = on_terminal(shop.desk, canary, "token", "orders")
    token = issued(shop)
    assert ended.code == 0
    assert ended.out.splitlines()[0] == "••••" + token[-4:]
    assert "--reveal shows it" in ended.out


def test_P15_reveal_shows_the_whole_token_on_a_terminal(shop: Shop, canary: Canary) -> None:
    shop.desk.run("login", "orders")
    canary.allow(issued(shop), sink="terminal")
    ended = on_terminal(shop.desk, canary, "token", "orders", "--reveal")
    assert ended.out.splitlines()[0] == issued(shop)


def test_P15_json_on_a_terminal_is_masked_too(shop: Shop, canary: Canary) -> None:
    ended = on_terminal(shop.desk, canary, "token", "orders", "--json")
    assert json.loads(ended.out)["token"] == "••••" + issued(shop)[-4:]


def test_a_command_substitution_at_a_terminal_gets_it_whole(shop: Shop, canary: Canary) -> None:
    ended = on_terminal(shop.desk, canary, "token", "orders", apart=True)
    assert ended.out == issued(shop) + "\n"
    assert ended.err == ""


@pytest.mark.parametrize("name", ["bearer", "key"])
def test_a_static_credential_is_printed_as_it_stands_in_the_record(
    shop: Shop, canary: Canary, name: str
) -> None:
    secret = canary("static")
    canary.allow(secret, sink="stdout")
    shop.desk.set("STATIC", secret)
    shop.document(
        f"  - {{name: bearer, allowed_origins: ['{shop.server.url}'],"
        " auth: {type: bearer, token: '${env:STATIC}', prefix: Token}}\n"
        f"  - {{name: key, allowed_origins: ['{shop.server.url}'],"
        " auth: {type: api_key, key: k, value: '${env:STATIC}', send_in: query}}\n"
    )
    assert shop.desk.run("token", name).out == secret + "\n"
    assert shop.desk.run("token", name, "--json").data == {"name": name, "token": secret}
    assert words(on_terminal(shop.desk, canary, "token", name).out).startswith("••••" + secret[-4:])


def test_a_static_credential_needs_no_allowed_origin_to_be_printed(shop: Shop, canary: Canary) -> None:
    secret = canary("static")
    canary.allow(secret, sink="stdout")
    shop.desk.set("STATIC", secret)
    shop.document("  - {name: bearer, auth: {type: bearer, token: '${env:STATIC}'}}\n")
    assert shop.desk.run("token", "bearer").out == secret + "\n"


def test_headers_in_a_pipe_are_what_curl_takes(shop: Shop) -> None:
    out = shop.desk.spawn("headers", "orders", shop.server.api_url).out
    assert out == f"Authorization: Bearer {issued(shop)}\n"


def test_P15_headers_on_a_terminal_are_masked(shop: Shop, canary: Canary) -> None:
    ended = on_terminal(shop.desk, canary, "headers", "orders", shop.server.api_url)
    token = issued(shop)
    assert ended.code == 0
    assert token[-4:] in ended.out
    assert "Authorization: " in ended.out


@pytest.mark.parametrize("place", ["query", "cookie", "header"])
def test_headers_show_where_an_api_key_goes(shop: Shop, canary: Canary, place: str) -> None:
    key = canary("key")
    canary.allow(key, sink="stdout")
    shop.desk.set("K", key)
    shop.document(
        f"  - {{name: key, allowed_origins: ['{shop.server.url}'],"
        f" auth: {{type: api_key, key: k, value: '${{env:K}}', send_in: {place}}}}}\n"
    )
    out = shop.desk.run("headers", "key", shop.server.api_url).out
    assert (
        out
        == {
            "query": f"{shop.server.api_url}?k={key}\n",
            "cookie": f"Cookie: k={key}\n",
            "header": f"k: {key}\n",
        }[place]
    )
    shown = on_terminal(shop.desk, canary, "headers", "key", shop.server.api_url)
    assert shown.code == 0
    assert "k" in shown.out


def test_the_token_in_a_shell_script_opens_the_api(shop: Shop) -> None:
    """The form of scripts, in a real shell: `$(authrecord --file F token NAME)`."""
    shop.document(name="f.yaml")
    command = " ".join(f"'{part}'" for part in installed())
    script = (
        f'test "$({command} --file f.yaml token orders)" = "$({command} -f f.yaml token orders)" && echo same'
    )
    ended = subprocess.run(
        ["sh", "-c", script],
        cwd=shop.desk.folder,
        env=shop.desk.environment(),
        capture_output=True,
        check=False,
    )
    assert ended.stdout == b"same\n"
    assert shop.server.counters.token_requests == 1
