"""Texts in the shapes that the tools write, with the secrets that a test gives; and what is asked of any answer."""

from __future__ import annotations

import json
from typing import Any

import yaml

from authrecord.core.secret import Secret
from authrecord.exchange.draft import Draft, Imported
from authrecord.exchange.recognize import read

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def imported(text: str, format: str = "") -> Imported:
    """What a foreign text holds."""
    found = read(text, format)
    assert found is not None
    return found


def only(text: str) -> Draft:
    """The one draft in a text."""
    (draft,) = imported(text).drafts
    return draft


def told(found: Imported) -> str:
    """Everything that is shown to a person, and how the values print."""
    notes = [*found.notes, *(note for draft in found.drafts for note in draft.notes)]
    return "\n".join([*notes, repr(found), *(repr(draft.data) for draft in found.drafts)])


def revealed(value: object) -> str:
    """The text of a secret; that it is one is a part of the test."""
    assert isinstance(value, Secret)
    return value.reveal()


def postman_auth(kind: str, **values: Any) -> dict[str, Any]:
    """An `auth` of Postman v2.1."""
    return {
        "type": kind,
        kind: [{"key": key, "value": value, "type": "any"} for key, value in values.items()],
    }


def postman(items: list[dict[str, Any]], **more: Any) -> str:
    """A Postman collection."""
    return json.dumps({"info": {"name": "demo", "schema": SCHEMA}, "item": items, **more})


def request(name: str, url: Any = "https://api.example/me", **more: Any) -> dict[str, Any]:
    """A request of a Postman collection."""
    return {"name": name, "request": {"method": "GET", "url": url, **more}}


SHAPES: list[Any] = [
    yaml.safe_load(text)
    for text in (
        """
info: {name: demo, schema: "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}
variable: [{key: base, value: "https://api.example"}]
auth:
  type: oauth2
  oauth2:
    - {key: grant_type, value: authorization_code_with_pkce}
    - {key: authUrl, value: "https://idp.example/authorize"}
    - {key: accessTokenUrl, value: "https://idp.example/token"}
    - {key: redirect_uri, value: "https://oauth.pstmn.io/v1/callback"}
    - {key: clientId, value: id}
    - {key: audience, value: {a: b}}
    - {key: tokenRequestParams, value: [{key: audience, value: x, enabled: true, send_as: request_body}]}
item:
  - {name: me, request: {method: GET, url: {raw: "{{base}}/me"}}}
  - {name: folder, item: [{name: key, request: {url: x, auth: {type: apikey, apikey: [{key: key, value: X}]}}}]}
""",
        """
opencollection: "1.0.0"
info: {name: demo}
request:
  variables: [{name: id, value: x}]
  auth:
    type: oauth2
    flow: authorization_code
    authorizationUrl: https://idp.example/authorize
    accessTokenUrl: https://idp.example/token
    credentials: {clientId: x, clientSecret: y, placement: basic_auth_header}
    scope: openid offline_access
    additionalParameters:
      accessTokenRequest: [{name: audience, value: "https://api.example", placement: body}]
    tokenConfig: {id: demo, placement: {header: Bearer}, source: access_token}
items:
  - {info: {name: me, type: http}, http: {method: GET, url: "https://api.example/me", auth: inherit}}
  - {info: {name: f, type: folder}, items: [{info: {name: g}, http: {url: x, auth: {type: bearer, token: y}}}]}
""",
        """
type: collection.insomnia.rest/5.0
name: demo
collection:
  - name: me
    url: https://api.example/me
    authentication:
      type: oauth2
      grantType: client_credentials
      accessTokenUrl: https://idp.example/token
      clientId: x
      clientSecret: y
      credentialsInBody: false
      audience: https://api.example
  - {name: f, authentication: {type: apikey, key: X, value: y, addTo: cookie}, children: [{name: g, url: x}]}
""",
        """
_type: export
resources:
  - {_type: request, _id: r, parentId: f, url: x, authentication: {}}
  - {_type: request_group, _id: f, parentId: w, authentication: {type: bearer, token: x, prefix: NO_PREFIX}}
""",
        """
v: 12
name: demo
requests: [{name: me, endpoint: "https://api.example/me", auth: {authType: inherit, authActive: true}}]
folders: [{name: f, auth: {authType: bearer, token: x}, requests: [{name: g, endpoint: x}], folders: []}]
variables: [{key: x, currentValue: y}]
auth:
  authType: oauth-2
  authActive: true
  addTo: HEADERS
  grantTypeInfo:
    grantType: CLIENT_CREDENTIALS
    authEndpoint: https://idp.example/token
    clientID: x
    clientSecret: y
    scopes: read
    tokenRequestParams: [{key: audience, value: x, active: true, sendIn: body}]
""",
        """
openapi: 3.1.1
info: {title: demo}
servers: [{url: "https://{x}.example/v1", variables: {x: {default: api}}}]
security: [{oidc: []}]
paths: {/me: {get: {security: [{oidc: [read], key: []}], servers: [{url: /x}]}}}
components:
  securitySchemes:
    oidc: {type: oauth2, flows: {clientCredentials: {tokenUrl: /token, scopes: {read: x}}}}
    key: {type: apiKey, in: header, name: X-API-Key}
    id: {type: openIdConnect, openIdConnectUrl: "https://id.example/.well-known/openid-configuration"}
    jwt: {type: http, scheme: bearer}
    other: {$ref: "#/components/securitySchemes/key"}
""",
        """
swagger: "2.0"
host: api.example
schemes: [https]
securityDefinitions:
  o: {type: oauth2, flow: accessCode, authorizationUrl: "https://a.example", tokenUrl: x, scopes: {}}
""",
    )
]
"""A text of each format as plain data, to be bent."""
