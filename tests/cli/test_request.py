"""`authrecord request`: what it sends, what it shows, byte for byte, and when it renews."""

from __future__ import annotations

import gzip
import json
from typing import Final

import pytest

from authrecord.testing import HostileServer, Received, Reply
from tests.cli.desk import Desk, Shop

BINARY: Final = bytes(range(256)) * 300 + b"\r\n\x00\xff\xfe\x1b[31m"


def answers(api: HostileServer, body: bytes, kind: str, *more: tuple[str, str], status: int = 200) -> None:
    """Let the API answer so."""
    api.api_answer = Reply(status, (("content-type", kind), *more), body)


def latest(api: HostileServer) -> Received:
    """The latest request it got."""
    return api.requests[-1]


def test_a_binary_body_comes_byte_for_byte(api: HostileServer, desk: Desk) -> None:
    answers(api, BINARY, "application/octet-stream")
    ended = desk.spawn("request", "key", "GET", f"{api.url}/x")
    assert (ended.code, ended.err) == (0, "")
    assert ended.raw == BINARY


def test_a_compressed_body_comes_as_what_it_holds(api: HostileServer, desk: Desk) -> None:
    answers(api, gzip.compress(BINARY), "application/octet-stream", ("content-encoding", "gzip"))
    assert desk.spawn("request", "key", "GET", f"{api.url}/x").raw == BINARY


def test_json_in_a_pipe_is_not_laid_out(api: HostileServer, desk: Desk) -> None:
    body = b'{"b":  1,\n"a" : [1,2]}'
    answers(api, body, "application/json")
    assert desk.spawn("request", "key", "GET", f"{api.url}/x").raw == body


def test_a_file_takes_the_body_and_nothing_is_printed(api: HostileServer, desk: Desk) -> None:
    answers(api, gzip.compress(BINARY), "application/octet-stream", ("content-encoding", "gzip"))
    ended = desk.run("request", "key", "GET", f"{api.url}/x", "-o", "body.bin")
    assert (ended.code, ended.out) == (0, "")
    assert (desk.folder / "body.bin").read_bytes() == BINARY


def test_include_shows_status_and_headers_before_the_body(api: HostileServer, desk: Desk) -> None:
    answers(api, b"body", "text/plain", ("x-more", "yes"))
    head, _, body = desk.run("request", "key", "GET", f"{api.url}/x", "-i").out.partition("\n\n")
    assert head.splitlines()[0] == "HTTP/1.1 200"
    assert "x-more: yes" in head.lower()
    assert body == "body"


def test_data_is_sent_as_a_form(api: HostileServer, desk: Desk) -> None:
    desk.run("request", "key", "post", f"{api.url}/x", "-d", "a=1&b=2")
    assert latest(api).method == "POST"
    assert latest(api).body == b"a=1&b=2"
    assert latest(api).header("content-type") == "application/x-www-form-urlencoded"


def test_data_comes_from_a_file_byte_for_byte(api: HostileServer, desk: Desk) -> None:
    (desk.folder / "data.bin").write_bytes(BINARY)
    desk.run("request", "key", "PUT", f"{api.url}/x", "-d", "@data.bin")
    assert latest(api).body == BINARY


def test_data_comes_from_standard_input_byte_for_byte(api: HostileServer, desk: Desk) -> None:
    desk.run("request", "key", "PUT", f"{api.url}/x", "-d", "-", typed=BINARY)
    assert latest(api).body == BINARY


def test_a_json_body_has_its_content_type(api: HostileServer, desk: Desk) -> None:
    desk.run("request", "key", "POST", f"{api.url}/x", "--json-body", '{"n": 1}')
    assert json.loads(latest(api).body) == {"n": 1}
    assert latest(api).header("content-type") == "application/json"


def test_a_json_body_that_is_none_is_refused(api: HostileServer, desk: Desk) -> None:
    assert desk.run("request", "key", "POST", f"{api.url}/x", "--json-body", "{n: 1}").code == 2
    assert desk.run("request", "key", "POST", f"{api.url}/x", "--json-body", "1", "-d", "a").code == 2
    assert len(api.requests) == 0


