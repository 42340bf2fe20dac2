"""Markup in every text that people type and that providers and APIs say, in a real browser."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final

import pytest

from authrecord.core.errors import AuthrecordError
from authrecord.core.fields import Kind
from authrecord.documents import records_from
from authrecord.documents.form import form_of
from authrecord.testing import HostileServer
from authrecord.testing.messages import Reply
from authrecord.web.whole_form import KINDS
from tests.canary_watch import Canary
from tests.real.browser import HeadlessChromium
from tests.web.browsing import entered, opened, ran, settled
from tests.web.stage import Stage, bearer
from tests.web.test_forms import oauth

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ATTACK: Final = (
    "<img src=x data-hit onerror=hit()><svg data-hit onload=hit()></svg><script data-hit>hit()</script>"
    "{{hit()}}${hit()}'\"><a data-hit href=javascript:hit()>x</a>"
)
TEXTS: Final = frozenset(Kind) - {Kind.BOOLEAN, Kind.CHOICE, Kind.PARAMETERS}
"""Kinds of fields into which one types."""

HITS: Final = "(window.hits ?? 0) + document.querySelectorAll('[data-hit]').length"
"""How often a script of the attack ran, and how much of it has become markup."""


def watched(page: Page) -> None:
    page.add_init_script("window.hits = 0; window.hit = () => { window.hits++; };")


def seen(page: Page, *paths: str) -> int:
    """The hits on pages."""
    hits = 0
    for path in paths:
        page.goto(path)
        settled(page)
        hits += int(page.evaluate(HITS))
    return hits


def text_fields(auth_type: str, grant: str) -> set[str]:
    return {
        field.path for group in form_of(auth_type, grant) for field in group.fields if field.kind in TEXTS
    }


def base_of(auth_type: str, grant: str, canary: Canary, name: str) -> dict[str, Any]:
    """A record of that kind as it should be."""
    if auth_type == "bearer":
        return bearer(canary, name)
    if auth_type == "api_key":
        auth = {"type": "api_key", "key": "X-Key", "value": canary("key"), "send_in": "header"}
        return {"name": name, "allowed_origins": ["https://api.example.com"], "auth": auth}
    return oauth(canary, grant) | {"name": name}


def put_at(data: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of `data` with `value` at `path`."""
    copy: dict[str, Any] = json.loads(json.dumps(data))
    *groups, key = path.split(".")
    inner = copy
    for group in groups:
        inner = inner.setdefault(group, {})
    inner[key] = value
    return copy


def spoilt(data: dict[str, Any], auth_type: str, grant: str) -> tuple[dict[str, Any], set[str]]:
    """The record with the attack in every field that takes it, and which these are."""
    taken: set[str] = set()
    for path in sorted(text_fields(auth_type, grant)):
        for value in (
            ATTACK,
            [ATTACK],
            ["<b data-hit onclick=hit()>"],
            "https://id.example.com/?" + ATTACK.replace(" ", "/"),
        ):
            changed = put_at(data, path, value)
            try:
                records_from(changed)
            except AuthrecordError:
                continue  # this field does not take it in that form
            data, taken = changed, taken | {path}
            break
    return data, taken


def test_M5_what_is_typed_into_any_field_stays_text(web: Stage, chromium: HeadlessChromium) -> None:
    """Every text field of every kind of record, found by its name in the page; lines of lists too."""

    def walk(browser: Browser) -> tuple[int, dict[str, set[str]]]:
        hits, left_out = 0, {}
        with opened(browser, web) as page:
            watched(page)
            entered(page, web, "ann")
            page.goto("/new")
            page.evaluate("document.querySelectorAll('[data-add-line]').forEach(one => one.click())")
            for auth_type, grant in KINDS:
                typed = set(page.evaluate(_FILL, ATTACK))
                page.evaluate(_CHOOSE, [auth_type, grant])
                left_out[f"{auth_type} {grant}"] = text_fields(auth_type, grant) - typed
                with page.expect_response("**/new"):
                    page.evaluate("document.getElementById('save').click()")
                page.wait_for_selector(".error:not(:empty)", state="attached")
                settled(page)
                hits += int(page.evaluate(HITS))
        return hits, {kind: paths for kind, paths in left_out.items() if paths}

    assert ran(chromium, walk) == (0, {})


_CHOOSE: Final = """([type, grant]) => {
    for (const one of document.querySelectorAll("[name='auth.type'], [name='auth.grant']")) {
        if (one.value === type || one.value === grant) one.click();
    }
}"""
_FILL: Final = """text => [...document.querySelectorAll(
        "#record-form input[type=text], #record-form input[type=password], #record-form textarea")].map(one => {
    one.value = text;
    return one.name;
})"""


