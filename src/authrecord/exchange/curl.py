"""A curl command: the credentials that it sends become drafts. It is read, never run, and no file it names is opened.

A request to a token endpoint (`grant_type` in its body) becomes an OAuth 2.0 record instead. Basic authentication is
no kind of record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from .authentication import CREDENTIALS, EXCHANGE, Auth, auth_of, basic_or_raw, bearer, keyed, parameter
from .curl_options import MEANINGS, options_of
from .draft import Imported, name_from, once, refused
from .gathering import only
from .headers import auth_of_header, credentials_in
from .shell import words_of
from .values import looks_like_a_key_name, origin_text, shown

_COMMAND: Final = re.compile(r"(?:.*[/\\])?curl(?:\.exe)?")
_SETTING: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_BODIES: Final = ("data", "data-ascii", "data-binary", "data-raw", "data-urlencode")
_REPEATABLE_GRANTS: Final = ("client_credentials", "password")
_OWNED: Final = ("grant_type", "client_id", "client_secret", "username", "password", "scope")
_BEGINNINGS: Final = ("$", ">", "sudo", "command", "time", "exec")
_BASIC: Final = "Basic authentication was left out: no kind of record does that."
MOST_PAIRS: Final = 1_000


def is_command(text: str) -> bool:
    """True for text that begins with curl, after a prompt or variables that are set for it."""
    beginning = text[:1_000].replace("\\\n", " ").split()
    return any(_COMMAND.fullmatch(word) is not None for word in _after_beginnings(beginning)[:1])


def _after_beginnings(words: list[str]) -> list[str]:
    for number, word in enumerate(words):
        if word not in _BEGINNINGS and not _SETTING.fullmatch(word):
            return words[number:]
    return []


@dataclass(slots=True)
class _Command:
    """What a command says. `notes`: about what was left out."""

    urls: list[str] = field(default_factory=list, repr=False)
    headers: list[tuple[str, str]] = field(default_factory=list, repr=False)
    body: list[tuple[str, str]] = field(default_factory=list, repr=False)
    query: list[tuple[str, str]] = field(default_factory=list, repr=False)
    cookies: list[tuple[str, str]] = field(default_factory=list, repr=False)
    user: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)
    body_in_query: bool = False
    notes: list[str] = field(default_factory=list)


def read(text: str) -> Imported:
    """The drafts in the first command of `text`. Raises `DocumentFault` when it sends no credential that is known."""
    words = _after_beginnings(words_of(text.strip().removeprefix("$ ")))
    if not words or not _COMMAND.fullmatch(words[0]):
        raise refused("does not begin with a curl command.")
    command = _understood(words[1:])
    origins = list(dict.fromkeys(origin for url in command.urls if (origin := origin_text(url))))
    name = name_from(urlsplit(origins[0]).hostname) if origins else "curl"
    endpoint = _token_request(command)
    if endpoint is not None:
        note = "This is a request for a token. Fill in the allowed hosts: the API that the token is for."
        return only(name, "curl command", [(endpoint, ())], [*command.notes, note])
    found = [(auth, origins) for auth in _credentials(command)]
    if len(found) > 1:
        command.notes.append("The command sends several credentials; a record carries one of them.")
    if not found and not command.notes:
        command.notes.append("It sends no credential that is known: no token, no API key.")
    if command.urls and not origins:
        command.notes.append("Its address is a placeholder or incomplete: fill in the allowed hosts.")
    return only(name, "curl command", found, command.notes)


def _understood(words: list[str]) -> _Command:
    command = _Command()
    for option, value in options_of(words):
        if option in _TAKING:
            _TAKING[option](command, value)
        elif option in MEANINGS:
            command.notes.append(MEANINGS[option])
    if command.body_in_query:
        command.query += command.body
        command.body = []
    for url in command.urls:
        command.query += parse_qsl(url.partition("#")[0].partition("?")[2])[:MOST_PAIRS]
    return command


def _url(command: _Command, value: str) -> None:
    command.urls.append(value if "://" in value else f"http://{value}")


def _get(command: _Command, value: str) -> None:
    command.body_in_query = True


def _user(command: _Command, value: str) -> None:
    command.user = value


def _token(command: _Command, value: str) -> None:
    command.token = value


def _cookie(command: _Command, value: str) -> None:
    command.cookies += _cookies(value)


def _body(command: _Command, value: str) -> None:
    command.body += _pairs(command, value)


def _query(command: _Command, value: str) -> None:
    command.query += _pairs(command, value)


def _header(command: _Command, value: str) -> None:
    if value.startswith("@"):
        command.notes.append("Headers in a file were left out: no file is read.")
        return
    name, _, content = value.partition(":")
    if name.strip().lower() == "cookie":
        command.cookies += _cookies(content)
    elif content.strip():
        command.headers.append((name.strip(), content.strip()))


def _cookies(value: str) -> list[tuple[str, str]]:
    pairs = [piece.strip().partition("=") for piece in value.split(";")]
    return [(name, content) for name, equals, content in pairs if equals][:MOST_PAIRS]


def _pairs(command: _Command, value: str) -> list[tuple[str, str]]:
    """The pairs of a form-encoded body."""
    if value.startswith("@") or value.partition("=")[0].endswith("@"):
        command.notes.append("A body in a file was left out: no file is read.")
        return []
    return [] if value.lstrip().startswith(("{", "[", "<")) else parse_qsl(value)[:MOST_PAIRS]


_TAKING: Final[dict[str, Callable[[_Command, str], None]]] = {
    "url": _url,
    "header": _header,
    "url-query": _query,
    "get": _get,
    "user": _user,
    "oauth2-bearer": _token,
    "cookie": _cookie,
    **dict.fromkeys(_BODIES, _body),
}
"""What each option adds to the command."""


def _credentials(command: _Command) -> Iterator[Auth]:
    """Every credential, in the order in which an API looks for them; notes about what is none of a record's."""
    if command.token is not None:
        yield bearer(command.token)
    for header in credentials_in(command.headers):
        found = auth_of_header(header)
        if isinstance(found, str):
            command.notes.append(found)
        else:
            yield found
    for place, pairs in (("query", command.query), ("cookie", command.cookies)):
        yield from (keyed(name, content, place) for name, content in pairs if looks_like_a_key_name(name))
    _note_the_rest(command)


