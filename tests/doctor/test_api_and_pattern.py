"""The doctor at the API's URL, and on the record's expired message pattern."""

from __future__ import annotations

import pytest

from authrecord.testing import HostileServer, Reply
from tests.cli.desk import Desk, Shop
from tests.doctor.consultation import checked

PATTERN = ", expired_pattern: 'token (has )?expired'"


def test_a_foreign_url_is_refused_and_nothing_is_sent(shop: Shop) -> None:
    with HostileServer() as foreign:
        found = checked(shop.desk, "orders", foreign.url + "/x")
        assert len(foreign.requests) == 0
        assert found.advice == f"Change this: Add {foreign.url} to allowed_origins, if that is the API."
    assert (found.code, found.verdict("api")) == (3, "failed")


def test_a_url_that_needs_no_credential_proves_nothing(shop: Shop) -> None:
    found = checked(shop.desk, "orders", shop.server.url + "/echo")
    assert (found.code, found.verdict("api")) == (0, "note")
    assert "answers without any credential too" in found.advice


def test_a_scope_that_is_too_small_is_told(shop: Shop) -> None:
    found = checked(shop.desk, "orders", shop.server.url + "/api/forbidden")
    assert (found.code, found.verdict("api")) == (1, "failed")
    assert "Ask for the scope that the API needs" in found.advice


def test_an_api_that_refuses_every_token_is_told(shop: Shop) -> None:
    found = checked(shop.desk, "orders", shop.server.url + "/api/always-401")
    assert (found.code, found.verdict("api")) == (1, "failed")
    assert "Check scope, audience or resource" in found.advice


def test_a_prefix_that_the_api_does_not_take_is_told(shop: Shop) -> None:
    shop.server.api.prefix = "Token"
    found = checked(shop.desk, "orders", shop.server.api_url)
    assert (found.code, found.verdict("api")) == (1, "failed")


def test_an_api_that_wants_another_scheme_is_named(desk: Desk) -> None:
    answer = Reply(401, (("www-authenticate", 'Basic realm="x"'), ("content-type", "text/plain")), b"no")
    with HostileServer(api_answer=answer) as api:
        desk.write(
            f"records: [{{name: b, allowed_origins: ['{api.url}'], auth: {{type: bearer, token: '${{env:T}}'}}}}]\n"
        )
        desk.set("T", "of-no-worth")
        found = checked(desk, "b", api.url + "/x")
    assert found.code == 1
    assert "The API asks for Basic" in found.advice


@pytest.mark.parametrize(("status", "said"), [(500, "unwell"), (404, "not a matter of authentication")])
def test_what_is_no_matter_of_authentication_is_said_to_be_none(desk: Desk, status: int, said: str) -> None:
    with HostileServer(api_answer=Reply(status, (("content-type", "text/plain"),), b"x")) as api:
        desk.write(
            f"records: [{{name: b, allowed_origins: ['{api.url}'], auth: {{type: bearer, token: '${{env:T}}'}}}}]\n"
        )
        desk.set("T", "of-no-worth")
        found = checked(desk, "b", api.url + "/x")
    assert said in found.steps["api"]["summary"]


def test_an_api_that_is_away_is_told(shop: Shop) -> None:
    shop.document(shop.record().replace(f'["{shop.server.url}"]', '["http://127.0.0.1:9"]'))
    found = checked(shop.desk, "orders", "http://127.0.0.1:9/x")
    assert found.verdict("api") == "failed"
    assert "Check the URL" in found.advice


@pytest.mark.parametrize("how", ["200_body", "403_json", "400"])
def test_an_expired_answer_that_would_not_be_noticed_is_told(shop: Shop, how: str) -> None:
    shop.server.expired_answer = how
    found = checked(shop.desk, "orders", shop.server.api_url)
    assert found.code == 0
    assert found.verdict("api") == "note"
    if how != "200_body":
        assert "expired_pattern" in found.advice


def test_with_the_pattern_the_same_api_is_fine(shop: Shop) -> None:
    shop.document(shop.record(exchange=PATTERN))
    shop.server.expired_answer = "200_body"
    found = checked(shop.desk, "orders", shop.server.api_url)
    assert (found.code, found.verdict("api"), found.verdict("pattern")) == (0, "ok", "ok")


def test_a_pattern_that_matches_good_answers_is_told(shop: Shop) -> None:
    shop.document(shop.record(exchange=", expired_pattern: 'ok'"))
    found = checked(shop.desk, "orders", shop.server.api_url)
    assert found.verdict("api") == "failed"
    assert "expired_pattern narrower" in found.advice


@pytest.mark.parametrize(
    ("sample", "verdict", "advice"),
    [
        ("the token has expired", "ok", "Nothing to change"),
        ("the token has EXPIRED", "note", "(?i)"),
        ("the session is over", "failed", "Copy a part of the sample's message"),
        ("x" * 70_000 + "token expired", "failed", "within the first 64 KiB"),
        ("", "failed", "Copy a part"),
    ],
)
@pytest.mark.parametrize("way", ["file", "-"])
def test_the_pattern_is_tried_on_a_sample(
    shop: Shop, sample: str, verdict: str, advice: str, way: str
) -> None:
    shop.document(shop.record(exchange=PATTERN))
    shop.desk.write(sample, "answer.txt")
    name, typed = ("answer.txt", "") if way == "file" else ("-", sample)
    found = checked(shop.desk, "orders", "--pattern-on", name, typed=typed)
    assert found.verdict("pattern") == verdict
    assert advice in found.advice
    assert found.code == (1 if verdict == "failed" else 0)


def test_a_sample_without_a_pattern_is_told(shop: Shop) -> None:
    found = checked(shop.desk, "orders", "--pattern-on", "-", typed="the token has expired")
    assert found.code == 1
    assert "expired_pattern" in found.advice


def test_a_sample_that_is_not_there_is_a_matter_of_usage(shop: Shop) -> None:
    ended = shop.desk.run("check", "orders", "--pattern-on", "gone.txt")
    assert ended.code == 2
    assert "gone.txt" in ended.err


def test_the_pattern_is_tried_even_where_an_earlier_step_failed(shop: Shop) -> None:
    shop.document(shop.record(exchange=PATTERN))
    shop.desk.unset("ORDERS_SECRET")
    found = checked(shop.desk, "orders", "--pattern-on", "-", typed="the token has expired")
    assert (found.verdict("secrets"), found.verdict("pattern")) == ("failed", "ok")
