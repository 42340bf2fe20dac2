"""How each library begins a login and takes the answer. `Attempt` is what the benchmark does in between.

A login is started with a "browser" of ours: it gets the authorization URL, as a person's browser would.
"""

from __future__ import annotations

import asyncio
import os
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from leak_stage import Stage

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
BROWSER = httpx2.Client(trust_env=False, timeout=4)
"""Keeps its cookies: the forged answer comes from the very browser in which the login began, the worst case."""
CALLBACK = "http://127.0.0.1:1/callback"
Opened = Callable[[str], None]
Begin = Callable[[Stage, Opened], Any]
"""Starts a login, calls `Opened` with the authorization URL, and comes back when the login has ended."""


@contextmanager
def browser(opened: Opened) -> Iterator[None]:
    """Puts `opened` in the place of the system's browser; it runs beside the login."""

    class Fake:
        def open(self, url: str, *more: Any, **options: Any) -> bool:
            threading.Thread(target=opened, args=(url,), daemon=True).start()
            return True

    kept = webbrowser.get, webbrowser.open
    webbrowser.get = lambda *names: Fake()
    webbrowser.open = Fake().open
    try:
        yield
    finally:
        webbrowser.get, webbrowser.open = kept


def authrecord(stage: Stage, opened: Opened) -> Any:
    from authrecord import Authorization, Credentials, OAuth2, Record, Secret, TokenExchange
    from authrecord.signin import login
    from authrecord.wiring import Settings, make_keeper, memory_store

    auth = OAuth2(
        grant="authorization_code",
        authorization=Authorization(url=stage.api.origin + "/authorize", use_browser=True),
        credentials=Credentials(client_id="c", client_secret=Secret("s")),
        token_exchange=TokenExchange(url=stage.api.origin + "/token"),
    )
    record = Record(name="bench", allowed_origins=(stage.api.origin,), auth=auth)
    keeper = make_keeper(Settings.read({}), base=Path(), store=memory_store())

    def open_url(url: str) -> bool:
        """A start page of the listener, which leads to the provider and gives the browser a cookie."""

        def browse() -> None:
            opened(BROWSER.get(url).headers["location"])

        threading.Thread(target=browse, daemon=True).start()
        return True

    return login(keeper, record, open_url=open_url, timeout=8)


def twin(name: str, kind: str, port: int) -> Begin:
    """httpx-auth and requests-auth."""

    def begin(stage: Stage, opened: Opened) -> Any:
        from leak_peers import httpx_get, requests_get

        module = __import__(name)
        module.OAuth2.token_cache.clear()
        auth = getattr(module, kind)(
            stage.api.origin + "/authorize",
            stage.api.origin + "/token",
            client_id="c",
            redirect_uri_port=port,
            timeout=8,
        )
        get = httpx_get if name == "httpx_auth" else requests_get
        with browser(opened):
            return get(auth, stage.api.origin + "/orders")

    return begin


def aiohttp_oauth2_client(stage: Stage, opened: Opened) -> Any:
    async def run() -> None:
        import aiohttp
        from aiohttp_oauth2_client.grant.authorization_code import AuthorizationCodeGrant
        from aiohttp_oauth2_client.middleware import OAuth2Middleware

        grant = AuthorizationCodeGrant(
            stage.api.origin + "/token", stage.api.origin + "/authorize", "c", pkce=True
        )
        grant.timeout = 8
        try:
            async with aiohttp.ClientSession(middlewares=(OAuth2Middleware(grant),)) as session:
                await (await session.get(stage.api.origin + "/orders")).read()
        finally:
            await grant.close()

    with browser(opened):
        return asyncio.run(run())


