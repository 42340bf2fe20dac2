"""The six kinds of record at the page, in a real browser, against authorization servers and APIs that are not ours.

Each is made by typing into the form, authorized by a press of the button, tried until a 200, renewed by expiry where
it expires, edited, exported and deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.canary_watch import Canary
from tests.real.browser import HeadlessChromium
from tests.real.browser_login import Person, Provider, at_django, at_oidc_provider
from tests.real.django_site import BRIEF_SECONDS, DjangoProvider
from tests.real.jupyter_site import JupyterServer
from tests.real.oidc_site import OidcProvider
from tests.web.browsing import opened, ran, signed_in
from tests.web.stage import Stage, form_of_record, stage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def web(canary: Canary) -> Iterator[Stage]:
    """A server of the page."""
    with stage(canary) as made:
        yield made


def typed(data: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """A record of these tests with its secrets as a person types them, and our own callback."""
    filled: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            filled[key] = typed(value, secrets)
        elif isinstance(value, str) and value.startswith("${env:"):
            filled[key] = secrets[value[6:-1]]
        else:
            filled[key] = value
    return filled


def at_page(
    web: Stage,
    chromium: HeadlessChromium,
    data: dict[str, Any],
    *,
    api: str,
    log_in: tuple[Provider, Person] | None = None,
    waits: float = 0.0,
) -> list[str]:
    """Everything that a person does with one record; what the page said at each turn."""
    password = web.person("ann", "administrator")
    path = api.partition("://")[2].partition("/")[2]
    name = data["name"]

    def walk(browser: Browser) -> list[str]:
        said: list[str] = []
        with opened(browser, web) as page:
            signed_in(page, web, "ann", password)
            page.goto("/new")
            _fill(page, data)
            page.keyboard.press("Control+s")
            page.wait_for_url(f"**/records/{name}")
            if data["auth"]["type"] == "oauth2":
                said.append(_authorize(page, log_in))
            for turn in range(2 if waits else 1):
                if turn:
                    page.wait_for_timeout(waits * 1000)
                page.fill("#try-path", f"/{path}")
                page.press("#try-path", "Control+Enter")
                page.wait_for_selector(".status-code")
                page.wait_for_timeout(300)
                said.append(page.inner_text("#trial"))
            page.fill("#description", "Edited")
            page.keyboard.press("Control+s")
            page.wait_for_selector("text=Edited")
            with page.expect_download() as download:
                page.click("text=Export")
            said.append(download.value.path().read_text(encoding="utf-8"))
            page.click("text=Delete >> nth=0")
            page.click("text=Delete the record")
            page.wait_for_url("**/records")
            said.append(page.inner_text("main"))
        return said

    return ran(chromium, walk)


def _fill(page: Page, data: dict[str, Any]) -> None:
    for name, value in form_of_record(data):
        control = page.locator(f"[name='{name}']:not([type=hidden])").first
        if name in {"auth.type", "auth.grant"}:
            page.check(f"[name='{name}'][value='{value}']", force=True)
        elif value == "on":
            if control.is_visible():
                control.check()
        else:
            for folded in page.locator("details:not([open])").all():
                if folded.locator(f"[name='{name}']").count() and folded.is_visible():
                    folded.locator("summary").first.click()
            if control.evaluate("one => one.tagName") == "SELECT":
                control.select_option(value)
            else:
                control.fill(value)


def _authorize(page: Page, log_in: tuple[Provider, Person] | None) -> str:
    page.locator("#attempt button").first.click()
    if log_in is not None:
        provider, person = log_in
        page.wait_for_selector("input[name=username]")
        provider(page, person)
    page.wait_for_selector("text=Token received")
    return page.inner_text("#attempt")


def check_story(said: list[str], canary: Canary, name: str) -> None:
    """It was authorized and tried with a 200, its export holds no secret, and it is gone."""
    *tried, exported, end = said
    assert "200" in tried[-1], tried
    assert f"name: {name}" in exported
    canary.scan("\n".join(said), "page")
    assert "No records yet" in end


def own_callback(data: dict[str, Any], web: Stage) -> dict[str, Any]:
    """The record with this server's callback, as it is registered but for the port (RFC 8252 §7.3)."""
    data["auth"]["authorization"] |= {"callback_url": f"{web.url}/callback"}
    return data