def test_M5_what_is_stored_in_any_field_stays_text(
    web: Stage, canary: Canary, chromium: HeadlessChromium
) -> None:
    """Every kind of record, the attack in all fields that take it, on every page that shows records."""
    taken: set[str] = set()
    names = []
    for number, (auth_type, grant) in enumerate(KINDS):
        record, fields = spoilt(base_of(auth_type, grant, canary, f"r{number}"), auth_type, grant)
        taken |= fields
        web.put(record)
        names.append(str(record["name"]))
    assert taken >= {"description", "tags", "auth.token", "auth.credentials.client_id"}
    web.site.people.add(ATTACK[:90], tenant="default", role="viewer", may_reveal=False)
    web.token("records:read", records=names)

    def walk(browser: Browser) -> int:
        with opened(browser, web) as page:
            watched(page)
            entered(page, web, "ann")
            query = ATTACK.replace("#", "%23").replace("&", "%26")
            records = [f"/records/{name}" for name in names]
            return seen(page, "/records", f"/records?name={query}&tag={query}", *records, "/settings")

    assert ran(chromium, walk) == 0


def claims_of_attack() -> str:
    """An ID token in whose every claim the attack stands; nobody checks its signature."""
    claims = dict.fromkeys(("email", "preferred_username", "name", "sub"), ATTACK)
    parts = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)]
    return ".".join([*parts, ""])


def token_answers(good: dict[str, object]) -> list[object]:
    """Answers of a token endpoint with the attack in every text that may be shown."""
    said = {"error": ATTACK, "error_description": ATTACK, "error_uri": "javascript:hit()"}
    return [
        Reply(400, (("content-type", "application/json"),), json.dumps(said).encode()),
        Reply(200, (("content-type", "text/html"),), ATTACK.encode()),
        good | {"token_type": ATTACK},
        good | {"scope": ATTACK, "id_token": claims_of_attack()},
    ]


API_ANSWERS: Final = (
    Reply(200, (("content-type", "text/html"), ("x-attack", ATTACK)), ATTACK.encode()),
    Reply(500, (("content-type", "application/json"),), json.dumps({ATTACK: ATTACK}).encode()),
    Reply(302, (("location", "javascript:hit()//" + ATTACK),), b""),
)


def test_M6_M7_what_a_provider_or_an_api_says_stays_text(
    web: Stage, canary: Canary, chromium: HeadlessChromium
) -> None:
    """Errors, token types, scopes, claims, metadata, headers and bodies, each shown at the page by a press."""
    with HostileServer(token=canary("token")) as hostile:
        record = oauth(canary) | {"name": "orders", "allowed_origins": [hostile.url]}
        record["auth"]["token_exchange"] = {"url": hostile.token_url}
        web.put(record)
        good = {"access_token": hostile.token, "expires_in": 3600, "token_type": "Bearer"}
        hostile.metadata = {
            "issuer": hostile.url,
            "authorization_endpoint": f"{hostile.url}/authorize?{ATTACK}",
            "token_endpoint": hostile.token_url,
            "scopes_supported": [ATTACK],
        }

        def walk(browser: Browser) -> tuple[int, list[str]]:
            hits, shown = 0, []
            with opened(browser, web) as page:
                watched(page)
                entered(page, web, "ann")
                page.goto("/records/orders")
                for answer in token_answers(good):
                    hostile.token_answer = answer  # type: ignore[assignment]  # a switch takes these as they are
                    page.locator("#attempt button").first.click()
                    page.wait_for_selector("#attempt .steps li:nth-child(2)")
                    shown.append(page.inner_text("#attempt"))
                    hits += int(page.evaluate(HITS))
                for reply in API_ANSWERS:
                    hostile.api_answer = reply
                    page.fill("#try-path", "/api/" + ATTACK)
                    with page.expect_response("**/try"):
                        page.press("#try-path", "Control+Enter")
                    page.wait_for_selector("#trial .answer, #trial .notice")
                    shown.append(page.inner_text("#trial"))
                    hits += int(page.evaluate(HITS))
                page.goto("/new#start")
                page.fill("#start-text", hostile.url)
                page.click("#start button")
                page.wait_for_selector("#understood .notice")
                shown.append(page.inner_text("#understood"))
                hits += int(page.evaluate(HITS))
                return hits + seen(page, "/records", "/records/orders"), shown

        hits, shown = ran(chromium, walk)
    assert hits == 0
    assert [text for text in shown if "<img src=x" in text], "what was said is shown, as text"
    canary.scan("".join(shown), "page")
