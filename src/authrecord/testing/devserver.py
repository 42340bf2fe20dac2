"""The honest server as a place to try things: started with clients, a user and keys, and a document that fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from .honest import HonestServer
from .state import Client, User

TEN_YEARS = 10 * 365 * 86400.0
"""Seconds that the token of the bearer record lives: it cannot be renewed."""


@dataclass(frozen=True, slots=True)
class DevServer:
    """A running honest server, and the document of six records that work against it."""

    server: HonestServer
    client: Client
    user: User
    document: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    """The secrets that stand in the document."""


def start(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token_life: float = 60.0,
    make_secret: Callable[[str], str] | None = None,
) -> DevServer:
    """Start the server. Raises `OSError` when the address cannot be had.

    `token_life` in seconds. `make_secret`: makes every token, key and secret, given what it is for. Prints nothing;
    `DevServer.server.stop()` ends it.
    """
    server = HonestServer(host=host, port=port, token_life=token_life, make_secret=make_secret).start()
    client = server.register_client(client_id="try-me")
    user = server.register_user("ada")
    token = server.issue_token(life=TEN_YEARS)
    key = server.register_api_key()
    document = example_document(server, client, user, token=token, key=key)
    return DevServer(server, client, user, document, (client.secret, user.password, token, key))


def example_document(server: HonestServer, client: Client, user: User, *, token: str, key: str) -> str:
    """A YAML document with one record of each of the six kinds, for a client of all grants."""
    origins = f"allowed_origins: [{_quoted(server.url)}]"
    credentials = (
        f"credentials: {{client_id: {_quoted(client.client_id)}, client_secret: {_quoted(client.secret)}}}"
    )
    exchange = f"token_exchange: {{url: {_quoted(server.token_url)}}}"
    authorization = f"authorization: {{url: {_quoted(server.authorization_url)}, scope: orders.read}}"
    return f"""\
# Made by `authrecord devserver`. At its page, log in as {user.username} with the password of the record `password`.
records:
  - name: bearer
    {origins}
    auth: {{type: bearer, token: {_quoted(token)}}}
  - name: api-key
    {origins}
    auth: {{type: api_key, key: X-API-Key, value: {_quoted(key)}}}
  - name: authorization-code
    {origins}
    auth:
      type: oauth2
      grant: authorization_code
      {authorization}
      {credentials}
      {exchange}
  - name: implicit
    {origins}
    auth:
      type: oauth2
      grant: implicit
      {authorization}
      credentials: {{client_id: {_quoted(client.client_id)}}}
  - name: password
    {origins}
    auth:
      type: oauth2
      grant: password
      credentials:
        client_id: {_quoted(client.client_id)}
        client_secret: {_quoted(client.secret)}
        username: {_quoted(user.username)}
        password: {_quoted(user.password)}
      {exchange}
  - name: client-credentials
    {origins}
    auth:
      type: oauth2
      grant: client_credentials
      {credentials}
      {exchange}
"""


def _quoted(text: str) -> str:
    """A YAML scalar in double quotes, whatever is in it: JSON's are a part of YAML's."""
    return json.dumps(text)
