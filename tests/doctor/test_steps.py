"""The doctor, step by step: record, secrets, store, discovery, token. Each fault by a real cause."""

from __future__ import annotations

import pytest

from authrecord.testing import HonestServer, HostileServer, Reply
from tests.canary_watch import Canary
from tests.cli.desk import Desk, Shop
from tests.cli.terminal import on_terminal, words
from tests.doctor.consultation import checked

FROM_FILE = "{type: bearer, token: '${file:token.txt}'}"


def test_all_is_well_and_nothing_is_to_change(shop: Shop) -> None:
    found = checked(shop.desk, "orders", shop.server.api_url)
    assert found.code == 0
    assert found.advice == "Nothing to change: orders works as far as it was tried."
    assert {name: found.verdict(name) for name in found.steps} == dict.fromkeys(
        ("record", "secrets", "store", "token", "api"), "ok"
    )


def test_without_a_url_the_api_is_left_out_and_said_so(shop: Shop) -> None:
    found = checked(shop.desk, "orders")
    assert found.verdict("api") == "skipped"
    assert found.code == 0


def test_the_steps_tell_what_was_sent_and_answered(shop: Shop) -> None:
    details = checked(shop.desk, "orders").details("token")
    assert (
        f"POST {shop.server.token_url} (grant_type=client_credentials; client in the Authorization header)"
        in details
    )
    assert "→ 200 application/json, holds access_token, token_type=Bearer, expires_in=3600" in details


def test_a_variable_that_is_not_set_is_named(shop: Shop) -> None:
    shop.desk.unset("ORDERS_SECRET")
    found = checked(shop.desk, "orders", shop.server.api_url)
    assert (found.code, found.verdict("secrets")) == (3, "failed")
    assert "ORDERS_SECRET" in found.text
    assert "token" not in found.steps
    assert shop.server.counters.token_requests == 0


@pytest.mark.parametrize("tail", ["\n\n", " ", "\u200b"])
def test_a_secret_with_something_odd_at_its_end_is_pointed_out(shop: Shop, canary: Canary, tail: str) -> None:
    secret = canary("token")
    canary.allow(secret, sink="file:token.txt")
    shop.desk.write(secret + tail, "token.txt")
    shop.document(f"  - {{name: b, allowed_origins: ['{shop.server.url}'], auth: {FROM_FILE}}}\n")
    found = checked(shop.desk, "b")
    assert found.verdict("secrets") in {"note", "failed"}
    assert "auth.token" in found.advice


