"""People come in at the page through a real provider, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from authrecord.core.secret import Secret
from authrecord.stores.sql.identities import SUBJECT, Invitation
from authrecord.web.assembling import Wishes
from authrecord.web.provider_login import ProviderSettings
from tests.canary_watch import Canary
from tests.real.browser import HeadlessChromium
from tests.real.browser_login import at_oidc_provider
from tests.real.oidc_site import OidcProvider
from tests.web.browsing import opened, ran
from tests.web.stage import Stage, stage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def web(canary: Canary, oidc_provider: OidcProvider) -> Iterator[Stage]:
    """A server of the page that knows the provider."""
    client_id, secret = oidc_provider.page_client
    settings = ProviderSettings(oidc_provider.server.origin, client_id, Secret(secret))
    with stage(canary, wishes=Wishes(provider=settings)) as made:
        yield made


def test_who_was_invited_comes_in_through_the_provider_and_nobody_else(
    web: Stage, chromium: HeadlessChromium, oidc_provider: OidcProvider
) -> None:
    person, issuer = oidc_provider.person, oidc_provider.server.origin

    def walk(browser: Browser) -> list[str]:
        said: list[str] = []
        with opened(browser, web) as page:
            for way in ("stranger", "guest"):
                page.goto("/sign-in")
                page.click("text=Sign in at")
                if way == "stranger":
                    page.wait_for_selector("input[name=username]")
                    at_oidc_provider(page, person)
                else:
                    page.click("button[name=allow]")  # it knows the person, and asks what the page may know
                page.wait_for_selector(
                    "text=Nobody has invited" if way == "stranger" else "h1 >> text=Records"
                )
                said.append(page.inner_text("main"))
                if way == "stranger":
                    invitation = Invitation(issuer, SUBJECT, person.username)
                    web.site.identities.invite(
                        invitation, name="Ann", tenant="default", role="editor", may_reveal=False
                    )
            page.goto("/welcome")
            page.click("text=Confirm at")
            page.wait_for_selector("input[name=username]")
            at_oidc_provider(page, person)
            page.wait_for_url("**/records")
            said.append(page.inner_text("main"))
        return said

    stranger, guest, confirmed = ran(chromium, walk)
    assert "Nobody has invited 'ann' here" in stranger
    assert "Records" in guest
    assert "Records" in confirmed
    assert web.told().count(("session.begin", "ok")) == 2
    assert ("session.refuse", "not_invited") in web.told()
