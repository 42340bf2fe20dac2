"""Every route, every scope, both tenants, generated from the OpenAPI document: who may do what stands in one table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest

from authrecord.core.secret import Secret
from authrecord.stores.sql.api_tokens import ApiToken
from authrecord.web.rights import SCOPES
from tests.canary_watch import Canary
from tests.web.stage import OTHER, Stage, bearer

TABLE: Final = {
    ("GET", "/records"): "records:read",
    ("POST", "/records"): "records:write",
    ("GET", "/records/{name}"): "records:read",
    ("PUT", "/records/{name}"): "records:write",
    ("DELETE", "/records/{name}"): "records:write",
    ("POST", "/records/{name}/token"): "tokens:use",
    ("POST", "/records/{name}/headers"): "tokens:use",
    ("POST", "/records/{name}/check"): "tokens:use",
    ("POST", "/records/{name}/logins"): "tokens:use",
    ("GET", "/records/{name}/logins"): "tokens:use",
    ("POST", "/records/{name}/logins/answer"): "tokens:use",
    ("GET", "/audit"): "audit:read",
    ("GET", "/keys"): "admin",
    ("GET", "/api-tokens"): "admin",
    ("POST", "/api-tokens"): "admin",
    ("DELETE", "/api-tokens/{identity}"): "admin",
}
"""The scope that each route wants (N3). A route that is not here fails the first test."""

BODIES: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("POST", "/records/{name}/headers"): {"url": "http://127.0.0.1:9/"},
    ("POST", "/records/{name}/check"): {},
    ("POST", "/records/{name}/logins/answer"): {"address": "http://127.0.0.1/?x=y"},
    ("POST", "/api-tokens"): {"label": "made", "scopes": ["records:read"]},
}


def routes(document: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Method, path below the prefix, and the scopes that the document says."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            scopes = operation["security"][-1]["token"]
            yield method.upper(), path.removeprefix("/api/v1"), scopes


@pytest.fixture
def document(web: Stage) -> dict[str, Any]:
    described: dict[str, Any] = web.plain().get("/api/v1/openapi.json").json()
    return described


def body_of(route: tuple[str, str], canary: Canary, name: str) -> dict[str, Any] | None:
    if route in {("POST", "/records"), ("PUT", "/records/{name}")}:
        return bearer(canary, name)
    return BODIES.get(route)


def asked(
    program: httpx2.Client, route: tuple[str, str], canary: Canary, name: str = "orders"
) -> httpx2.Response:
    method, path = route
    filled = path.replace("{name}", name).replace("{identity}", "0123456789")
    return program.request(method, filled, json=body_of(route, canary, name))


def test_N3_the_document_and_the_table_agree(document: dict[str, Any]) -> None:
    assert {(method, path): scopes for method, path, scopes in routes(document)} == {
        route: [scope] for route, scope in TABLE.items()
    }


@pytest.mark.parametrize("scope", SCOPES)
def test_N3_a_route_opens_for_its_scope_and_for_no_other(web: Stage, canary: Canary, scope: str) -> None:
    web.put(bearer(canary))
    program = web.program(scope)
    for route, wanted in TABLE.items():
        answer = asked(program, route, canary)
        if scope == wanted:
            assert answer.status_code not in {401, 405}, f"{route}: {answer.text}"
            if answer.status_code == 403:  # what the record itself demands beside the route's scope
                assert answer.json()["scope"] != wanted, route
        else:
            assert answer.status_code == 403, f"{route} with {scope}: {answer.status_code} {answer.text}"
            assert answer.json()["scope"] == wanted


@pytest.mark.parametrize("route", [route for route in TABLE if "{name}" in route[1]])
def test_N1_another_tenants_record_is_as_one_that_is_not_there(
    web: Stage, canary: Canary, route: tuple[str, str]
) -> None:
    """Same status, same body, on every route and verb."""
    web.put(bearer(canary, "theirs"))
    program = web.program(*SCOPES, tenant=OTHER)
    check_missing(program, route, canary, "theirs")


def check_missing(program: httpx2.Client, route: tuple[str, str], canary: Canary, name: str) -> None:
    """What is asked about `name` is answered as what is asked about a record that nobody has."""
    found, missing = asked(program, route, canary, name), asked(program, route, canary, "nobodys")
    assert found.status_code == missing.status_code == 404
    assert found.text.replace(name, "…") == missing.text.replace("nobodys", "…")


@pytest.mark.parametrize("route", [route for route in TABLE if "{name}" in route[1]])
def test_N1_a_record_beyond_the_tokens_list_is_as_one_that_is_not_there(
    web: Stage, canary: Canary, route: tuple[str, str]
) -> None:
    web.put(bearer(canary))
    program = web.program(*SCOPES, records=["payments"])
    check_missing(program, route, canary, "orders")
    assert web.store().holds("orders")


def test_N1_a_list_shows_the_own_tenants_records_only(web: Stage, canary: Canary) -> None:
    web.put(bearer(canary, "ours"))
    web.put(bearer(canary, "theirs"), tenant=OTHER)
    names = [one["name"] for one in web.program("records:read").get("/records").json()["records"]]
    assert names == ["ours"]


@pytest.mark.parametrize(
    "text", ["", "ar_x", "Bearer", "ar_0123456789_" + "a" * 43 + "_000000", "ar_" + "é" * 60]
)
def test_N8_without_a_live_token_nothing_opens(web: Stage, canary: Canary, text: str) -> None:
    client = web.plain()
    headers = [(b"authorization", f"Bearer {text}".encode())] if text else []
    for method, path in TABLE:
        answer = client.request(method, f"/api/v1{path}", headers=headers, json={})
        assert answer.status_code == 401, (method, path, answer.text)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_N8_a_token_that_is_revoked_over_or_early_opens_nothing(web: Stage) -> None:
    tokens = web.site.api_tokens

    def issued(days: float, begins_in: float = 0.0) -> tuple[ApiToken, Secret]:
        return tokens.issue(
            tenant="default",
            label="t",
            scopes=["records:read"],
            records=None,
            days=days,
            created_by="t",
            begins_in=begins_in,
        )

    revoked, first = issued(1)
    _, second = issued(0.0000001)
    _, third = issued(1, 3600)
    client = web.plain()
    texts = [web.canary.watch(one.reveal(), "API token") for one in (first, second, third)]

    def status(text: str) -> int:
        return client.get("/api/v1/records", headers={"authorization": f"Bearer {text}"}).status_code

    assert status(texts[0]) == 200
    tokens.revoke(revoked.identity, tenant="default")
    assert [status(text) for text in texts] == [401, 401, 401]


def test_the_api_takes_no_session_and_a_page_takes_no_token(web: Stage) -> None:
    visitor = web.browser("ann")
    assert visitor.get("/api/v1/records").status_code == 401
    program = web.program(*SCOPES)
    assert program.get(f"{web.url}/records").status_code == 303


PAGE_TABLE: Final = {
    "viewer": {"/records": 200, "/new": 403, "/settings": 200},
    "user": {"/records": 200, "/new": 403, "/settings": 200},
    "editor": {"/records": 200, "/new": 200, "/settings": 200},
    "administrator": {"/records": 200, "/new": 200, "/settings": 200},
}
POSTS: Final = {
    "/new": {"editor", "administrator"},
    "/records/orders": {"editor", "administrator"},
    "/records/orders/delete": {"editor", "administrator"},
    "/records/orders/forget": {"user", "editor", "administrator"},
    "/records/orders/try": {"user", "editor", "administrator"},
    "/records/orders/obtain": {"user", "editor", "administrator"},
    "/records/orders/login": {"user", "editor", "administrator"},
    "/settings/tokens": {"administrator"},
    "/settings/people": {"administrator"},
    "/settings/people/invite": {"administrator"},
    "/settings/kill": {"administrator"},
    "/bulk": {"editor", "administrator"},
}


@pytest.mark.parametrize("role", PAGE_TABLE)
def test_N3_a_role_opens_what_it_may(web: Stage, canary: Canary, role: str) -> None:
    web.put(bearer(canary))
    visitor = web.browser("ann", role)
    for path, status in PAGE_TABLE[role].items():
        assert visitor.get(path).status_code == status, path
    for path, roles in POSTS.items():
        answer = visitor.post(path, {":revision": "0"})
        assert (answer.status_code == 403) == (role not in roles), f"{path}: {answer.status_code}"
    assert visitor.send("/records/orders/reveal", {"path": "auth.token", "password": "x"}).status_code == 403
