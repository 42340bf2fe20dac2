"""The honest server as a place to try things: started with clients, a user and keys, and a document that fits."""

from __future__ import annotations

from dataclasses import dataclass

from .honest import HonestServer
from .state import Client, User


@dataclass(frozen=True, slots=True)
class DevServer:
    """A running honest server, and the document of six records that work against it."""

    server: HonestServer
    client: Client
    user: User
    document: str


def start(*, host: str = "127.0.0.1", port: int = 0, token_life: float = 60.0) -> DevServer:
    """Start the server. Raises `OSError` when the address cannot be had. `token_life` in seconds."""
    server = HonestServer(host=host, port=port, token_life=token_life).start()
    client = server.register_client(client_id="try-me")
    user = server.register_user("ada")
    return DevServer(server, client, user, example_document(server, client, user))


def example_document(server: HonestServer, client: Client, user: User) -> str:
    """A YAML document with one record of each of the six kinds."""
    key = server.register_api_key()
    token = server.issue_token(life=10 * 365 * 86400.0)
    origins = f"allowed_origins: ['{server.url}']"
    credentials = f"credentials: {{client_id: {client.client_id}, client_secret: '{client.secret}'}}"
    exchange = f"token_exchange: {{url: '{server.token_url}'}}"
    authorization = f"authorization: {{url: '{server.authorization_url}', scope: orders.read}}"
    return f"""\
# Made by `authrecord devserver`. The user's name is {user.username}.
records:
  - name: bearer
    {origins}
    auth: {{type: bearer, token: '{token}'}}
  - name: api-key
    {origins}
    auth: {{type: api_key, key: X-API-Key, value: '{key}'}}
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
      credentials: {{client_id: {client.client_id}}}
  - name: password
    {origins}
    auth:
      type: oauth2
      grant: password
      credentials:
        client_id: {client.client_id}
        client_secret: '{client.secret}'
        username: {user.username}
        password: '{user.password}'
      {exchange}
  - name: client-credentials
    {origins}
    auth:
      type: oauth2
      grant: client_credentials
      {credentials}
      {exchange}
"""
