"""What `--json` answers, command by command: parsed, and its members named."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.cli.desk import Desk, Shop


def test_add_answers_name_file_and_warnings(desk: Desk) -> None:
    desk.set("AUTHRECORD_FILE", str(desk.folder / "authrecord.yaml"))
    ended = desk.run(
        "add", "key", "--type", "api_key", "--set", "key=X-API-Key", "--secret-ref", "value=${env:K}",
        "--origin", "https://api.example.com", "--json",
    )  # fmt: skip
    assert ended.code == 0
    assert set(ended.data) == {"name", "file", "warnings"}
    assert ended.data["file"] == str(desk.folder / "authrecord.yaml")


def test_edit_answers_as_add_does(shop: Shop) -> None:
    ended = shop.desk.run("edit", "orders", "--set", "token_exchange.scope=orders.read", "--json")
    assert set(ended.data) == {"name", "file", "warnings"}
    assert ended.data["name"] == "orders"


def test_show_answers_a_document_that_fits_the_schema(shop: Shop) -> None:
    shown = shop.desk.run("show", "orders", "--json").data
    schema = shop.desk.run("schema", "--json").data
    Draft202012Validator(schema).validate(shown)
    assert shown["records"][0]["name"] == "orders"


def test_list_answers_every_record_with_its_state(shop: Shop) -> None:
    found = shop.desk.run("list", "--json").data
    assert set(found) == {"file", "records", "after"}
    assert set(found["records"][0]) == {
        "name", "description", "tags", "type", "grant", "allowed_origins", "state", "expires_at", "used_at",
    }  # fmt: skip
    assert found["records"][0]["state"] == "not_yet"


def test_remove_answers_what_it_removed(shop: Shop) -> None:
    found = shop.desk.run("remove", "orders", "--yes", "--json").data
    assert found == {"name": "orders", "removed": True, "revoked": False}


def test_check_answers_steps_advice_and_exit_code(shop: Shop) -> None:
    found = shop.desk.run("check", "orders", shop.server.api_url, "--json").data
    assert set(found) == {"name", "steps", "advice", "exit_code"}
    assert [one["step"] for one in found["steps"]] == ["record", "secrets", "store", "token", "api"]
    assert all(
        {"step", "verdict", "summary", "details", "seconds"} <= set(one) <= {
            "step", "verdict", "summary", "details", "seconds", "advice", "code",
        }
        for one in found["steps"]
    )  # fmt: skip


def test_login_and_logout_answer_what_happened(shop: Shop) -> None:
    found = shop.desk.run("login", "orders", "--json").data
    assert set(found) == {"name", "scope", "expires_at", "remarks"}
    assert shop.desk.run("logout", "orders", "--json").data == {"name": "orders", "forgotten": True}


def test_token_answers_the_token_and_its_end(shop: Shop, canary: Canary) -> None:
    found = shop.desk.run("token", "orders", "--json").data
    assert set(found) == {"name", "token", "token_type", "expires_at", "scope"}
    canary.allow(found["token"], sink="stdout")
    assert found["expires_at"] > shop.server.now() + 3000


def test_headers_answer_url_and_headers(shop: Shop, canary: Canary) -> None:
    found = shop.desk.run("headers", "orders", shop.server.api_url, "--json").data
    assert set(found) == {"name", "url", "headers"}
    scheme, _, token = found["headers"]["Authorization"].partition(" ")
    assert scheme == "Bearer"
    canary.allow(token, sink="stdout")


def test_request_answers_status_headers_body_and_outcome(shop: Shop) -> None:
    found = shop.desk.run("request", "orders", "GET", shop.server.api_url, "--json").data
    assert set(found) == {"status", "url", "headers", "body", "outcome", "replays"}
    assert found["status"] == 200
    assert json.loads(found["body"]) == {"ok": True}
    assert found["outcome"] == "authenticated"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("token", "nobody"), "record"),
        (("headers", "orders", "https://elsewhere.example"), "origin_refused"),
    ],
)
def test_an_error_is_json_as_well(shop: Shop, arguments: tuple[str, ...], code: str) -> None:
    ended = shop.desk.run(*arguments, "--json")
    assert ended.code == 3
    assert ended.data["error"]["code"] == code
    assert {"code", "exit_code", "message", "hint"} <= set(ended.data["error"])


def test_a_bad_document_lists_each_fault_with_its_line(desk: Desk) -> None:
    desk.write(
        "records:\n  - name: a\n    auth: {type: nonsense}\n  - name: a\n    auth: {type: bearer}\n    x: 1\n"
    )
    error = desk.run("list", "--json").data["error"]
    assert len(error["faults"]) >= 3
    assert all(set(one) == {"path", "line", "message", "hint"} and one["line"] for one in error["faults"])


def test_a_provider_s_refusal_carries_its_word(shop: Shop, server: HonestServer) -> None:
    shop.document(shop.record())
    server.register_user("ada")
    shop.desk.write(
        f"records:\n  - name: ada\n    allowed_origins: ['{server.url}']\n    auth:\n      type: oauth2\n"
        f"      grant: password\n      credentials: {{client_id: scanner, client_secret: '${{env:ORDERS_SECRET}}',"
        f" username: ada, password: '${{env:WRONG}}'}}\n      token_exchange: {{url: '{server.token_url}'}}\n"
    )
    shop.desk.set("WRONG", shop.canary("wrong_password"))
    ended = shop.desk.run("token", "ada", "--json")
    assert ended.code == ended.data["error"]["exit_code"]
    assert "invalid_grant" in ended.out
