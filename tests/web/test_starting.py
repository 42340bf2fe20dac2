"""Start from something you have: what was pasted fills in the form of the person who pasted it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from authrecord.documents.plain import mapping_of
from authrecord.testing.devserver import DevServer, start
from tests.canary_watch import Canary
from tests.real.browser import HeadlessChromium
from tests.web.browsing import faults, missing_axe, opened, ran, signed_in
from tests.web.stage import Stage, text_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def devserver(canary: Canary) -> Iterator[DevServer]:
    server = start(make_secret=canary.make)
    yield server
    server.server.stop()


def test_an_issuer_fills_the_urls(web: Stage, canary: Canary, devserver: DevServer) -> None:
    answer = web.browser("ann").post("/discover", {"text": devserver.server.issuer}, hx_request="true")
    told = understood(answer)["values"]
    assert told["auth.token_exchange.url"] == devserver.server.token_url
    assert told["auth.authorization.url"] == devserver.server.authorization_url


def understood(answer: httpx2.Response) -> dict[str, Any]:
    """What the form's script is told."""
    (found,) = re.findall(r'data-understood="([^"]*)"', answer.text)
    return dict(json.loads(html.unescape(found)))


@pytest.mark.parametrize(
    "text",
    [
        "name: api.example.com\nallowed_origins: [https://api.example.com]\nauth: {{type: bearer, token: {}}}\n",
        "curl https://api.example.com/me -H 'Authorization: Bearer {}'",
    ],
)
def test_M15_a_pasted_secret_goes_back_to_who_pasted_it_and_nowhere_else(
    web: Stage, canary: Canary, text: str
) -> None:
    """Into the masked field of their own form; not into a header, the words, the cache, or the store."""
    secret = canary("token")
    answer = web.browser("ann").post("/discover", {"text": text.format(secret)}, hx_request="true")
    told = understood(answer)
    assert told["whole"] is True
    assert told["values"] == {
        "name": "api.example.com",
        "allowed_origins": "https://api.example.com",
        "auth.type": "bearer",
        "auth.token": secret,
    }
    assert answer.headers["cache-control"] == "no-store"
    canary.scan(re.sub(r'data-understood="[^"]*"', "", answer.text) + str(answer.headers), "answer")
    assert not [action for action, _ in web.told() if action.startswith(("record", "secret"))]


def test_of_several_records_in_a_text_the_person_chooses_one(web: Stage, canary: Canary) -> None:
    key, token = canary("key"), canary("token")
    text = f"curl https://api.example.com -k -H 'X-Api-Key: {key}' --oauth2-bearer {token}"
    visitor = web.browser("ann")
    asked = visitor.post("/discover", {"text": text}, hx_request="true")
    assert "Choose one" in asked.text
    assert "data-understood" not in asked.text
    assert re.findall(r'name="choice" value="(\d)">', asked.text) == ["0", "1"]
    canary.scan(asked.text, "question")
    answer = visitor.post("/discover", {"text": text, "choice": "1"}, hx_request="true")
    assert understood(answer)["values"]["auth.value"] == key
    assert "certificates are always checked" in answer.text
    for choice in ("2", "-1", "x", "9" * 400):
        assert (
            "Choose one"
            in visitor.post("/discover", {"text": text, "choice": choice}, hx_request="true").text
        )


def test_a_draft_says_what_is_still_to_be_filled_in(web: Stage) -> None:
    text = json.dumps(
        {
            "openapi": "3.1.1",
            "info": {"title": "<img src=x>"},
            "servers": [{"url": "https://api.example.com"}],
            "components": {"securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
        }
    )
    answer = web.browser("ann").post("/discover", {"text": text}, hx_request="true")
    assert "Still to fill in: Value." in text_of(answer.text)
    assert "<img" not in answer.text
    assert understood(answer)["values"]["auth.key"] == "X-Key"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing to read"),
        ("hello", "holds no records"),
        ("curl https://a.example", "no credential"),
        ("x" * 500_001, "longer than"),
    ],
)
def test_a_text_that_gives_nothing_is_told_in_words(web: Stage, text: str, words: str) -> None:
    answer = web.browser("ann").post("/discover", {"text": text}, hx_request="true")
    assert words in text_of(answer.text)
    assert "data-understood" not in answer.text


@pytest.mark.browser
@pytest.mark.slow
def test_a_record_of_a_pasted_text_is_chosen_by_keyboard_and_fills_the_form(
    web: Stage, canary: Canary, chromium: HeadlessChromium
) -> None:
    """Paste, choose the second record, save: its secrets stand in masked fields, and nowhere else in the page."""
    password = web.person("ann", "administrator")
    key = "-----BEGIN KEY-----\n" + canary("key in lines") + "\n-----END KEY-----"
    parameter = canary("parameter")
    token = canary("token")
    second = {
        "type": "oauth2",
        "grant": "client_credentials",
        "credentials": {"client_id": "scanner", "client_secret": key},
        "token_exchange": {
            "url": "https://id.example.com/token",
            "client_authentication": "private_key_jwt",
            "parameters": [{"key": "api_secret", "value": parameter, "sensitive": True}],
        },
    }
    origins = ["https://api.example.com"]
    records = [
        {"name": "first", "allowed_origins": origins, "auth": {"type": "bearer", "token": token}},
        {"name": "second", "allowed_origins": origins, "auth": second},
    ]
    text = json.dumps({"records": records})

    def walk(browser: Browser) -> tuple[str, str, str, str]:
        with opened(browser, web) as page:
            signed_in(page, web, "ann", password)
            page.goto("/new#start")
            page.fill("#start-text", text)
            page.focus("#start-text")
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            page.wait_for_selector("#understood button")
            if not missing_axe():
                assert faults(page) == []
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            page.wait_for_selector("#understood [aria-current]")
            first = page.input_value("[name='auth.token']")
            page.keyboard.press("Tab")  # the focus is where it was: on the choice
            page.keyboard.press("Enter")
            page.wait_for_selector("#choice-1[aria-current]")
            kinds = page.get_attribute("[name='auth.token_exchange.parameters.0.value']", "type") or ""
            secret = page.input_value("textarea[name='auth.credentials.client_secret']")
            markup = page.eval_on_selector("#understood", "one => one.outerHTML")
            page.keyboard.press("Control+s")
            page.wait_for_url("**/records/second")
            return first, kinds, secret, str(markup)

    first, kind, secret, markup = ran(chromium, walk)
    assert (first, kind, secret) == (token, "password", key + "\n")
    canary.scan(markup, "page")
    stored = mapping_of(web.store().read("second").record)["auth"]
    assert stored["credentials"]["client_secret"].reveal().strip() == key
    assert stored["token_exchange"]["parameters"][0]["value"].reveal() == parameter
