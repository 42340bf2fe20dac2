"""The authorization endpoint of the honest server (RFC 6749 §3.1): a small login page, or none."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from .messages import Received, Reply, as_html, doubled, redirect
from .state import Client, Code, State

CODE_SECONDS = 60.0

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Log in</title><style>body{{font:16px/1.5 system-ui;max-width:22rem;margin:4rem auto;padding:0 1rem}}
label{{display:block;margin:.8rem 0}}input{{width:100%;font:inherit;padding:.4rem;box-sizing:border-box}}
button{{font:inherit;padding:.5rem 1rem}}</style><h1>Log in</h1>
<p>{client} asks for: {scope}</p><p role="alert">{wrong}</p>
<form method="post"><label>User name <input name="username" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button name="consent" value="yes">Log in and allow</button> <button name="consent" value="no">Deny</button></form>"""


def answer(
    received: Received, state: State, *, issuer: str, auto_login: bool, life: float, demands_pkce: bool
) -> Reply:
    """The answer to an authorization request: a page, or a redirect with a code, a token or an error."""
    state.count(authorization_requests=1)
    query = dict(received.query)
    client = state.clients.get(query.get("client_id", ""))
    redirect_uri = query.get("redirect_uri", "")
    if client is None or doubled(received.query):
        return as_html("<h1>Unknown client, or a doubled parameter</h1>", 400)
    if not _registered(redirect_uri, client):
        return as_html("<h1>This redirect_uri is not registered</h1>", 400)
    fault = _fault(query, client, demands_pkce=demands_pkce)
    if fault:
        return _back(query, {"error": fault}, issuer)
    if auto_login:
        return _allowed(query, client, state, issuer=issuer, life=life)
    if received.method != "POST":
        return _page(client, query)
    form = dict(received.form)
    if form.get("consent") == "no":
        return _back(query, {"error": "access_denied", "error_description": "the user said no"}, issuer)
    user = state.users.get(form.get("username", ""))
    if user is None or not hmac.compare_digest(form.get("password", "").encode(), user.password.encode()):
        return _page(client, query, wrong="That is not a user name and password that we know.")
    return _allowed(query, client, state, issuer=issuer, life=life)


def _page(client: Client, query: Mapping[str, str], wrong: str = "") -> Reply:
    scope = query.get("scope") or "nothing in particular"
    return as_html(PAGE.format(client=escape(client.client_id), scope=escape(scope), wrong=escape(wrong)))


def _registered(redirect_uri: str, client: Client) -> bool:
    """Exactly as registered; on loopback the port may vary (RFC 8252 §7.3). `*` stands for any loopback URL."""
    if redirect_uri in client.redirect_uris:
        return True
    loopback = redirect_uri.startswith(("http://127.0.0.1:", "http://[::1]:", "http://localhost:"))
    return loopback and "*" in client.redirect_uris


def _fault(query: Mapping[str, str], client: Client, *, demands_pkce: bool) -> str:
    kind = query.get("response_type", "")
    wanted = {"code": "authorization_code", "token": "implicit"}.get(kind)
    if wanted is None:
        return "unsupported_response_type"
    if wanted not in client.grants:
        return "unauthorized_client"
    challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "")
    if kind == "code" and (challenge or method or demands_pkce) and not _is_s256(challenge, method):
        return "invalid_request"
    return ""


def _is_s256(challenge: str, method: str) -> bool:
    """RFC 7636 §4.2: a SHA-256 in base64url without padding has 43 characters."""
    return method == "S256" and len(challenge) == 43


def _allowed(query: Mapping[str, str], client: Client, state: State, *, issuer: str, life: float) -> Reply:
    scope = query.get("scope", "")
    if query["response_type"] == "token":
        access, _ = state.issue(client.client_id, scope, life, renewable=False)
        seconds = int(life) if life == int(life) else life
        return _back(
            query, {"access_token": access, "token_type": "Bearer", "expires_in": str(seconds)}, issuer
        )
    code = state.make_secret("code")
    with state.lock:
        state.codes[code] = Code(
            client.client_id,
            query["redirect_uri"],
            query.get("code_challenge", ""),
            scope,
            state.now() + CODE_SECONDS,
        )
    return _back(query, {"code": code}, issuer)


def _back(query: Mapping[str, str], values: Mapping[str, str], issuer: str) -> Reply:
    answered = dict(values)
    if "state" in query:
        answered["state"] = query["state"]
    if issuer:
        answered["iss"] = issuer
    mark = "#" if query.get("response_type") == "token" else ("&" if "?" in query["redirect_uri"] else "?")
    return redirect(query["redirect_uri"] + mark + urlencode(answered))
