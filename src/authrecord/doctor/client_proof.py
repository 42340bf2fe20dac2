"""Finds the way of client authentication that a provider accepts, when it says `invalid_client`.

RFC 6749 §2.3.1 has the id and the secret form-encoded before base64; many servers do not decode, some read the
body only. Nobody can tell from the error which it is, so each is tried. Only requests that may be repeated are:
the grant itself where it needs nobody, or a made-up code, which an honest server refuses with `invalid_grant`
once it has accepted the client.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote_plus

from ..core.contracts import Steps
from ..core.errors import AuthrecordError, Misconfigured, Refused
from ..core.fields import CLIENT_CREDENTIALS, PASSWORD
from ..core.messages import Pairs, plain
from ..grants import client_credentials, password
from ..grants.answer import token_from
from ..grants.client import OAuthClient
from ..grants.endpoint import token_request
from ..keeper.provider import Provider
from ..keeper.run import run

WAYS: Final = ("basic", "basic_raw", "body")
MADE_UP: Final = "authrecord-check-this-code-was-made-up"


@dataclass(frozen=True, slots=True)
class Trial:
    """One way that was tried, in words, and whether the provider accepted the client; `None` if it did not say."""

    way: str
    accepted: bool | None
    words: str


def try_other_ways(provider: Provider, client: OAuthClient, tell: Callable[[str], None]) -> tuple[Trial, ...]:
    """Every other way that sends the same secret; none where the record's way is not one of the three.

    `tell` gets a line about each.
    """
    if client.client_secret is None or client.authentication not in WAYS:
        return ()
    trials: list[Trial] = []
    for way in WAYS:
        if way == client.authentication:
            continue
        if {way, client.authentication} <= {"basic", "basic_raw"} and not differs(client):
            trials.append(Trial(way, False, "the same bytes for this id and secret"))
        else:
            trials.append(tried(provider, replace(client, authentication=way)))
        tell(f"tried {way}: {trials[-1].words}")
        if trials[-1].accepted:
            break
    return tuple(trials)


def differs(client: OAuthClient) -> bool:
    """True when form encoding changes the id or the secret."""
    secret = client.client_secret
    texts = (plain(client.client_id), "" if secret is None else plain(secret))
    return any(quote_plus(text) != text for text in texts)


def tried(provider: Provider, client: OAuthClient) -> Trial:
    """Try the client as it is."""
    try:
        run(_attempt(provider, client), provider.send)
    except Misconfigured as error:
        return Trial(client.authentication, error.code != "invalid_client", f"refused: {error.code}")
    except Refused as error:
        if error.error == "invalid_request":  # said of a malformed Basic header, and of much else
            return Trial(client.authentication, None, "the answer is invalid_request")
        return Trial(client.authentication, True, f"the client is accepted (the answer is {error.error})")
    except AuthrecordError as error:
        return Trial(client.authentication, False, error.message)
    return Trial(client.authentication, True, "accepted")


def _attempt(provider: Provider, client: OAuthClient) -> Steps[object]:
    if provider.auth.grant == CLIENT_CREDENTIALS:
        return client_credentials.obtain(client, provider.means)
    if provider.auth.grant == PASSWORD:
        return password.obtain(client, provider.means)
    return _made_up_code(client, provider)


def _made_up_code(client: OAuthClient, provider: Provider) -> Steps[object]:
    pkce: Pairs = (("code_verifier", provider.means.random()),) if client.pkce else ()
    form: Pairs = (
        ("grant_type", "authorization_code"),
        ("code", MADE_UP),
        ("redirect_uri", client.callback_url or "http://127.0.0.1:1/"),
        *pkce,
    )
    response = yield token_request(client, provider.means, client.token_url, form, client.token_parameters)
    return token_from(response, client)
