"""Every page and every button, every role, both tenants, generated from the handlers: a new one is in it by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import httpx2
import pytest
from litestar import get

from authrecord.web import application
from authrecord.web.application import PAGES, make_application
from authrecord.web.pages.common import OPEN, SIGNED_IN
from authrecord.web.rights import REVEAL, ROLES, scopes_of
from tests.canary_watch import Canary
from tests.web.stage import OTHER, Stage, Visitor, bearer

JSON: Final = {"/callback-fragment", "/sign-in/link", "/records/{name:str}/reveal"}
"""Routes that scripts of ours send JSON to; the others take forms."""


def routes() -> Iterator[tuple[str, str, str]]:
    """Method, path and scope of everything that people open and press."""
    for handler in PAGES:
        for path in handler.paths:
            for method in handler.http_methods:
                if method in {"GET", "POST"}:
                    yield str(method), path, str(handler.opt["scope"])


ROUTES: Final = tuple(routes())
SCOPED: Final = tuple(route for route in ROUTES if route[2] not in {OPEN, SIGNED_IN})
NAMED: Final = tuple(route for route in ROUTES if "{name" in route[1])


def filled(path: str, name: str) -> str:
    return re.sub(r"\{[^}]+\}", "0123456789", path.replace("{name:str}", name))


def pressed(visitor: Visitor, method: str, path: str, name: str = "orders") -> httpx2.Response:
    """The route as a person of ours uses it, with nothing in it that would be right."""
    address = filled(path, name)
    if method == "GET":
        return visitor.get(address)
    if path in JSON:
        return visitor.send(address, {"path": "auth.token", "password": "not it"})
    return visitor.post(address, {":revision": "0"})


def test_N3_there_are_routes_of_every_kind() -> None:
    assert len(ROUTES) > 30
    assert {method for method, _, _ in ROUTES} == {"GET", "POST"}
    assert {scope for _, _, scope in ROUTES} >= {OPEN, SIGNED_IN, REVEAL}
    assert {path for _, path, _ in ROUTES} >= JSON


OF_A_PROVIDER: Final = {"/sign-in/provider", "/sign-in/answer"}
"""Not there where people do not come in through a provider, as at this server."""


@pytest.mark.parametrize("may_reveal", [False, True])
@pytest.mark.parametrize("role", ROLES)
def test_N3_a_page_opens_for_the_roles_that_have_its_scope_and_for_no_other(
    web: Stage, canary: Canary, role: str, *, may_reveal: bool
) -> None:
    visitor = web.browser("ann", role, may_reveal=may_reveal)
    scopes = scopes_of(role, may_reveal=may_reveal)
    for method, path, scope in SCOPED:
        if not web.store().holds("orders"):
            web.put(bearer(canary))
        answer = pressed(visitor, method, path)
        refused = answer.status_code == 403 and "Not revealed" not in answer.text
        assert refused == (scope not in scopes), f"{method} {path}: {answer.status_code}"


def test_N3_without_a_session_every_page_leads_to_the_door(web: Stage, canary: Canary) -> None:
    web.put(bearer(canary))
    visitor = web.visitor()
    for method, path, scope in ROUTES:
        answer = pressed(visitor, method, path)
        if scope == OPEN:
            there = {404} if path in OF_A_PROVIDER else {200, 403}
            assert answer.status_code in there, f"{method} {path}: {answer.status_code}"
        elif path in JSON:
            assert answer.status_code == 401, path
        else:
            assert answer.headers.get("location") == "/sign-in", f"{method} {path}: {answer.status_code}"
        part = visitor.client.get("/records", headers={"hx-request": "true", "sec-fetch-site": "same-origin"})
        assert part.status_code == 401
    assert web.store().holds("orders")


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in NAMED])
def test_N1_another_tenants_record_is_as_one_that_is_not_there(
    web: Stage, canary: Canary, method: str, path: str
) -> None:
    """Same status, same words, at every page and button that bears a record's name."""
    web.put(bearer(canary, "theirs"))
    visitor = web.browser("eve", tenant=OTHER, may_reveal=True)
    found = pressed(visitor, method, path, "theirs")
    missing = pressed(visitor, method, path, "nobodys")
    assert found.status_code == missing.status_code == 404
    assert found.text.replace("theirs", "…") == missing.text.replace("nobodys", "…")
    assert web.store().holds("theirs")


def test_N1_another_tenants_people_and_tokens_are_out_of_reach(web: Stage) -> None:
    victim, eve = web.browser("ann", "editor"), web.browser("eve", tenant=OTHER)
    program = web.program("records:read")
    (token,) = web.site.api_tokens.listed("default")
    person = web.site.people.listed("default")[0].identity
    answers = [
        eve.post(f"/settings/tokens/{token.identity}/revoke"),
        eve.post(f"/settings/people/{person}", {"role": "viewer"}),
        eve.post(f"/settings/people/{person}/remove"),
        eve.post("/tenant", {"tenant": "default"}),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 403]
    assert program.get("/records").status_code == 200
    assert victim.get("/new").status_code == 200
    assert "ann" not in eve.get("/settings").text
    eve.post("/settings/kill", {"word": "stop"})
    assert program.get("/records").status_code == 200


@pytest.mark.parametrize(("scope", "words"), [(None, "does not say"), (SIGNED_IN, "does not ask")])
def test_N3_a_route_that_forgets_to_ask_does_not_start(
    web: Stage, monkeypatch: pytest.MonkeyPatch, scope: str | None, words: str
) -> None:
    @get("/forgetful", opt={} if scope is None else {"scope": scope}, sync_to_thread=False)
    def forgetful() -> str:
        return "anything"

    monkeypatch.setattr(application, "PAGES", (*PAGES, forgetful))
    with pytest.raises(RuntimeError, match=words):
        make_application(web.site)