def test_authorization_code_at_django_oauth_toolkit(
    web: Stage, canary: Canary, chromium: HeadlessChromium, django_provider: DjangoProvider
) -> None:
    """With tokens that live two seconds: the second try renews by the refresh token."""
    data = own_callback(typed(django_provider.code("code-brief"), django_provider.secrets), web)
    said = at_page(
        web,
        chromium,
        data,
        api=django_provider.api,
        log_in=(at_django, django_provider.person),
        waits=BRIEF_SECONDS + 0.5,
    )
    check_story(said, canary, "code-brief")
    assert "Code received" in said[0]


def test_implicit_at_django_oauth_toolkit(
    web: Stage, canary: Canary, chromium: HeadlessChromium, django_provider: DjangoProvider
) -> None:
    data = own_callback(typed(django_provider.implicit(), django_provider.secrets), web)
    log_in = (at_django, django_provider.person)
    said = at_page(web, chromium, data, api=django_provider.api, log_in=log_in)
    check_story(said, canary, "page")
    assert "Answer received" in said[0]


def test_password_credentials_at_django_oauth_toolkit(
    web: Stage, canary: Canary, chromium: HeadlessChromium, django_provider: DjangoProvider
) -> None:
    data = typed(django_provider.password("trusted-brief"), django_provider.secrets)
    said = at_page(web, chromium, data, api=django_provider.api, waits=BRIEF_SECONDS + 0.5)
    check_story(said, canary, "trusted-brief")


def test_client_credentials_at_django_oauth_toolkit(
    web: Stage, canary: Canary, chromium: HeadlessChromium, django_provider: DjangoProvider
) -> None:
    data = typed(django_provider.machine("machine-brief"), django_provider.secrets)
    said = at_page(web, chromium, data, api=django_provider.api, waits=BRIEF_SECONDS + 0.5)
    check_story(said, canary, "machine-brief")


def test_authorization_code_at_oidc_provider(
    web: Stage, canary: Canary, chromium: HeadlessChromium, oidc_provider: OidcProvider
) -> None:
    """The record knows the issuer only; who has logged in is told from the ID token."""
    data = own_callback(typed(oidc_provider.code(), oidc_provider.secrets), web)
    said = at_page(
        web, chromium, data, api=oidc_provider.api, log_in=(at_oidc_provider, oidc_provider.person)
    )
    check_story(said, canary, "app")
    assert "Logged in as" in said[0]


def test_client_credentials_at_oidc_provider(
    web: Stage, canary: Canary, chromium: HeadlessChromium, oidc_provider: OidcProvider
) -> None:
    data = typed(oidc_provider.machine("client_secret_basic"), oidc_provider.secrets)
    said = at_page(web, chromium, data, api=oidc_provider.api)
    check_story(said, canary, data["name"])


def static(web: Stage, auth: dict[str, Any], url: str) -> dict[str, Any]:
    return {"name": "static", "allowed_origins": [url], "auth": auth}


def test_bearer_token_and_api_key_at_jupyter_server(
    web: Stage, canary: Canary, chromium: HeadlessChromium, jupyter_server: JupyterServer
) -> None:
    """Jupyter takes its token after the prefix `token`, and as a query parameter of that name."""
    token = jupyter_server.token
    origin = jupyter_server.server.origin
    for auth in (
        {"type": "bearer", "prefix": "token", "token": token},
        {"type": "api_key", "key": "token", "value": token, "send_in": "query"},
    ):
        web.begin(canary)
        said = at_page(web, chromium, static(web, auth, origin), api=f"{origin}/api/contents")
        check_story(said, canary, "static")