def test_headers_are_sent_and_may_be_repeated(api: HostileServer, desk: Desk) -> None:
    desk.run(
        "request", "key", "GET", f"{api.url}/x", "-H", "X-One: 1", "-H", "X-Many: a:b", "-H", "X-Many:  c"
    )
    assert latest(api).header("x-one") == "1"
    assert latest(api).all_headers("x-many") == ["a:b", "c"]
    assert latest(api).header("authorization") == "Bearer of-no-worth"


@pytest.mark.parametrize("header", ["no colon", ": no name", "X-Bad: a\r\nX-Injected: b", "X Bad: a"])
def test_a_header_that_is_none_is_refused(api: HostileServer, desk: Desk, header: str) -> None:
    ended = desk.run("request", "key", "GET", f"{api.url}/x", "-H", header)
    assert ended.code == 2
    assert not any(one.header("x-injected") for one in api.requests)


def test_a_header_that_replaces_the_credential_s_place_does_not_win(api: HostileServer, desk: Desk) -> None:
    desk.run("request", "key", "GET", f"{api.url}/x", "-H", "Authorization: Basic eDp5")
    assert latest(api).all_headers("authorization") == ["Bearer of-no-worth"]


@pytest.mark.parametrize("how", ["401", "401_bare"])
def test_an_expired_token_is_renewed_and_the_request_sent_again(shop: Shop, how: str) -> None:
    shop.server.expired_answer = how
    assert shop.desk.run("request", "orders", "GET", shop.server.api_url).out == '{"ok": true}'
    shop.server.expire_all()
    ended = shop.desk.run("request", "orders", "GET", shop.server.api_url)
    assert (ended.code, ended.out) == (0, '{"ok": true}')
    assert "the token was renewed and the request sent again" in ended.err
    assert shop.server.counters.token_requests == 2


@pytest.mark.parametrize("how", ["200_body", "403_json", "400"])
def test_a_message_in_an_answer_of_any_status_renews_too(shop: Shop, how: str) -> None:
    shop.document(shop.record(exchange=", expired_pattern: 'token (has )?expired'"))
    shop.server.expired_answer = how
    shop.desk.run("login", "orders")
    shop.server.expire_all()
    ended = shop.desk.run("request", "orders", "GET", shop.server.api_url, "--json")
    assert ended.data["outcome"] == "renewed_and_replayed"
    assert ended.data["replays"] == 1
    assert json.loads(ended.data["body"]) == {"ok": True}


def test_a_token_lasts_for_the_next_command(shop: Shop) -> None:
    for _ in range(3):
        assert shop.desk.run("request", "orders", "GET", shop.server.api_url, "--fail").code == 0
    assert shop.server.counters.token_requests == 1


def test_no_token_no_request(shop: Shop) -> None:
    """Fail closed: the API hears nothing when no token can be had."""
    shop.desk.unset("ORDERS_SECRET")
    assert shop.desk.run("request", "orders", "GET", shop.server.api_url).code == 3
    assert shop.server.counters.api_requests == 0


def test_a_record_s_answer_that_is_refused_says_why(api: HostileServer, desk: Desk) -> None:
    answers(api, b"no", "text/plain", status=401)
    ended = desk.run("request", "key", "GET", f"{api.url}/x")
    assert (ended.code, ended.out) == (0, "no")
    assert "nothing to renew" in ended.err


def test_head_has_no_body_and_no_fault(api: HostileServer, desk: Desk) -> None:
    answers(api, b"", "text/plain")
    ended = desk.run("request", "key", "HEAD", f"{api.url}/x", "-i")
    assert ended.code == 0
    assert latest(api).method == "HEAD"


def test_a_query_in_the_url_arrives_as_it_was_written(api: HostileServer, desk: Desk) -> None:
    desk.run("request", "key", "GET", f"{api.url}/x?a=1&b=%2F&a=2")
    assert latest(api).raw_query == "a=1&b=%2F&a=2"
