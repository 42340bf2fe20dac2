"""`authrecord show` and `list`: what a person sees of records, and never of their secrets."""

from __future__ import annotations

import pytest

from tests.canary_watch import Canary
from tests.cli.desk import Desk, Shop
from tests.cli.terminal import on_terminal, words


def test_show_says_which_secrets_it_left_out(desk: Desk, canary: Canary) -> None:
    secret = canary("token")
    canary.allow(secret, sink="file:authrecord.yaml")
    desk.write(f"records: [{{name: a, auth: {{type: bearer, token: {secret}}}}}]\n")
    for form in ("yaml", "json", "toml"):
        ended = desk.run("show", "a", "--format", form)
        assert ended.code == 0
        assert "Left out: auth.token. --reveal shows them." in ended.err
    assert words(on_terminal(desk, canary, "show", "a").out).count("••••") <= 1


def test_show_reveals_when_it_is_told_to(desk: Desk, canary: Canary) -> None:
    secret = canary("token")
    for sink in ("file:authrecord.yaml", "stdout", "terminal"):
        canary.allow(secret, sink=sink)
    desk.write(f"records: [{{name: a, auth: {{type: bearer, token: {secret}}}}}]\n")
    assert secret in desk.run("show", "a", "--reveal").out
    assert secret in on_terminal(desk, canary, "show", "a", "--reveal").out


def test_show_is_a_document_that_can_be_read_again(shop: Shop) -> None:
    for form in ("yaml", "json", "toml"):
        shown = shop.desk.run("show", "orders", "--format", form).out
        path = shop.desk.write(shown, f"again.{form}")
        assert shop.desk.run("--file", str(path), "show", "orders", "--format", form).out == shown


def test_list_shows_kind_origin_and_state_of_each(shop: Shop, canary: Canary) -> None:
    shop.document(shop.record(), shop.code_record())
    shop.desk.run("login", "orders")
    shown = words(on_terminal(shop.desk, canary, "list").out)
    rows = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert "Client Credentials" in rows["orders"]
    assert shop.server.url in rows["orders"]
    assert "live" in rows["orders"]
    assert "Authorization Code" in rows["person"]
    assert "needs login" in rows["person"]


def test_list_names_expired_tokens_that_renew(shop: Shop) -> None:
    shop.server.token_life = 0.1
    shop.desk.run("login", "orders")
    token = next(iter(shop.server._state.access.values()))
    while token.until > shop.server.now():
        continue
    assert "expired, renews" in shop.desk.run("list").out
    assert shop.desk.run("list", "--json").data["records"][0]["state"] == "renewable"
    assert shop.server.counters.token_requests == 1


def test_list_takes_only_records_with_a_tag(desk: Desk) -> None:
    desk.write(
        "records:\n  - {name: a, tags: [red], auth: {type: bearer, token: '${env:T}'}}\n"
        "  - {name: b, tags: [blue], auth: {type: bearer, token: '${env:T}'}}\n"
    )
    assert [one["name"] for one in desk.run("list", "--tag", "blue", "--json").data["records"]] == ["b"]
    assert "holds no such records" in desk.run("list", "--tag", "green").out


@pytest.mark.parametrize("columns", ["20", "60"])
def test_a_pipe_cuts_no_line_however_narrow_the_terminal_was(desk: Desk, columns: str) -> None:
    desk.set("COLUMNS", columns)
    name = "a-name-that-is-rather-long-for-a-narrow-terminal"
    desk.write(f"records: [{{name: {name}, auth: {{type: bearer, token: '${{env:T}}'}}}}]\n")
    assert name in desk.spawn("list").out


def test_the_schema_that_is_printed_is_the_one_that_is_kept(desk: Desk) -> None:
    found = desk.run("schema").data
    assert found["$schema"].startswith("https://json-schema.org/")
    assert "records" in str(found)
