"""The objects that a user may print, and the files that libraries write: ours, the plain libraries', the peers'."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leak_peers import (
    authlib_client,
    google_credentials,
    httpx_get,
    msal_app,
    oauth2client,
    oauthlib_session,
    requests_get,
    token_of,
)
from leak_redirects import ours_auth, ours_records
from leak_stage import Stage

Make = Callable[[str], Any]
ORIGIN = "https://api.example.com"
TOKEN_URL = "https://as.example.com/token"


class Nowhere:
    """Stands in for the stage where nothing is sent."""

    class api:  # noqa: N801 - has the shape of `Stage.api`
        origin = "https://as.example.com"


# ------------------------------------------------------------------ ours


def _token(secret: str) -> Any:
    from authrecord import Secret, Token

    return Token(
        access_token=Secret(secret), refresh_token=Secret(secret), obtained_at=time.time(), life=3600.0
    )


def _oauth2(secret: str) -> Any:
    return ours_auth("token request body", secret, TOKEN_URL)


def _records(secret: str, placement: str = "Authorization") -> Any:
    return ours_records(ours_auth(placement, secret, TOKEN_URL), ORIGIN)


def _secret(secret: str) -> Any:
    from authrecord import Secret

    return Secret(secret)


def _adopted(secret: str) -> Any:
    records = ours_records(_oauth2(secret), ORIGIN)
    records.keeper.adopt(records["bench"], _token(secret))
    return records


OURS: dict[str, Make] = {
    "Secret": _secret,
    "Token": _token,
    "Record, bearer": lambda secret: _records(secret)["bench"],
    "Record, API key": lambda secret: _records(secret, "query")["bench"],
    "Record, OAuth 2.0": lambda secret: ours_records(_oauth2(secret), ORIGIN)["bench"],
    "OAuth2": _oauth2,
    "Credentials": lambda secret: _oauth2(secret).credentials,
    "Records": _records,
    "Keeper": lambda secret: _adopted(secret).keeper,
    "token store": lambda secret: _adopted(secret).keeper.store,
    "Authenticator": lambda secret: _records(secret).authenticator("bench"),
    "live credential": lambda secret: _records(secret).authenticator("bench").credential(),
    "stamp": lambda secret: _records(secret).stamp("bench", ORIGIN),
    "stamp, query": lambda secret: _records(secret, "query").stamp("bench", ORIGIN),
    "token of the keeper": lambda secret: _adopted(secret).token("bench"),
}


def ours_odd_token(token_url: str) -> Any:
    records = ours_records(ours_auth("token request body", "s", token_url), ORIGIN)
    return records.token("bench")


DOCUMENT = """\
records:
  - name: orders
    allowed_origins: ["{origin}"]
    auth:
      type: oauth2
      grant: client_credentials
      credentials:
        client_id: c
        client_secret: ${{env:BENCH_CLIENT_SECRET}}
      token_exchange:
        url: {origin}/token
