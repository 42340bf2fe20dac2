"""A person at a real browser before the page: what they do, and what axe-core finds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tests.real import availability
from tests.real.browser import STEP_MILLISECONDS, HeadlessChromium
from tests.web.stage import Stage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Result = TypeVar("Result")

AXE: Final = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES: Final = os.environ.get("AUTHRECORD_PICTURES", "")
"""A folder for screenshots; none are made without it."""

SECONDS: Final = 110.0
_SETTLED: Final = """() => !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling")
    && !["preview", "history"].some(id => document.getElementById(id)?.textContent.trim() === "…")"""
"""True when a page has everything that it asks for by itself."""
WIDTHS: Final = {"wide": 1440, "narrow": 360}
SERIOUS: Final = {"serious", "critical"}


def missing_axe() -> str:
    """Why axe-core cannot be asked; empty when it can."""
    return (
        "" if AXE.is_file() else "axe-core is not installed: run scripts/test, or `npm ci` in tests/web/axe."
    )


def require_browser() -> None:
    """Skip, or fail in CI, where there is no browser."""
    availability.require(availability.missing_browser())


@contextmanager
def opened(browser: Browser, web: Stage, *, width: int = 1440, theme: Any = "light") -> Iterator[Page]:
    """A page of a browser without a past. What its console says in anger fails the test."""
    context = browser.new_context(
        base_url=web.url,
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        reduced_motion="reduce",
    )
    context.set_default_timeout(STEP_MILLISECONDS)
    page = context.new_page()
    angry: list[str] = []
    page.on("pageerror", lambda error: angry.append(str(error)))
    page.on(
        "console", lambda said: angry.append(said.text) if "Content Security Policy" in said.text else None
    )
    try:
        yield page
        assert not angry, angry
    finally:
        context.close()


def ran(chromium: HeadlessChromium, job: Callable[[Browser], Result]) -> Result:
    """`job` in the browser's own thread."""
    return chromium.submit(job).result(SECONDS)


def signed_in(page: Page, web: Stage, name: str, password: str) -> None:
    """Through the sign-in page."""
    page.goto("/sign-in")
    page.fill("#name", name)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url("**/records")


def entered(page: Page, web: Stage, name: str, role: str = "administrator", **given: Any) -> str:
    """Signed in without the page, for tests of what comes after; the password."""
    visitor = web.browser(name, role, **given)
    cookies = visitor.client.cookies.items()
    page.context.add_cookies([{"name": key, "value": value, "url": web.url} for key, value in cookies])
    return visitor.password


def settled(page: Page) -> None:
    """Wait until the page has everything that it asks for by itself."""
    page.wait_for_function(_SETTLED)


def faults(page: Page) -> list[str]:
    """What axe-core finds serious. Run beside the page, as an extension is: its policy lets no script in."""
    session = page.context.new_cdp_session(page)
    session.send("Page.enable")
    session.send("Runtime.enable")
    session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = session.send(
        "Runtime.evaluate",
        {
            "expression": "axe.run({resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))",
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    import json

    violations = json.loads(found["result"]["value"])
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]}"
        for one in violations
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def scrolls_sideways(page: Page) -> bool:
    """True when the page is wider than its window."""
    wide: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth + 20"
    )
    return wide


def shot(page: Page, name: str) -> None:
    """A picture, where a folder for pictures was named."""
    if PICTURES:
        folder = Path(PICTURES)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", animations="disabled")
