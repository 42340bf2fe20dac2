"""The REST API: records in and out, tokens and headers, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from authrecord.core.errors import StoreFault
from authrecord.testing.devserver import DevServer, start
from tests.canary_watch import Canary
from tests.web.stage import Stage, bearer

EVERYTHING = ("records:read", "records:write", "secrets:set", "tokens:use", "audit:read", "admin")


def machine(server: DevServer, name: str = "machine") -> dict[str, Any]:
    """A record that gets its token alone, from the built-in provider."""
    credentials = {"client_id": server.client.client_id, "client_secret": server.client.secret}
    auth = {
        "type": "oauth2",
        "grant": "client_credentials",
        "credentials": credentials,
        "token_exchange": {"url": server.server.token_url},
    }
    return {"name": name, "allowed_origins": [server.server.url], "auth": auth}


@pytest.fixture
def devserver(canary: Canary) -> Any:
    server = start(make_secret=canary.make)
    yield server
    server.server.stop()


def test_a_record_is_created_read_changed_and_deleted(web: Stage, canary: Canary) -> None:
    program = web.program(*EVERYTHING)
    created = program.post("/records", json=bearer(canary))
    assert created.status_code == 201
    assert created.headers["location"] == "/api/v1/records/orders"
    read = program.get("/records/orders")
    assert read.headers["etag"] == created.headers["etag"]
    document = read.json()["record"] | {"description": "Changed"}
    changed = program.put("/records/orders", json=document, headers={"if-match": read.headers["etag"]})
    assert changed.status_code == 200
    assert changed.json()["secrets_set"] == ["auth.token"], "a secret that is left out stays"
    assert program.delete("/records/orders").status_code == 204
    assert program.get("/records/orders").status_code == 404


def test_N17_a_change_of_an_old_revision_is_refused(web: Stage, canary: Canary) -> None:
    program = web.program(*EVERYTHING)
    record = bearer(canary)
    tag = program.post("/records", json=record).headers["etag"]
    assert program.put("/records/orders", json=record, headers={"if-match": tag}).status_code == 200
    assert program.put("/records/orders", json=record, headers={"if-match": tag}).status_code == 412
    assert program.put("/records/orders", json=record).status_code == 428
    assert program.delete("/records/orders", headers={"if-match": tag}).status_code == 412


def test_N2_the_address_says_which_record_and_not_the_body(web: Stage, canary: Canary) -> None:
    program = web.program(*EVERYTHING)
    tag = program.post("/records", json=bearer(canary)).headers["etag"]
    answer = program.put("/records/orders", json=bearer(canary, "payments"), headers={"if-match": tag})
    assert answer.status_code == 422
    assert answer.json()["code"] == "name_conflict"


@pytest.mark.parametrize("change", [{"allowed_origins": ["http://127.0.0.1:10"]}, {"prefix": "Token"}])
def test_N4_where_a_secret_goes_is_changed_by_who_may_set_it(
    web: Stage, canary: Canary, change: dict[str, Any]
) -> None:
    web.put(bearer(canary))
    program = web.program("records:read", "records:write")
    read = program.get("/records/orders")
    record = read.json()["record"]
    record = record | change if "allowed_origins" in change else {**record, "auth": record["auth"] | change}
    answer = program.put("/records/orders", json=record, headers={"if-match": read.headers["etag"]})
    assert answer.status_code == 403
    assert answer.json()["scope"] == "secrets:set"


def test_N4_a_new_destination_wants_the_secret_again(web: Stage, canary: Canary) -> None:
    web.put(bearer(canary))
    program = web.program(*EVERYTHING)
    read = program.get("/records/orders")
    record = read.json()["record"] | {"allowed_origins": ["http://127.0.0.1:10"]}
    headers = {"if-match": read.headers["etag"]}
    answer = program.put("/records/orders", json=record, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "auth.token"
    record["auth"]["token"] = canary("new token")
    assert program.put("/records/orders", json=record, headers=headers).status_code == 200


def test_N4_a_record_with_a_secret_wants_the_right_to_set_it(web: Stage, canary: Canary) -> None:
    answer = web.program("records:write").post("/records", json=bearer(canary))
    assert answer.status_code == 403
    assert not web.store().holds("orders")


@pytest.mark.parametrize(
    "key", ["tenant", "tenant_id", "id", "identity", "generation", "revision", "created_by", "__proto__"]
)
def test_N5_what_is_not_the_callers_to_say_is_refused(web: Stage, canary: Canary, key: str) -> None:
    program = web.program(*EVERYTHING)
    assert program.post("/records", json=bearer(canary) | {key: "x"}).status_code == 422
    assert (
        program.post("/api-tokens", json={"label": "a", "scopes": ["records:read"], key: "x"}).status_code
        == 400
    )


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b'{"name":"a","name":"b"}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":1e999}',
        b'{"a":NaN}',
        b"\xff\xfe",
        b'{"a":"\\ud800"}',
        b"{",
        b"null",
        b"[]",
        b'"x"',
    ],
)
def test_N9_bombs_and_riddles_are_refused_before_they_are_read(web: Stage, body: bytes) -> None:
    program = web.program(*EVERYTHING)
    headers = {"content-type": "application/json"}
    for path in ("/records", "/api-tokens", "/records/orders/headers"):
        answer = program.post(path, content=body, headers=headers)
        assert answer.status_code in {400, 422}, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json")


def test_N9_a_body_of_many_megabytes_is_refused(web: Stage) -> None:
    program = web.program(*EVERYTHING)
    headers = {"content-type": "application/json"}
    assert program.post("/records", content=b" " * 2_000_000, headers=headers).status_code == 413


def test_every_fault_of_a_record_comes_at_once_and_never_with_its_value(web: Stage, canary: Canary) -> None:
    wrong = canary("wrong value")
    auth = {"type": "bearer", "token": f"{wrong}\n", "prefix": f"{wrong}\n"}
    answer = web.program(*EVERYTHING).post("/records", json={"name": f"{wrong} !", "auth": auth})
    assert answer.status_code == 422
    assert {one["path"] for one in answer.json()["errors"]} == {"name", "auth.token", "auth.prefix"}
    canary.scan(answer.text, "problem")


def test_N10_P9_the_description_holds_no_secret_and_no_example_of_one(web: Stage) -> None:
    described = web.plain().get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    token = described["components"]["schemas"]["record_bearer"]["properties"]["token"]
    assert token["writeOnly"] is True
    assert "default" not in token
    assert "example" not in str(described).lower().replace("https://api.example.com", "").replace(
        "*.example.com", ""
    )


def test_the_token_of_a_record_is_the_live_one(web: Stage, canary: Canary, devserver: DevServer) -> None:
    web.put(machine(devserver))
    program = web.program("tokens:use")
    first, second = program.post("/records/machine/token"), program.post("/records/machine/token")
    assert first.status_code == 200, first.text
    assert first.json()["access_token"] == second.json()["access_token"]
    assert devserver.server.counters.token_requests == 1


def test_a_static_credential_is_given_as_it_stands(web: Stage, canary: Canary) -> None:
    record = bearer(canary)
    web.put(record)
    answer = web.program("tokens:use").post("/records/orders/token").json()
    assert answer["access_token"] == record["auth"]["token"]


def test_headers_are_for_the_records_own_origins(web: Stage, canary: Canary) -> None:
    record = bearer(canary)
    web.put(record)
    program = web.program("tokens:use")
    answer = program.post("/records/orders/headers", json={"url": "http://127.0.0.1:9/a?b=c"})
    assert answer.json()["headers"] == {"Authorization": f"Bearer {record['auth']['token']}"}
    for url in ("http://127.0.0.1:10/", "http://127.0.0.1.evil.example:9/", "https://127.0.0.1:9/"):
        refused = program.post("/records/orders/headers", json={"url": url})
        assert refused.status_code == 403
        canary.scan(refused.text, "refusal")


def test_N13_what_cannot_be_told_is_not_released(
    web: Stage, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the audit log away no credential leaves, not to the API, not by reveal."""
    web.put(bearer(canary))
    program, visitor = web.program("tokens:use"), web.browser("ann", may_reveal=True)

    def broken(*_: object) -> None:
        raise StoreFault("the audit log cannot be written.", code="audit")

    monkeypatch.setattr("authrecord.web.journal.append", broken)
    answers = [
        program.post("/records/orders/token"),
        program.post("/records/orders/headers", json={"url": "http://127.0.0.1:9/"}),
        visitor.send("/records/orders/reveal", {"path": "auth.token", "password": visitor.password}),
    ]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    for answer in answers:
        canary.scan(answer.text, "answer without an audit log")