"""


def ours_cache(folder: str, origin: str, secret: str) -> str:
    """Obtain a token with the sealed cache below `folder`; the token."""
    from authrecord import open_records
    from authrecord.wiring import Settings

    document = Path(folder, "authrecord.yaml")
    document.write_text(DOCUMENT.format(origin=origin), encoding="utf-8")
    settings = Settings.read({"AUTHRECORD_HOME": folder, "HOME": folder, "BENCH_CLIENT_SECRET": secret})
    with open_records(document, settings=settings) as records:
        return records.token("orders").access_token.reveal()


# ------------------------------------------------------------------ the plain libraries


def _httpx_headers(name: str) -> Make:
    return lambda secret: __import__(name).Headers({"X-API-Key": secret})


def _httpx_url(name: str) -> Make:
    return lambda secret: __import__(name).URL(f"{ORIGIN}/orders?api_key={secret}")


def _httpx_request(name: str) -> Make:
    return lambda secret: __import__(name).Request("GET", f"{ORIGIN}/orders", params={"api_key": secret})


def _prepared(secret: str) -> Any:
    import requests

    return requests.Request("GET", ORIGIN, headers={"X-API-Key": secret}).prepare().headers


PLAIN: dict[str, Make] = {
    "httpx2 Headers": _httpx_headers("httpx2"),
    "httpx2 URL": _httpx_url("httpx2"),
    "httpx2 Request": _httpx_request("httpx2"),
    "httpx Headers": _httpx_headers("httpx"),
    "httpx URL": _httpx_url("httpx"),
    "httpx Request": _httpx_request("httpx"),
    "requests prepared headers": _prepared,
}

# ------------------------------------------------------------------ the peers


def _twin(name: str, kind: str) -> Make:
    def make(secret: str) -> Any:
        module = __import__(name)
        if kind == "OAuth2ClientCredentials":
            return module.OAuth2ClientCredentials(TOKEN_URL, client_id="c", client_secret=secret)
        return getattr(module, kind)(secret)

    return make


def _authlib_token(secret: str) -> Any:
    from authlib.oauth2.rfc6749 import OAuth2Token

    return OAuth2Token(token_of(secret))


def _oauthlib_token(secret: str) -> Any:
    return oauthlib_session(secret).token


def _bearer_token(secret: str) -> Any:
    from requests_oauth2client import BearerToken

    return BearerToken(secret, expires_in=36_000)


def _cc_auth(secret: str) -> Any:
    from requests_oauth2client import OAuth2ClientCredentialsAuth

    return OAuth2ClientCredentialsAuth(oauth2client(Nowhere(), secret, "/token"))


def _password_auth(secret: str) -> Any:
    from requests_oauth2client import OAuth2ResourceOwnerPasswordAuth

    return OAuth2ResourceOwnerPasswordAuth(
        oauth2client(Nowhere(), "s", "/token"), username="u", password=secret
    )


def _httpx_oauth_token(secret: str) -> Any:
    from httpx_oauth.oauth2 import OAuth2Token

    return OAuth2Token(token_of(secret))


def _httpx_oauth_client(secret: str) -> Any:
    from httpx_oauth.oauth2 import OAuth2

    return OAuth2("c", secret, ORIGIN + "/authorize", TOKEN_URL)


def _httpx_oauth2_credentials(secret: str) -> Any:
    import httpx_oauth2

    return httpx_oauth2.ClientCredentials("c", secret)


def _aiohttp_token(secret: str) -> Any:
    from aiohttp_oauth2_client.models.token import Token

    return Token(**token_of(secret))


def _service_information(secret: str) -> Any:
    from oauth2_client.credentials_manager import ServiceInformation

    return ServiceInformation(None, TOKEN_URL, "c", secret, [])


PEERS: dict[str, Make] = {
    "httpx-auth HeaderApiKey": _twin("httpx_auth", "HeaderApiKey"),
    "httpx-auth QueryApiKey": _twin("httpx_auth", "QueryApiKey"),
    "httpx-auth OAuth2ClientCredentials": _twin("httpx_auth", "OAuth2ClientCredentials"),
    "requests-auth HeaderApiKey": _twin("requests_auth", "HeaderApiKey"),
    "requests-auth QueryApiKey": _twin("requests_auth", "QueryApiKey"),
    "requests-auth OAuth2ClientCredentials": _twin("requests_auth", "OAuth2ClientCredentials"),
    "Authlib OAuth2Client, httpx2": lambda secret: authlib_client("httpx2", token=token_of(secret)),
    "Authlib OAuth2Session, requests": lambda secret: authlib_client("requests", token=token_of(secret)),
    "Authlib OAuth2Token": _authlib_token,
    "requests-oauthlib OAuth2Session": oauthlib_session,
    "requests-oauthlib token": _oauthlib_token,
    "requests-oauth2client BearerToken": _bearer_token,
    "requests-oauth2client OAuth2Client": lambda secret: oauth2client(Nowhere(), secret, "/token"),
    "requests-oauth2client client credentials auth": _cc_auth,
    "requests-oauth2client password auth": _password_auth,
    "google-auth Credentials": lambda secret: google_credentials(secret, secret, TOKEN_URL, secret),
    "httpx-oauth OAuth2Token": _httpx_oauth_token,
    "httpx-oauth OAuth2": _httpx_oauth_client,
    "httpx-oauth2 ClientCredentials": _httpx_oauth2_credentials,
    "aiohttp-oauth2-client Token": _aiohttp_token,
    "oauth2-client ServiceInformation": _service_information,
    "msal application": lambda secret: msal_app(Nowhere(), secret),
}

# ------------------------------------------------------------------ odd token answers


def _twin_odd(name: str, get: Callable[[Any, str], Any]) -> Make:
    def obtain(token_url: str) -> Any:
        module = __import__(name)
        module.OAuth2.token_cache.clear()
        return get(module.OAuth2ClientCredentials(token_url, client_id="c", client_secret="s"), token_url)

    return obtain


def _authlib_odd(kind: str) -> Make:
    def obtain(token_url: str) -> Any:
        with authlib_client(kind, client_secret="s") as client:
            return client.fetch_token(token_url, grant_type="client_credentials")

    return obtain


def _google_odd(token_url: str) -> Any:
    import requests
    from google.auth.transport.requests import Request

    session = requests.Session()
    session.trust_env = False
    google_credentials(None, "r", token_url).refresh(Request(session))


def _oauth2client_odd(token_url: str) -> Any:
    from requests_oauth2client import OAuth2Client

    return OAuth2Client(
        token_endpoint=token_url, client_id="c", client_secret="s", testing=True
    ).client_credentials()


def _httpx_oauth2_odd(token_url: str) -> Any:
    import httpx
    import httpx_oauth2

    metadata = {
        "token_endpoint": token_url,
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "grant_types_supported": ["client_credentials"],
    }
    client = httpx_oauth2.OAuthAuthorityClient(httpx.Client(trust_env=False), metadata)
    return client.get_token(httpx_oauth2.ClientCredentials("c", "s"))


ODD_TOKENS: dict[str, Make] = {
    "httpx-auth": _twin_odd("httpx_auth", httpx_get),
    "requests-auth": _twin_odd("requests_auth", requests_get),
    "Authlib, httpx2": _authlib_odd("httpx2"),
    "Authlib, requests": _authlib_odd("requests"),
    "requests-oauthlib": lambda token_url: oauthlib_session().fetch_token(token_url, client_secret="s"),
    "requests-oauth2client": _oauth2client_odd,
    "google-auth": _google_odd,
    "httpx-oauth2": _httpx_oauth2_odd,
}

# ------------------------------------------------------------------ files


def _twin_file(name: str, get: Callable[[Any, str], Any]) -> Callable[[Stage, Path], None]:
    def write(stage: Stage, path: Path) -> None:
        module = __import__(name)
        before = module.OAuth2.token_cache
        module.OAuth2.token_cache = module.JsonTokenFileCache(str(path))
        try:
            auth = module.OAuth2ClientCredentials(
                stage.api.origin + "/token", client_id="c", client_secret="s"
            )
            get(auth, stage.api.origin + "/orders")
        finally:
            module.OAuth2.token_cache = before

    return write


def _msal_file(stage: Stage, path: Path) -> None:
    """What the documentation of MSAL does: it serialises, the program writes."""
    import msal

    cache = msal.SerializableTokenCache()
    msal_app(stage, "s", cache).acquire_token_for_client(["a/.default"])
    path.write_text(cache.serialize(), encoding="utf-8")


def _google_file(stage: Stage, path: Path) -> None:
    """What the quickstarts of google-auth do."""
    credentials = google_credentials(stage.api.token, "r", stage.api.origin + "/token")
    path.write_text(credentials.to_json(), encoding="utf-8")


FILES: dict[str, Callable[[Stage, Path], None]] = {
    "httpx-auth JsonTokenFileCache": _twin_file("httpx_auth", httpx_get),
    "requests-auth JsonTokenFileCache": _twin_file("requests_auth", requests_get),
    "msal SerializableTokenCache": _msal_file,
    "google-auth to_json": _google_file,
}
