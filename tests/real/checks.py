"""What the tests at both authorization servers check in the same way."""

from __future__ import annotations

from authrecord.core.errors import LoginFailed
from authrecord.core.token import Token
from authrecord.signin import login
from authrecord.wiring import Records
from tests.canary_watch import Canary
from tests.real.browser_login import BrowserLogin, Seen
from tests.real.callers import LIBRARIES, get

LOGIN_SECONDS = 60.0


def watched(canary: Canary, token: Token) -> Token:
    """`token`, whose values are looked for from now on."""
    canary.watch(token.access_token.reveal(), "access_token")
    for name, secret in (("refresh_token", token.refresh_token), ("id_token", token.id_token)):
        if secret is not None:
            canary.watch(secret.reveal(), name)
    return token


def log_in(records: Records, name: str, browser: BrowserLogin, canary: Canary) -> tuple[Token, Seen]:
    """Log in as a person does. The token, and what the browser held at the end."""
    try:
        token = login(records.keeper, records[name], open_url=browser, timeout=LOGIN_SECONDS)
    except LoginFailed:
        browser.seen()  # raises what went wrong in the browser, which says more
        raise
    return watched(canary, token), browser.seen()


def check_every_library_is_let_in(
    records: Records, name: str, address: str, user: str, canary: Canary
) -> None:
    """Each HTTP library gets the API's greeting for `user`, and can print nothing secret."""
    for library in LIBRARIES:
        got = get(library, lambda client: records.attach(client, name), address)
        assert (library, got.status, got.data) == (library, 200, {"hello": user})
        canary.scan(got.printable, "what the caller can print")


def check_nowhere(secret: str, seen: Seen) -> None:
    """No part of the browser that outlives the login holds `secret`."""
    places = {
        "address": seen.url,
        "history": "\n".join(seen.history),
        "text": seen.text,
        "script": seen.location,
    }
    assert [name for name, held in places.items() if secret in held] == []
