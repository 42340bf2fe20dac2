"""What a record will send, shown with its secrets masked. Made by the code that sends it, with stand-ins for secrets.

No stored or typed secret takes part: each is replaced by the mask before anything is built, so that nothing has to
be taken out again afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..core.contracts import Means
from ..core.errors import AuthrecordError, DocumentFault
from ..core.fields import CLIENT_CREDENTIALS, IMPLICIT, PASSWORD
from ..core.messages import Pairs, Request, Stamp, plain
from ..core.secret import MASK, Reference, Secret
from ..core.token import Token
from ..documents import records_from
from ..grants import authorization_code, client_credentials, implicit
from ..grants import password as password_grant
from ..grants.client import OAuthClient
from ..grants.endpoint import token_request
from ..keeper.resolving import client_of
from ..record import OAuth2, Record
from ..schemes.api_key import ApiKey, ApiKeyScheme
from ..schemes.bearer import BearerScheme
from ..schemes.oauth2 import OAuth2Scheme

_ANYWHERE: Final = "https://…"
_STAND_IN: Final = "~authrecord-secret~"
"""Allowed in every place where a secret is sent; whatever holds it is shown as the mask."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a shown request. `kind`: `verb`, `name`, `secret`, or empty for plain text."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One request, under a label: its lines, each in pieces."""

    label: str
    lines: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What will be sent. `missing`: what must be filled in before anything can be shown, path and words."""

    blocks: tuple[Block, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()


def preview(data: Mapping[str, Any], *, callback: str) -> Preview:
    """What a record of this plain data would send. `callback`: the address that answers come back to."""
    try:
        (record,) = records_from(_complete(data))
    except DocumentFault as fault:
        return Preview(missing=tuple((one.path, f"{one.message} {one.hint}".strip()) for one in fault.faults))
    auth = record.auth
    if not isinstance(auth, OAuth2):
        return Preview((_to_api(record, _static_stamp(record)),))
    try:
        blocks = _to_provider(record, auth, callback)
        token = Token(access_token=Secret(MASK), id_token=Secret(MASK), obtained_at=0.0)
        stamp = OAuth2Scheme(auth.token_usage).stamp(_outgoing(), token)
    except AuthrecordError as error:
        field = getattr(error, "field", "")
        return Preview(missing=((field, f"{error.message} {error.hint}".strip()),))
    return Preview((*blocks, _to_api(record, stamp)))


def _complete(data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with a name and with stand-ins for every secret, so that a half-filled form shows what it can."""
    masked: dict[str, Any] = _masked(data)
    masked["name"] = masked.get("name") or "new-record"
    auth = masked["auth"]
    if auth["type"] == "bearer":
        auth["token"] = Secret(_STAND_IN)
    elif auth["type"] == "api_key":
        auth["value"] = Secret(_STAND_IN)
    return masked


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        masked = {key: _masked(item) for key, item in value.items()}
        for key in ("client_secret", "password", "token"):
            if isinstance(masked.get(key), str) and masked[key] and not masked[key].startswith("${"):
                masked[key] = Secret(_STAND_IN)
        if masked.get("sensitive") is True and isinstance(masked.get("value"), str) and masked["value"]:
            masked["value"] = Secret(_STAND_IN)
        if masked.get("client_id_sensitive") is True and masked.get("client_id"):
            masked["client_id"] = Secret(_STAND_IN)
        return masked
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return Secret(_STAND_IN) if isinstance(value, Secret) else value


def _static_stamp(record: Record) -> Stamp:
    auth = record.auth
    if isinstance(auth, ApiKey):
        return ApiKeyScheme(auth.key, Secret(MASK), auth.send_in).stamp(_outgoing(), None)
    return BearerScheme(getattr(auth, "prefix", ""), Secret(MASK)).stamp(_outgoing(), None)


def _outgoing() -> Any:
    from ..core.messages import Outgoing

    return Outgoing("GET", "")


def _means() -> Means:
    return Means(now=lambda: 0.0, random=lambda: "‹random›", sign=lambda *_: Secret("‹signed JWT›"))


def _to_provider(record: Record, auth: OAuth2, callback: str) -> tuple[Block, ...]:
    """The authorization request, where there is one, and the token request."""
    client = _with_places(client_of(record, auth, _named))
    means = _means()
    if auth.grant == CLIENT_CREDENTIALS:
        return (_block("Gets a token", next(client_credentials.obtain(client, means)), client),)
    if auth.grant == PASSWORD:
        return (_block("Gets a token", next(password_grant.obtain(client, means)), client),)
    redirect = client.callback_url or callback
    begin = implicit.begin if auth.grant == IMPLICIT else authorization_code.begin
    pending = begin(client, replace(means, random=lambda: "x" * 43), redirect_uri=redirect)
    login = _address_block("Opens in the browser", pending.authorization_url.reveal())
    if auth.grant == IMPLICIT:
        return (login,)
    form: Pairs = (("grant_type", "authorization_code"), ("code", "‹code›"), ("redirect_uri", redirect))
    if client.pkce:
        form = (*form, ("code_verifier", "‹verifier›"))
    asked = next(_exchange(client, means, form))
    return (login, _block("Exchanges the code", asked, client))


def _exchange(client: OAuthClient, means: Means, form: Pairs) -> Any:
    yield token_request(client, means, client.token_url, form, client.token_parameters)


def _named(reference: Reference) -> Secret:
    return Secret(_STAND_IN)


def _with_places(client: OAuthClient) -> OAuthClient:
    """Where the issuer will be asked for URLs, a word stands for each."""
    if not client.issuer:
        return client
    origin = client.issuer.rstrip("/")
    return replace(
        client,
        authorization_url=client.authorization_url or f"{origin}/discovered-authorization-endpoint",
        token_url=client.token_url or f"{origin}/discovered-token-endpoint",
    )


def _block(label: str, request: Request, client: OAuthClient) -> Block:
    host, path = _split(request.wire_url())
    lines: list[tuple[Part, ...]] = [_first(request.method, path), _header("Host", host)]
    for name, value in request.headers:
        text = plain(value)
        if text.startswith("Basic "):
            known = MASK if isinstance(client.client_id, Secret) else client.client_id
            lines.append(
                (
                    Part(f"{name}: ", "name"),
                    Part("Basic base64("),
                    Part(known),
                    Part(":"),
                    _secret(),
                    Part(")"),
                )
            )
        else:
            lines.append((Part(f"{name}: ", "name"), _value(value)))
    if request.form is not None:
        lines.append(())
        last = len(request.form) - 1
        lines += [
            (Part(f"{name}=", "name"), _value(value), Part("" if number == last else "&"))
            for number, (name, value) in enumerate(request.form)
        ]
    return Block(label, tuple(lines))


def _address_block(label: str, url: str) -> Block:
    """An address with its query, a parameter a line. State and challenge are new each time."""
    from urllib.parse import parse_qsl

    host, path = _split(url)
    path, _, query = path.partition("?")
    lines: list[tuple[Part, ...]] = [_first("GET", path), _header("Host", host)]
    changing = {"state": "‹new each time›", "code_challenge": "‹new each time›"}
    for number, (name, value) in enumerate(parse_qsl(query, keep_blank_values=True)):
        fresh = name in changing and (name == "code_challenge" or value == "x" * 43)
        shown = Part(changing[name]) if fresh else (_secret() if _STAND_IN in value else Part(value))
        lines.append((Part("?" if number == 0 else "&"), Part(f"{name}=", "name"), shown))
    return Block(label, tuple(lines))


def _to_api(record: Record, stamp: Stamp) -> Block:
    origin = record.allowed_origins[0] if record.allowed_origins else _ANYWHERE
    host, path = _split(f"{origin}/…")
    lines: list[tuple[Part, ...]] = []
    if stamp.query:
        name = stamp.query[0][0]
        lines.append((Part("GET ", "verb"), Part(f"{path}?"), Part(f"{name}=", "name"), _secret()))
    else:
        lines.append(_first("GET", path))
    lines.append(_header("Host", host))
    for name, value in stamp.headers:
        lines.append((Part(f"{name}: ", "name"), *_around_mask(plain(value))))
    if stamp.cookies:
        lines.append((Part("Cookie: ", "name"), Part(f"{stamp.cookies[0][0]}="), _secret()))
    return Block("Then each request to the API", tuple(lines))


def _around_mask(text: str) -> tuple[Part, ...]:
    before, found, after = text.partition(MASK)
    return tuple(part for part in (Part(before), _secret() if found else Part(""), Part(after)) if part.text)


def _first(method: str, path: str) -> tuple[Part, ...]:
    return (Part(f"{method} ", "verb"), Part(path))


def _header(name: str, value: str) -> tuple[Part, ...]:
    return (Part(f"{name}: ", "name"), Part(value))


def _value(value: Any) -> Part:
    text = plain(value)
    if text.startswith("‹"):
        return Part(text)
    return _secret() if isinstance(value, Secret) or _STAND_IN in text else Part(text)


def _secret() -> Part:
    return Part(MASK, "secret")


def _split(url: str) -> tuple[str, str]:
    host, _, path = url.partition("://")[2].partition("/")
    return host, f"/{path}"