def test_a_release_is_told_with_its_origin_and_its_caller(web: Stage, canary: Canary) -> None:
    web.put(bearer(canary))
    program = web.program("tokens:use", "audit:read")
    for _ in range(5):
        program.post("/records/orders/headers", json={"url": "http://127.0.0.1:9/"})
    lines = [one for one in program.get("/audit").json()["lines"] if one["action"] == "headers.release"]
    assert len(lines) == 1, "the others of the same minute are counted"
    assert lines[0]["origin"] == "http://127.0.0.1:9"
    assert lines[0]["actor"].startswith("token:")


def test_a_list_comes_page_by_page(web: Stage, canary: Canary) -> None:
    for number in range(7):
        web.put(bearer(canary, f"r{number}"))
    program, names, after = web.program("records:read"), [], ""
    while True:
        page = program.get("/records", params={"limit": 3, "after": after}).json()
        names += [one["name"] for one in page["records"]]
        after = page["next"]
        if not after:
            break
    assert names == [f"r{number}" for number in range(7)]


def test_N11_nothing_is_sorted_or_found_by_a_secret(web: Stage, canary: Canary) -> None:
    record = bearer(canary)
    web.put(record)
    program = web.program("records:read")
    for key in ("token", "secret", "auth.token", "sort", "order"):
        answer = program.get("/records", params={key: record["auth"]["token"]})
        assert answer.status_code == 400
        assert answer.json()["hint"] == "Known: after, auth_type, grant, limit, name, state, tag."
        canary.scan(answer.text, "refusal")