def test_a_key_in_pem_is_not_odd_for_its_lines(desk: Desk, canary: Canary) -> None:
    secret = canary("key_body")
    canary.allow(secret, sink="file:key.pem")
    desk.write(f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n\n", "key.pem")
    desk.write("records: [{name: b, auth: {type: bearer, token: '${file:key.pem}'}}]\n")
    assert checked(desk, "b").verdict("secrets") == "ok"


def test_one_line_end_behind_a_secret_in_a_file_does_not_count(shop: Shop, canary: Canary) -> None:
    token = shop.server.issue_token()
    canary.allow(token, sink="file:token.txt")
    shop.desk.write(token + "\n", "token.txt")
    shop.document(f"  - {{name: b, allowed_origins: ['{shop.server.url}'], auth: {FROM_FILE}}}\n")
    assert checked(shop.desk, "b", shop.server.api_url).code == 0


def test_another_key_than_the_cache_was_sealed_with_is_exit_code_seven(shop: Shop) -> None:
    shop.desk.run("login", "orders")
    shop.desk.key.write_text("A" * 43 + "=\n", encoding="ascii")
    found = checked(shop.desk, "orders")
    assert (found.code, found.verdict("store")) == (7, "failed")


def test_a_cache_that_others_may_read_is_exit_code_seven(shop: Shop) -> None:
    shop.desk.run("login", "orders")
    shop.desk.cache.chmod(0o666)
    found = checked(shop.desk, "orders")
    assert (found.code, found.verdict("store")) == (7, "failed")
    assert "store.sqlite" in found.text


def test_a_key_source_that_is_a_key_is_not_shown(shop: Shop, canary: Canary) -> None:
    shop.desk.set("AUTHRECORD_KEY", canary("sealing_key"))
    found = checked(shop.desk, "orders")
    assert (found.code, found.verdict("store")) == (7, "failed")
    assert "AUTHRECORD_KEY" in found.advice


def test_a_document_with_several_faults_names_each_with_its_line(desk: Desk) -> None:
    desk.write(
        "records:\n  - name: a\n    auth: {type: nonsense}\n  - name: b\n"
        "    auth:\n      type: bearer\n      tokn: x\n    allowed_origins: ['ftp://x']\n"
    )
    found = checked(desk, "a")
    assert (found.code, found.verdict("record")) == (3, "failed")
    details = found.steps["record"]["details"]
    assert len(details) >= 3
    assert all(one.startswith("line ") for one in details)
    assert found.advice == f"Change this: {details[0]}"


def test_a_name_that_no_record_has_is_the_first_step(shop: Shop) -> None:
    found = checked(shop.desk, "oders")
    assert found.code == 3
    assert "'orders'" in found.advice


def test_discovery_that_fits_is_ok(shop: Shop) -> None:
    shop.document(
        shop.record().replace("grant: client", f"issuer: '{shop.server.issuer}'\n      grant: client")
    )
    found = checked(shop.desk, "orders")
    assert (found.code, found.verdict("discovery")) == (0, "ok")


def test_an_issuer_that_calls_itself_otherwise_is_told(desk: Desk, shop: Shop) -> None:
    with HostileServer(
        metadata={"issuer": "https://other.example", "token_endpoint": shop.server.token_url}
    ) as other:
        shop.document(shop.record().replace("grant: client", f"issuer: '{other.url}'\n      grant: client"))
        found = checked(desk, "orders")
    assert found.verdict("discovery") == "failed"
    assert found.code in {3, 5}
    assert "issuer" in found.text
    assert shop.server.counters.token_requests == 0


def test_a_token_url_that_is_not_the_issuer_s_is_worth_a_note(shop: Shop, canary: Canary) -> None:
    with HonestServer(make_secret=canary.make) as other:
        other.register_client(client_id="scanner", secret=shop.client.secret)
        text = shop.record().replace("grant: client", f"issuer: '{shop.server.issuer}'\n      grant: client")
        shop.document(text.replace(shop.server.token_url, other.token_url))
        found = checked(shop.desk, "orders")
    assert found.verdict("discovery") == "note"
    assert "auth.token_exchange.url" in found.text


def test_a_scope_that_the_provider_does_not_grant_is_named(desk: Desk, canary: Canary) -> None:
    answer = {"error": "invalid_scope", "error_description": "orders.red is not known"}
    with HostileServer(token_answer=answer) as server:
        desk.set("S", canary("client_secret"))
        desk.write(
            f"records:\n- name: n\n  allowed_origins: ['{server.url}']\n  auth:\n    type: oauth2\n"
            "    grant: client_credentials\n    credentials: {client_id: c, client_secret: '${env:S}'}\n"
            f"    token_exchange: {{url: '{server.token_url}', scope: orders.red}}\n"
        )
        found = checked(desk, "n")
    assert found.verdict("token") == "failed"
    assert "Check the scope" in found.advice
    assert "orders.red is not known" in found.text


def test_a_wrong_password_is_named(shop: Shop, canary: Canary) -> None:
    shop.server.register_user("ada")
    shop.desk.set("ADA", canary("wrong_password"))
    shop.document(
        f"  - name: ada\n    allowed_origins: ['{shop.server.url}']\n    auth:\n      type: oauth2\n"
        "      grant: password\n      credentials: {client_id: scanner, client_secret: '${env:ORDERS_SECRET}',"
        f" username: ada, password: '${{env:ADA}}'}}\n      token_exchange: {{url: '{shop.server.token_url}'}}\n"
    )
    found = checked(shop.desk, "ada")
    assert found.verdict("token") == "failed"
    assert found.advice == "Change this: Check username and password."


def test_a_provider_that_is_away_is_exit_code_six(shop: Shop) -> None:
    shop.server.stop()
    found = checked(shop.desk, "orders")
    assert (found.code, found.verdict("token")) == (6, "failed")


def test_a_secret_that_the_provider_repeats_is_masked(desk: Desk, canary: Canary) -> None:
    secret = canary("client_secret")
    echo = {"error": "invalid_client", "error_description": f"bad secret {secret}"}
    with HostileServer(token_answer=echo) as server:
        desk.set("S", secret)
        desk.write(
            f"records:\n- name: n\n  allowed_origins: ['{server.url}']\n  auth:\n    type: oauth2\n"
            "    grant: client_credentials\n    credentials: {client_id: c, client_secret: '${env:S}'}\n"
            f"    token_exchange: {{url: '{server.token_url}'}}\n"
        )
        found = checked(desk, "n")
    assert "bad secret ••••" in found.text
    assert found.verdict("token") == "failed"


def test_a_clock_that_is_wrong_gets_a_word(shop: Shop, desk: Desk) -> None:
    """The provider's `Date` is years away; the honest server sends none, so the hostile one plays it."""
    body = b'{"access_token": "of-no-worth", "token_type": "Bearer", "expires_in": 60}'
    dated = (("content-type", "application/json"), ("date", "Tue, 01 Jan 2030 00:00:00 GMT"))
    with HostileServer(token_answer=Reply(200, dated, body)) as other:
        shop.document(shop.record().replace(shop.server.token_url, other.token_url))
        found = checked(desk, "orders")
    assert "this machine's clock is" in found.details("token")


def test_on_a_terminal_each_step_has_its_sign(shop: Shop, canary: Canary) -> None:
    shown = words(on_terminal(shop.desk, canary, "check", "orders", shop.server.api_url).out).splitlines()
    assert [line.split()[:2] for line in shown if line[:1] in "✓!✗–" and line] == [
        ["✓", "Record"], ["✓", "Secrets"], ["✓", "Store"], ["✓", "Token"], ["✓", "API"],
    ]  # fmt: skip
