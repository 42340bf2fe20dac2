"""How each peer is made to carry a credential: redirects, objects to print, log lines, odd answers, files.

`token` and `secret` are canaries. A peer is set up as its own documentation does it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from leak_stage import Stage, Unsupported

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
Send = Callable[[Stage, str], Any]


def far_future() -> int:
    import time

    return int(time.time()) + 36_000


def token_of(secret: str) -> dict[str, Any]:
    return {"access_token": secret, "token_type": "Bearer", "expires_in": 36_000, "expires_at": far_future()}


# ------------------------------------------------------------------ httpx-auth and its twin for requests


def httpx_get(auth: Any, url: str) -> Any:
    import httpx

    with httpx.Client(auth=auth, follow_redirects=True, trust_env=False) as client:
        return client.get(url)


def requests_get(auth: Any, url: str) -> Any:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        session.auth = auth
        return session.get(url)


def auth_twin(name: str, get: Callable[[Any, str], Any]) -> dict[str, Send]:
    def module() -> Any:
        found = __import__(name)
        found.OAuth2.token_cache.clear()
        return found

    def client_credentials(stage: Stage, secret: str, path: str) -> Any:
        return module().OAuth2ClientCredentials(stage.api.origin + path, client_id="c", client_secret=secret)

    return {
        "Authorization": lambda stage, secret: get(
            client_credentials(stage, "s", "/token"), stage.api.origin + "/redirect"
        ),
        "custom header": lambda stage, secret: get(
            module().HeaderApiKey(secret), stage.api.origin + "/redirect"
        ),
        "query": lambda stage, secret: get(module().QueryApiKey(secret), stage.api.origin + "/repeat"),
        # These two send the client secret as HTTP Basic; the body is the grant. What counts is that it travels.
        "token request body": lambda stage, secret: get(
            module().OAuth2ResourceOwnerPasswordCredentials(
                stage.api.origin + "/moved-token", username="u", password=secret
            ),
            stage.api.origin + "/redirect",
        ),
    }


# ------------------------------------------------------------------ Authlib


def authlib_client(kind: str, **options: Any) -> Any:
    if kind == "requests":
        from authlib.integrations.requests_client import OAuth2Session

        session = OAuth2Session("c", **options)
        session.trust_env = False
        return session
    from authlib.integrations.httpx_client import OAuth2Client

    return OAuth2Client("c", trust_env=False, follow_redirects=True, **options)


def authlib(kind: str) -> dict[str, Send]:
    def get(stage: Stage, secret: str, path: str, **options: Any) -> Any:
        with authlib_client(kind, token=token_of(secret), **options) as client:
            return client.get(stage.api.origin + path)

    def fetch(stage: Stage, secret: str) -> Any:
        made = authlib_client(kind, client_secret=secret, token_endpoint_auth_method="client_secret_post")
        with made as client:
            return client.fetch_token(stage.api.origin + "/moved-token", grant_type="client_credentials")

    return {
        "Authorization": lambda stage, secret: get(stage, secret, "/redirect"),
        "query": lambda stage, secret: get(stage, secret, "/repeat", token_placement="uri"),
        "token request body": fetch,
    }


# ------------------------------------------------------------------ requests-oauthlib


def oauthlib_session(secret: str = "", **options: Any) -> Any:
    from oauthlib.oauth2 import BackendApplicationClient
    from requests_oauthlib import OAuth2Session

    client = BackendApplicationClient("c", **options)
    session = OAuth2Session(client=client, **({"token": token_of(secret)} if secret else {}))
    session.trust_env = False
    return session


def oauthlib_fetch(stage: Stage, secret: str) -> Any:
    with oauthlib_session() as session:
        return session.fetch_token(
            stage.api.origin + "/moved-token", client_id="c", client_secret=secret, include_client_id=True
        )


REQUESTS_OAUTHLIB: dict[str, Send] = {
    "Authorization": lambda stage, secret: oauthlib_session(secret).get(stage.api.origin + "/redirect"),
    "query": lambda stage, secret: oauthlib_session(secret, default_token_placement="query").get(
        stage.api.origin + "/repeat"
    ),
    "token request body": oauthlib_fetch,
}

# ------------------------------------------------------------------ requests-oauth2client


def oauth2client(stage: Stage, secret: str, path: str) -> Any:
    import requests
    from requests_oauth2client import ClientSecretPost, OAuth2Client

    session = requests.Session()
    session.trust_env = False
    return OAuth2Client(
        token_endpoint=stage.api.origin + path,
        auth=ClientSecretPost("c", secret),
        testing=True,
        session=session,
    )


def bearer_get(stage: Stage, secret: str) -> Any:
    from requests_oauth2client import BearerToken

    return requests_get(BearerToken(secret, expires_in=36_000), stage.api.origin + "/redirect")


REQUESTS_OAUTH2CLIENT: dict[str, Send] = {
    "Authorization": bearer_get,
    "token request body": lambda stage, secret: oauth2client(
        stage, secret, "/moved-token"
    ).client_credentials(),
}

# ------------------------------------------------------------------ google-auth


def google_credentials(token: str | None, refresh: str, token_url: str, secret: str = "s") -> Any:
    from google.oauth2.credentials import Credentials

    return Credentials(token, refresh_token=refresh, token_uri=token_url, client_id="c", client_secret=secret)


def google_get(credentials: Any, url: str) -> Any:
    from google.auth.transport.requests import AuthorizedSession

    with AuthorizedSession(credentials) as session:
        session.trust_env = False
        return session.get(url)


GOOGLE: dict[str, Send] = {
    "Authorization": lambda stage, secret: google_get(
        google_credentials(secret, "r", stage.api.origin + "/token"), stage.api.origin + "/redirect"
    ),
    "token request body": lambda stage, secret: google_get(
        google_credentials(None, secret, stage.api.origin + "/moved-token"), stage.api.origin + "/redirect"
    ),
}

# ------------------------------------------------------------------ httpx-oauth2, aiohttp-oauth2-client, oauth2-client


def httpx_oauth2_get(stage: Stage, secret: str, token_path: str, client_secret: str) -> Any:
    import httpx
    import httpx_oauth2

    metadata = {
        "token_endpoint": stage.api.origin + token_path,
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "grant_types_supported": ["client_credentials"],
    }
    authority = httpx_oauth2.OAuthAuthorityClient(httpx.Client(trust_env=False), metadata)
    factory = httpx_oauth2.AuthenticatingTransportFactory(authority)
    credentials = httpx_oauth2.ClientCredentials("c", client_secret)
    transport = factory.authenticating_transport(httpx.HTTPTransport(), credentials)
    with httpx.Client(transport=transport, follow_redirects=True, trust_env=False) as client:
        return client.get(stage.api.origin + "/redirect")


HTTPX_OAUTH2: dict[str, Send] = {
    "Authorization": lambda stage, secret: httpx_oauth2_get(stage, secret, "/token", "s"),
    "token request body": lambda stage, secret: httpx_oauth2_get(stage, secret, "/moved-token", secret),
}


def aiohttp_oauth2(stage: Stage, token_path: str, client_secret: str, path: str = "/redirect") -> Any:
    async def get() -> None:
        import aiohttp
        from aiohttp_oauth2_client.grant.client_credentials import ClientCredentialsGrant
        from aiohttp_oauth2_client.middleware import OAuth2Middleware

        grant = ClientCredentialsGrant(stage.api.origin + token_path, "c", client_secret)
        try:
            async with aiohttp.ClientSession(middlewares=(OAuth2Middleware(grant),)) as session:
                await (await session.get(stage.api.origin + path)).read()
        finally:
            await grant.close()

    return asyncio.run(get())


AIOHTTP_OAUTH2: dict[str, Send] = {
    "Authorization": lambda stage, secret: aiohttp_oauth2(stage, "/token", "s"),
    "token request body": lambda stage, secret: aiohttp_oauth2(stage, "/moved-token", secret),
}


def oauth2_client_manager(stage: Stage, client_secret: str, token_path: str = "/token") -> Any:
    from oauth2_client.credentials_manager import CredentialManager, ServiceInformation

    manager = CredentialManager(
        ServiceInformation(None, stage.api.origin + token_path, "c", client_secret, [])
    )
    manager.init_with_client_credentials()
    return manager


OAUTH2_CLIENT: dict[str, Send] = {
    "Authorization": lambda stage, secret: oauth2_client_manager(stage, "s").get(
        stage.api.origin + "/redirect"
    ),
    "token request body": lambda stage, secret: oauth2_client_manager(stage, secret, "/moved-token"),
}


def msal_app(stage: Stage, secret: str, token_cache: Any = None, token_path: str = "/token") -> Any:
    """MSAL asks for an https authority: its HTTP client is given one that maps it to the stage."""
    import json

    import msal
    import requests

    session = requests.Session()
    session.trust_env = False
    authority = "https://as.test/t"
    endpoints = {"issuer": authority, "token_endpoint": authority + "/token"}
    metadata = {**endpoints, "authorization_endpoint": authority + "/authorize"}

    class Answer:
        status_code = 200
        headers: dict[str, str] = {}  # noqa: RUF012 - as MSAL's own stand-in for a response has it
        text = json.dumps(metadata)

        def raise_for_status(self) -> None:
            return

    class Http:
        def get(self, url: str, **options: Any) -> Any:
            return Answer()

        def post(self, url: str, **options: Any) -> Any:
            return session.post(url.replace(authority + "/token", stage.api.origin + token_path), **options)

        def close(self) -> None:
            return

    options = {"token_cache": token_cache} if token_cache is not None else {}
    return msal.ConfidentialClientApplication(
        "c", client_credential=secret, oidc_authority=authority, http_client=Http(), **options
    )


def msal_get(stage: Stage, secret: str) -> Any:
    found = msal_app(stage, "s").acquire_token_for_client(["a/.default"])
    import requests

    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": "Bearer " + found["access_token"]}
        return session.get(stage.api.origin + "/redirect", headers=headers)


MSAL: dict[str, Send] = {
    "Authorization": msal_get,
    "token request body": lambda stage, secret: msal_app(
        stage, secret, token_path="/moved-token"
    ).acquire_token_for_client(["a/.default"]),
}

REDIRECTS: dict[str, dict[str, Send]] = {
    "httpx-auth": auth_twin("httpx_auth", httpx_get),
    "requests-auth": auth_twin("requests_auth", requests_get),
    "Authlib, httpx2": authlib("httpx2"),
    "Authlib, requests": authlib("requests"),
    "requests-oauthlib": REQUESTS_OAUTHLIB,
    "requests-oauth2client": REQUESTS_OAUTH2CLIENT,
    "google-auth": GOOGLE,
    "msal": MSAL,
    "httpx-oauth2": HTTPX_OAUTH2,
    "aiohttp-oauth2-client": AIOHTTP_OAUTH2,
    "oauth2-client": OAUTH2_CLIENT,
}

__all__ = ["REDIRECTS", "Unsupported"]