def _note_the_rest(command: _Command) -> None:
    if command.cookies and not any(looks_like_a_key_name(name) for name, _ in command.cookies):
        command.notes.append(
            "Cookies were left out. If one of them is the API's key, choose API Key and Cookie."
        )
    if command.user:
        command.notes.append(_BASIC)
    for name, _ in command.body:
        if looks_like_a_key_name(name):
            command.notes.append(f"{shown(name)} is sent in the body, where no record puts a credential.")


def _token_request(command: _Command) -> Auth | None:
    """The record that makes the same token request, if the command is one that a record repeats."""
    body = dict(command.body)
    grant = body.get("grant_type")
    if grant is None or not command.urls:
        return None
    if grant not in _REPEATABLE_GRANTS:
        command.notes.append(
            "It asks for a token by a grant that only a login, or a token from before, can repeat."
        )
        return None
    user, _, password = command.user.partition(":")
    client_id = body.get("client_id") or user
    client_secret = body.get("client_secret") or password
    in_body = "client_secret" in body
    by_header = basic_or_raw(client_id, client_secret) if client_secret else "none"
    values: dict[str, object] = {
        EXCHANGE + "url": command.urls[0],
        EXCHANGE + "scope": body.get("scope"),
        EXCHANGE + "client_authentication": "body" if in_body else by_header,
        EXCHANGE + "parameters": [
            parameter(key, value, "body") for key, value in command.body if key not in _OWNED
        ],
        CREDENTIALS + "client_id": client_id,
        CREDENTIALS + "client_secret": client_secret,
        CREDENTIALS + "username": body.get("username"),
        CREDENTIALS + "password": body.get("password"),
    }
    return auth_of("oauth2", values, grant=grant, notes=once(command.notes))
