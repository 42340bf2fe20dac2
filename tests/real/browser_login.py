"""A person at a browser: opens the address, logs in at the provider, consents, and sees the callback's page."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.real.browser import HeadlessChromium, new_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SECONDS: Final = 60.0


@dataclass(frozen=True)
class Person:
    """Who logs in."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Seen:
    """What the browser held when the login had ended.

    `url`: the address bar. `history`: the addresses behind "back" and "forward". `text`: what the page says.
    `location`: what a script of the page reads as its address. `requested`: every address that was asked for.
    `screenshot`: PNG.
    """

    url: str
    history: tuple[str, ...]
    text: str
    location: str
    requested: tuple[str, ...] = field(repr=False)
    screenshot: bytes = field(repr=False)


Provider = Callable[["Page", Person], None]
"""Fills one provider's forms, from its login page to its last button."""


def at_django(page: Page, person: Person) -> None:
    """django-oauth-toolkit: Django's login form, then the toolkit's own consent page."""
    _fill_login_form(page, person)
    page.click("input[name=allow]")


def at_django_refusing(page: Page, person: Person) -> None:
    """The same person thinks better of it at the consent page."""
    _fill_login_form(page, person)
    page.click("input[value=Cancel]")


def at_oidc_provider(page: Page, person: Person) -> None:
    """oidc-provider: the login form and the consent form of `server.mjs`."""
    _fill_login_form(page, person)
    page.click("button[name=allow]")


def _fill_login_form(page: Page, person: Person) -> None:
    page.fill("input[name=username]", person.username)
    page.fill("input[name=password]", person.password)
    page.click("button[type=submit]")


class BrowserLogin:
    """To hand to authrecord where it opens the system's browser: `login(…, open_url=browser_login)`.

    `opened`: the address that was opened. `on_the_way_back`: changes the address of the provider's answer before
    the browser follows it, as an attacker may.
    """

    def __init__(self, chromium: HeadlessChromium, provider: Provider, person: Person) -> None:
        self._chromium = chromium
        self._provider = provider
        self._person = person
        self._seen: Future[Seen] | None = None
        self.opened = ""
        self.on_the_way_back: Callable[[str], str] | None = None

    def __call__(self, url: str) -> bool:
        """Open `url`, as a person's browser does: in the background."""
        self.opened = url
        self._seen = self._chromium.submit(lambda browser: self._visit(browser, url))
        return True

    def seen(self) -> Seen:
        """What the browser held at the end. Raises what went wrong in it."""
        assert self._seen is not None, "the browser was never opened"
        return self._seen.result(SECONDS)

    def _visit(self, browser: Browser, url: str) -> Seen:
        context, page = new_page(browser)
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        if self.on_the_way_back is not None:
            _change_answers(context, page, self.on_the_way_back)
        try:
            page.goto(url)
            self._provider(page, self._person)
            page.wait_for_url("**/done")
            page.wait_for_load_state("load")
            return _seen(context, page, tuple(requested))
        finally:
            context.close()


def _change_answers(context: BrowserContext, page: Page, change: Callable[[str], str]) -> None:
    """Send the browser to `change(address)` where it is sent to a callback, until nothing is left to change."""
    session = context.new_cdp_session(page)

    def paused(event: dict[str, Any]) -> None:
        request, address = event["requestId"], event["request"]["url"]
        changed = change(address)
        if changed == address:
            session.send("Fetch.continueRequest", {"requestId": request})
            return
        location = [{"name": "Location", "value": changed}]
        answer = {"requestId": request, "responseCode": 302, "responseHeaders": location}
        session.send("Fetch.fulfillRequest", answer)

    session.on("Fetch.requestPaused", paused)
    session.send("Fetch.enable", {"patterns": [{"urlPattern": r"*/callback\?*", "requestStage": "Request"}]})


def _seen(context: BrowserContext, page: Page, requested: tuple[str, ...]) -> Seen:
    history = context.new_cdp_session(page).send("Page.getNavigationHistory")
    entries = [entry[key] for entry in history["entries"] for key in ("url", "userTypedURL")]
    return Seen(
        url=page.url,
        history=tuple(entries),
        text=page.inner_text("body"),
        location=page.evaluate(
            "location.href + ' ' + document.referrer + ' ' + JSON.stringify(history.state)"
        ),
        requested=requested,
        screenshot=page.screenshot(),
    )
