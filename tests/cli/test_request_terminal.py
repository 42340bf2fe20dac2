"""`authrecord request` on a terminal: laid out for a person, and nothing that an answer holds drives the terminal."""

from __future__ import annotations

from typing import Final

import pytest

from authrecord.core.secret import MASK
from authrecord.testing import HonestServer, HostileServer, Reply
from tests.canary_watch import Canary
from tests.cli.desk import Desk, Ended, Shop
from tests.cli.terminal import on_terminal, words

DRIVES: Final = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\x08\x0b\u202etxt"
"""Sets the title, clears the screen, colours, goes back, turns the direction of text."""


def shown(desk: Desk, canary: Canary, api: HostileServer, *more: str) -> Ended:
    """What a person sees."""
    return on_terminal(desk, canary, "request", "key", "GET", f"{api.url}/x", *more)


def test_json_is_laid_out_with_status_and_headers(api: HostileServer, desk: Desk, canary: Canary) -> None:
    api.api_answer = Reply(200, (("content-type", "application/json"),), b'{"b":1,"a":["\xc3\xa9"]}')
    ended = shown(desk, canary, api)
    lines = [line.rstrip() for line in words(ended.out).splitlines()]
    assert lines[0] == "HTTP/1.1 200"
    assert "content-type: application/json" in [line.lower() for line in lines]
    assert lines[-6:] == ["{", '  "b": 1,', '  "a": [', '    "é"', "  ]", "}"]
    assert "\x1b[" in ended.out


def test_json_that_is_none_is_shown_as_text(api: HostileServer, desk: Desk, canary: Canary) -> None:
    api.api_answer = Reply(200, (("content-type", "application/json"),), b"{not json")
    assert "{not json" in words(shown(desk, canary, api).out)


def test_bytes_are_not_written_to_a_terminal(api: HostileServer, desk: Desk, canary: Canary) -> None:
    api.api_answer = Reply(200, (("content-type", "application/octet-stream"),), b"\x1b\x00\xff" * 1000)
    ended = shown(desk, canary, api)
    assert "(3,000 bytes of application/octet-stream; -o FILE keeps them)" in words(ended.out)


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/json", "", "text/html"])
def test_P15_control_characters_of_an_answer_do_not_reach_the_terminal(
    api: HostileServer, desk: Desk, canary: Canary, kind: str
) -> None:
    headers = (("content-type", kind),) if kind else ()
    api.api_answer = Reply(200, headers, f'"{DRIVES}"'.encode())
    seen = words(shown(desk, canary, api).out)
    assert "txt" in seen
    assert not set(seen) & set("\x1b\x07\x08\x0b\x9b\u202e")


def test_P15_control_characters_in_json_strings_stay_escaped(
    api: HostileServer, desk: Desk, canary: Canary
) -> None:
    api.api_answer = Reply(
        200, (("content-type", "application/json"),), b'{"a": "\\u001b]0;x\\u0007\\u202e"}'
    )
    seen = words(shown(desk, canary, api).out)
    assert not set(seen) & set("\x1b\x07\u202e")


def test_P15_control_characters_of_headers_do_not_reach_the_terminal(
    api: HostileServer, desk: Desk, canary: Canary
) -> None:
    api.api_answer = Reply(200, (("content-type", "text/plain"), ("x-title", "a\x9b31m\x80b")), b"body")
    assert not set(words(shown(desk, canary, api).out)) & set("\x9b\x80\x1b")


def test_P15_a_provider_s_words_do_not_drive_the_terminal(desk: Desk, canary: Canary) -> None:
    with HostileServer(token_answer={"error": f"bad{DRIVES}", "error_description": DRIVES}) as hostile:
        desk.write(
            f"records:\n- name: n\n  allowed_origins: ['{hostile.url}']\n  auth:\n    type: oauth2\n"
            "    grant: client_credentials\n    credentials: {client_id: c, client_secret: '${env:S}'}\n"
            f"    token_exchange: {{url: '{hostile.token_url}'}}\n"
        )
        desk.set("S", canary("client_secret"))
        for command in (("token", "n"), ("check", "n"), ("request", "n", "GET", hostile.url + "/x")):
            seen = words(on_terminal(desk, canary, *command).out)
            assert not set(seen) & set("\x1b\x07\x08\x0b\x9b\u202e"), command


def test_an_output_file_keeps_the_bytes_also_at_a_terminal(
    api: HostileServer, desk: Desk, canary: Canary
) -> None:
    api.api_answer = Reply(200, (("content-type", "application/octet-stream"),), b"\x1b\x00\xff")
    shown(desk, canary, api, "-o", "kept.bin")
    assert (desk.folder / "kept.bin").read_bytes() == b"\x1b\x00\xff"


def test_a_terminal_without_colours_gets_none(api: HostileServer, desk: Desk, canary: Canary) -> None:
    desk.set("NO_COLOR", "1")
    api.api_answer = Reply(404, (("content-type", "text/plain"),), b"[bold]gone[/bold] :smile:")
    seen = shown(desk, canary, api).out
    assert "[bold]gone[/bold] :smile:" in seen
    assert "\x1b[31m" not in seen


def test_a_renewal_is_told_on_a_terminal(shop: Shop, canary: Canary) -> None:
    shop.desk.run("login", "orders")
    shop.server.expire_all()
    ended = on_terminal(shop.desk, canary, "request", "orders", "GET", shop.server.api_url)
    assert "the token was renewed and the request sent again" in words(ended.out)
    assert '"ok": true' in words(ended.out)


def test_what_an_api_echoes_of_the_credential_is_its_own_affair_in_a_pipe_only(
    shop: Shop, canary: Canary
) -> None:
    """P15: an API that echoes the request shows the token to whoever reads the answer; headers do not."""
    token = shop.server.issue_token()
    shop.desk.set("T", token)
    shop.document(
        f"  - {{name: b, allowed_origins: ['{shop.server.url}'], auth: {{type: bearer, token: '${{env:T}}'}}}}\n"
    )
    canary.allow(token, sink="stdout")
    out = shop.desk.run("request", "b", "GET", f"{shop.server.url}/echo").out
    assert f"Bearer {token}" in out


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_P15_a_credential_that_the_api_repeats_is_masked_on_a_terminal(
    desk: Desk, server: HonestServer, canary: Canary, more: tuple[str, ...]
) -> None:
    """`/echo` sends the request's headers back."""
    key = canary("key")
    desk.write(
        f"records: [{{name: one, allowed_origins: ['{server.url}'], auth: {{type: bearer, token: '${{env:T}}'}}}}]\n"
    )
    desk.set("T", key)
    seen = words(on_terminal(desk, canary, "request", "one", "GET", f"{server.url}/echo", *more).out)
    assert key not in seen
    assert MASK in seen
    canary.allow(key, sink="terminal")
    assert key in words(
        on_terminal(desk, canary, "request", "one", "GET", f"{server.url}/echo", "--reveal").out
    )
