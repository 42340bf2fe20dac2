"""The page in a real browser: by keyboard, and what its scripts do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from authrecord.testing.devserver import DevServer, start
from tests.canary_watch import Canary
from tests.real.browser import HeadlessChromium
from tests.web.browsing import (
    entered,
    opened,
    ran,
    shot,
    signed_in,
)
from tests.web.stage import Stage, bearer
from tests.web.test_api import machine

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def devserver(canary: Canary) -> Iterator[DevServer]:
    server = start(make_secret=canary.make)
    yield server
    server.server.stop()


def test_the_main_path_needs_no_mouse(
    web: Stage, canary: Canary, devserver: DevServer, chromium: HeadlessChromium
) -> None:
    """From the list to a green 200 by keyboard alone: n, the form, Ctrl-S, the button, Ctrl-Enter."""
    password = web.person("ann", "administrator")
    record = machine(devserver, "orders")

    def walk(browser: Browser) -> str:
        with opened(browser, web) as page:
            signed_in(page, web, "ann", password)
            page.keyboard.press("n")
            page.wait_for_url("**/new")
            _type(page, "name", "orders")
            _type(page, "allowed_origins", devserver.server.url)
            _reach(page, "input[name='auth.grant']:checked")
            _type(page, "auth.credentials.client_id", record["auth"]["credentials"]["client_id"])
            _type(page, "auth.credentials.client_secret", record["auth"]["credentials"]["client_secret"])
            _type(page, "auth.token_exchange.url", devserver.server.token_url)
            page.keyboard.press("Control+s")
            page.wait_for_url("**/records/orders")
            _reach(page, "#attempt button")
            page.keyboard.press("Enter")
            page.wait_for_selector("text=Token received")
            _reach(page, "#try-path")
            page.keyboard.press("Control+a")
            page.keyboard.type("/api/orders")
            page.keyboard.press("Control+Enter")
            page.wait_for_selector(".status-code")
            shot(page, "tried")
            return page.inner_text(".status-code")

    assert ran(chromium, walk) == "200"


def test_a_list_grows_and_shrinks_by_keyboard_and_paste(web: Stage, chromium: HeadlessChromium) -> None:

    def walk(browser: Browser) -> tuple[list[str], str, int]:
        with opened(browser, web) as page:
            entered(page, web, "ann")
            page.goto("/new")
            lines = "[data-lines='auth.token_exchange.parameters'] > [data-line]"
            page.click("summary:has-text('Custom Access Token Request Parameters')")
            page.click("[data-add-line='auth.token_exchange.parameters']")
            page.keyboard.type("audience")
            page.keyboard.press("Enter")
            assert page.locator(lines).count() == 2
            page.keyboard.press("Backspace")
            assert page.locator(lines).count() == 1
            page.keyboard.press("Enter")
            page.evaluate(
                """() => {
                    const clipboardData = new DataTransfer();
                    clipboardData.setData("text", "a=b&c=d%20e");
                    const paste = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
                    document.activeElement.dispatchEvent(paste);
                }"""
            )
            keys = page.eval_on_selector_all(f"{lines} [name$='.key']", "all => all.map(one => one.value)")
            page.check(f"{lines} >> nth=1 >> input[type=checkbox]")
            kind = page.get_attribute(f"{lines} >> nth=1 >> [name$='.value']", "type")
            return keys, kind or "", page.locator(lines).count()

    assert ran(chromium, walk) == (["audience", "a", "c"], "password", 3)


def test_nothing_typed_is_lost_when_type_and_grant_change(web: Stage, chromium: HeadlessChromium) -> None:

    def walk(browser: Browser) -> list[str]:
        with opened(browser, web) as page:
            entered(page, web, "ann")
            page.goto("/new")
            page.fill("#auth-token_exchange-url", "https://id.example.com/token")
            page.check("input[value=bearer]", force=True)
            assert not page.is_visible("#auth-token_exchange-url")
            page.fill("#auth-prefix", "Token")
            page.check("input[value=oauth2]", force=True)
            page.check("input[value=implicit]", force=True)
            assert not page.is_visible("#auth-token_exchange-url")
            page.check("input[value=authorization_code]", force=True)
            return [page.input_value("#auth-token_exchange-url"), page.input_value("#auth-prefix")]

    assert ran(chromium, walk) == ["https://id.example.com/token", "Token"]


def test_M10_the_one_time_link_leaves_no_secret_in_the_address(
    web: Stage, canary: Canary, chromium: HeadlessChromium
) -> None:
    link = canary.watch(web.site.first_link.make().reveal(), "link")

    def walk(browser: Browser) -> tuple[str, list[str]]:
        with opened(browser, web) as page:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"/first#{link}")
            page.wait_for_url("**/welcome")
            history = page.context.new_cdp_session(page).send("Page.getNavigationHistory")
            return page.url, [entry["url"] for entry in history["entries"]] + asked[1:]

    url, seen = ran(chromium, walk)
    assert url.endswith("/welcome")
    assert not [one for one in seen if link in one]


def test_M15_a_revealed_secret_is_in_the_page_for_a_moment_only(
    web: Stage, canary: Canary, chromium: HeadlessChromium
) -> None:
    record = bearer(canary)
    web.put(record)

    def walk(browser: Browser) -> tuple[str, str, str]:
        with opened(browser, web) as page:
            password = entered(page, web, "ann", may_reveal=True)
            page.goto("/records/orders")
            before = page.content()
            page.click("[data-reveal]")
            page.fill("#reveal-password", password)
            page.keyboard.press("Enter")
            page.wait_for_selector("#revealed:not([hidden])")
            shown = page.inner_text("#revealed")
            page.click("#reveal-dialog [data-close]")
            return before, shown, page.content()

    before, shown, after = ran(chromium, walk)
    assert shown == record["auth"]["token"]
    canary.scan(before + after, "page")


def _type(page: Page, name: str, text: str) -> None:
    """Go to a field by Tab, and type."""
    _reach(page, f"[name='{name}']:not([disabled])")
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def _reach(page: Page, selector: str) -> None:
    """Press Tab until what `selector` names has the focus."""
    for _ in range(120):
        if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")
