"""Every page in a real browser, in both themes and widths: open to all before axe-core, and never wider than it may be.

The pages are those of the handlers: a new one that is not looked at here fails a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from authrecord.testing.devserver import DevServer, start
from tests.canary_watch import Canary
from tests.real import availability
from tests.real.browser import HeadlessChromium
from tests.web.browsing import (
    WIDTHS,
    entered,
    faults,
    missing_axe,
    opened,
    ran,
    scrolls_sideways,
    settled,
    shot,
)
from tests.web.stage import Stage, bearer
from tests.web.test_api import machine
from tests.web.test_matrix_pages import ROUTES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES: Final = {
    "/records": "/records",
    "/new": "/new",
    "/records/{name:str}": "/records/payments",
    "/gateways": "/gateways",
    "/settings": "/settings",
    "/welcome": "/welcome",
    "/sign-in": "/sign-in",
    "/first": "/first",
    "/callback": "/callback?state=foreign",
    "/callback/{identity:str}": "/callback/0123",
}
"""Every page, and where to see it. The last one is the page that reads the implicit grant's answer."""

NO_PAGES: Final = {
    "/",
    "/gateways/figures",
    "/sign-in/answer",
    "/sign-in/provider",
    "/records/{name:str}/export",
    "/records/{name:str}/attempt",
    "/records/{name:str}/history",
}
"""What else is asked for by GET: a redirect, a download, pieces that stand in pages."""

STATES: Final = {"nothing-fits": "/records?name=zzz", "not-found": "/records/nobody", "nowhere": "/nowhere"}
"""Pages in a state of their own, by the name of their picture."""


@pytest.fixture
def devserver(canary: Canary) -> Iterator[DevServer]:
    server = start(make_secret=canary.make)
    yield server
    server.server.stop()


def test_the_list_of_pages_is_whole() -> None:
    assert set(PAGES) | NO_PAGES == {path for method, path, _ in ROUTES if method == "GET"}


def looked_at(page: Page, name: str, theme: str) -> list[str]:
    """What is wrong with the page as it stands, at both widths; contrast is the theme's, so once for each."""
    found: list[str] = []
    for width, pixels in WIDTHS.items():
        page.set_viewport_size({"width": pixels, "height": 900})
        if width == "wide" or theme == "light":
            found += [f"{name} {theme} {width}: {fault}" for fault in faults(page)]
        found += [f"{name} {theme} {width}: scrolls sideways"] if scrolls_sideways(page) else []
        shot(page, f"{name}-{theme}-{width}")
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_open_to_all_and_fits(
    web: Stage, canary: Canary, devserver: DevServer, chromium: HeadlessChromium, theme: str
) -> None:
    """axe-core finds nothing serious, nothing scrolls sideways, the policy stops nothing of ours."""
    availability.require(missing_axe())
    web.put(machine(devserver, "payments") | {"tags": ["shop", "eu"], "description": "Payments, nightly."})
    web.put(bearer(canary, "weather"))
    web.program("tokens:use").post("/records/payments/token")

    def look(browser: Browser) -> list[str]:
        found: list[str] = []
        with opened(browser, web, theme=theme) as page:
            entered(page, web, "ann", may_reveal=True)
            web.put(implicit())
            begun = page.request.post(
                "/records/by-fragment/login",
                headers={"hx-request": "true", "sec-fetch-site": "same-origin"},
            )
            assert begun.status == 204
            for path in (*PAGES.values(), *STATES.values()):
                page.goto(path)
                settled(page)
                names = {value: key for key, value in STATES.items()}
                found += looked_at(
                    page, names.get(path, urlsplit(path).path.strip("/").replace("/", "-")), theme
                )
        return found

    assert ran(chromium, look) == []


def implicit() -> dict[str, object]:
    """A record whose login waits for an answer in the fragment."""
    authorization = {"url": "http://127.0.0.1:9/authorize"}
    auth = {"type": "oauth2", "grant": "implicit", "authorization": authorization}
    auth["credentials"] = {"client_id": "page"}
    return {"name": "by-fragment", "allowed_origins": ["http://127.0.0.1:9"], "auth": auth}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_that_have_something_to_say_are_open_to_all_too(
    web: Stage, canary: Canary, chromium: HeadlessChromium, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    """Folded fields of each kind, faults at fields, dialogs, a refusal, a wrong password, a store that is away."""
    availability.require(missing_axe())

    def look(browser: Browser) -> list[str]:
        found: list[str] = []
        with opened(browser, web, theme=theme) as page:
            entered(page, web, "ann", may_reveal=True)
            page.goto("/records")
            found += looked_at(page, "no-records", theme)
            web.put(bearer(canary, "weather"))
            page.goto("/new")
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            for kind in ("bearer", "api_key", "oauth2"):
                page.check(f"input[value={kind}]", force=True)
                found += [f"{kind} {theme}: {fault}" for fault in faults(page)]
            page.keyboard.press("Control+s")
            page.wait_for_selector(".error:not(:empty)")
            found += looked_at(page, "faults", theme)
            page.goto("/records/weather")
            for opener, picture in (("[data-reveal]", "reveal"), ("[data-open=delete-dialog]", "delete")):
                page.click(opener)
                found += looked_at(page, picture, theme)
                page.keyboard.press("Escape")
            monkeypatch.setattr(web.site.backend, "_closed", True)
            page.goto("/records")
            assert "the store is closed" in page.inner_text("main").lower()
            found += looked_at(page, "away", theme)
            page.goto("/sign-in")
            monkeypatch.undo()
        with opened(browser, web, theme=theme) as page:
            web.person("bob", "viewer")
            page.goto("/sign-in")
            page.fill("#name", "bob")
            page.fill("#password", "not the password")
            page.press("#password", "Enter")
            page.wait_for_selector(".notice")
            found += looked_at(page, "wrong-password", theme)
            entered(page, web, "eve", "viewer")
            page.goto("/new")
            assert "Ask an administrator" in page.inner_text("main")
            found += looked_at(page, "forbidden", theme)
        return found

    assert ran(chromium, look) == []