def test_the_same_request_with_the_same_key_makes_one_record(web: Stage, canary: Canary) -> None:
    program, record = web.program(*EVERYTHING), bearer(canary)
    headers = {"idempotency-key": "one"}
    assert [program.post("/records", json=record, headers=headers).status_code for _ in range(3)] == [
        201,
        200,
        200,
    ]
    assert program.post("/records", json=bearer(canary, "b"), headers=headers).status_code == 409
    assert program.post("/records", json=record).status_code == 409


def test_a_failed_request_leaves_its_key_free(web: Stage, canary: Canary) -> None:
    program, headers = web.program(*EVERYTHING), {"idempotency-key": "one"}
    web.put(bearer(canary))
    assert program.post("/records", json=bearer(canary), headers=headers).status_code == 409
    assert program.post("/records", json=bearer(canary, "b"), headers=headers).status_code == 201


def test_an_api_token_gives_no_more_than_it_has(web: Stage, canary: Canary) -> None:
    program = web.program("admin", "records:read", records=["orders"])
    made = program.post("/api-tokens", json={"label": "a", "scopes": ["tokens:use"]})
    assert made.status_code in {403, 422}
    assert program.post("/api-tokens", json={"label": "a", "scopes": ["records:read"]}).status_code == 422
    inside = {"label": "a", "scopes": ["records:read"], "records": ["orders"]}
    answer = program.post("/api-tokens", json=inside)
    assert answer.status_code == 201
    text = canary.watch(answer.json()["text"], "API token")
    identity = answer.json()["token"]["id"]
    assert text.startswith(f"ar_{identity}_")
    assert text not in program.get("/api-tokens").text
    assert program.delete(f"/api-tokens/{identity}").status_code == 204
    assert program.delete("/api-tokens/0000000000").status_code == 404


def test_a_check_says_what_stands_in_the_way(web: Stage, canary: Canary, devserver: DevServer) -> None:
    web.put(machine(devserver))
    program = web.program("tokens:use")
    good = program.post("/records/machine/check", json={"url": devserver.server.api_url}).json()
    assert good["ok"], [(step["name"], step["verdict"], step["advice"]) for step in good["steps"]]
    assert [step["name"] for step in good["steps"]] == ["record", "secrets", "token", "api"]
    devserver.server.stop()
    bad = program.post("/records/machine/check", json={"url": devserver.server.api_url}).json()
    assert not bad["ok"]
    assert "no answer" in str(bad["steps"]) or "did not answer" in str(bad["steps"])


def test_references_are_not_followed_on_the_server(
    web: Stage, canary: Canary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who may write a record cannot have the server send its own variables and files to an address of theirs."""
    secret = canary("secret of the server")
    monkeypatch.setenv("SERVER_SECRET", secret)
    file = tmp_path / "secret"
    file.write_text(secret)
    canary.allow(secret, sink="file:secret")
    program = web.program(*EVERYTHING)
    for name, reference in (("a", "${env:SERVER_SECRET}"), ("b", f"${{file:{file}}}")):
        record = bearer(canary, name) | {"auth": {"type": "bearer", "token": reference}}
        assert program.post("/records", json=record).status_code == 201
        for path, body in (("token", None), ("headers", {"url": "http://127.0.0.1:9/"}), ("check", {})):
            answer = program.post(f"/records/{name}/{path}", json=body)
            assert answer.status_code == 422 or answer.json()["ok"] is False
            canary.scan(answer.text, path)


def test_one_records_dead_provider_leaves_the_others_alone(
    web: Stage, canary: Canary, devserver: DevServer
) -> None:
    dead = machine(devserver, "dead")
    dead["auth"]["token_exchange"]["url"] = "http://127.0.0.1:9/token"
    web.put(dead)
    web.put(machine(devserver))
    program = web.program("tokens:use")
    answer = program.post("/records/dead/token")
    assert answer.status_code == 503
    assert "127.0.0.1:9" in answer.json()["detail"]
    assert program.post("/records/machine/token").status_code == 200


def test_the_keys_state_names_no_key(web: Stage) -> None:
    keys = web.program("admin").get("/keys").json()["keys"]
    assert [(one["version"], one["state"]) for one in keys] == [(1, "active")]