def oauth2_client(port: int) -> Begin:
    def begin(stage: Stage, opened: Opened) -> Any:
        from oauth2_client.credentials_manager import CredentialManager, ServiceInformation

        callback = f"http://127.0.0.1:{port}/callback"
        information = ServiceInformation(
            stage.api.origin + "/authorize", stage.api.origin + "/token", "c", "s", []
        )
        manager = CredentialManager(information)
        url = manager.init_authorize_code_process(callback, state="the-state-that-was-sent")
        threading.Thread(target=opened, args=(url,), daemon=True).start()
        code = manager.wait_and_terminate_authorize_code_process(8)
        return manager.init_with_authorize_code(callback, code)

    return begin


# ------------------------------------------------------------------ libraries without a listener of their own

Hand = Callable[[Stage, str], Any]
"""Makes a login and hands the library the address that the browser was redirected to, with `query`."""


def authlib(kind: str, *, passes_state: bool) -> Hand:
    def hand(stage: Stage, query: str) -> Any:
        from leak_peers import authlib_client

        options = {"client_secret": "s", "redirect_uri": CALLBACK}
        with authlib_client(kind, **options) as client:
            _, state = client.create_authorization_url(stage.api.origin + "/authorize")
            extra = {"state": state} if passes_state else {}
            url = stage.api.origin + "/token"
            return client.fetch_token(url, authorization_response=f"{CALLBACK}?{query}", **extra)

    return hand


def requests_oauthlib(*, same_session: bool) -> Hand:
    def hand(stage: Stage, query: str) -> Any:
        from requests_oauthlib import OAuth2Session

        def session() -> Any:
            made = OAuth2Session("c", redirect_uri=CALLBACK)
            made.trust_env = False
            return made

        first = session()
        first.authorization_url(stage.api.origin + "/authorize")
        second = first if same_session else session()
        return second.fetch_token(
            stage.api.origin + "/token", authorization_response=f"{CALLBACK}?{query}", client_secret="s"
        )

    return hand


def requests_oauth2client(stage: Stage, query: str) -> Any:
    import requests
    from requests_oauth2client import OAuth2Client

    session = requests.Session()
    session.trust_env = False
    client = OAuth2Client(
        token_endpoint=stage.api.origin + "/token",
        authorization_endpoint=stage.api.origin + "/authorize",
        redirect_uri=CALLBACK,
        client_id="c",
        client_secret="s",
        testing=True,
        session=session,
    )
    request = client.authorization_request(scope=None)
    return client.authorization_code(request.validate_callback(f"{CALLBACK}?{query}"))


def msal(stage: Stage, query: str) -> Any:
    from urllib.parse import parse_qsl

    from leak_peers import msal_app

    app = msal_app(stage, "s")
    flow = app.initiate_auth_code_flow(["a"], redirect_uri=CALLBACK)
    return app.acquire_token_by_auth_code_flow(flow, dict(parse_qsl(query)))


HANDED: dict[str, Hand] = {
    "Authlib, httpx2, as the answer comes": authlib("httpx2", passes_state=False),
    "Authlib, httpx2, with state=": authlib("httpx2", passes_state=True),
    "Authlib, requests, as the answer comes": authlib("requests", passes_state=False),
    "Authlib, requests, with state=": authlib("requests", passes_state=True),
    "requests-oauthlib, a session per request": requests_oauthlib(same_session=False),
    "requests-oauthlib, the same session": requests_oauthlib(same_session=True),
    "requests-oauth2client": requests_oauth2client,
    "msal": msal,
}


def listening(free_port: Callable[[], int]) -> dict[str, Begin]:
    """The libraries that open a listener themselves. `free_port` finds ports for those that need one named."""
    return {
        "authrecord": authrecord,
        "httpx-auth, code": twin("httpx_auth", "OAuth2AuthorizationCode", free_port()),
        "httpx-auth, code with PKCE": twin("httpx_auth", "OAuth2AuthorizationCodePKCE", free_port()),
        "requests-auth, code": twin("requests_auth", "OAuth2AuthorizationCode", free_port()),
        "requests-auth, code with PKCE": twin("requests_auth", "OAuth2AuthorizationCodePKCE", free_port()),
        "aiohttp-oauth2-client": aiohttp_oauth2_client,
        "oauth2-client": oauth2_client(free_port()),
    }
