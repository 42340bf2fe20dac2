""".bru files: blocks, switched-off lines, placement, and what one file cannot know."""

from __future__ import annotations

import pytest

from authrecord.core.errors import DocumentFault
from authrecord.exchange.bruno import blocks_of
from tests.canary_watch import Canary
from tests.exchange.samples import imported, only, revealed, told

COLLECTION = """meta {{
  name: Orders API
}}

auth {{
  mode: oauth2
}}

auth:oauth2 {{
  grant_type: client_credentials
  access_token_url: https://id.example/token
  refresh_token_url:
  client_id: scanner
  client_secret: {secret}
  scope: read
  credentials_placement: {placement}
  token_placement: header
  token_header_prefix: Token
  ~state: off
}}

auth:oauth2:additional_params:access_token_req:body {{
  audience: orders
  ~off: x
}}

auth:oauth2:additional_params:access_token_req:queryparams {{
  tenant: t
}}
"""


@pytest.mark.parametrize(
    ("placement", "ours"),
    [("basic_auth_header", "basic"), ("body", "body"), ("header", "body"), ("", "body")],
)
def test_a_collection_file_becomes_a_record(canary: Canary, placement: str, ours: str) -> None:
    secret = canary("client secret")
    found = imported(COLLECTION.format(secret=secret, placement=placement))
    (draft,) = found.drafts
    auth = draft.data["auth"]
    assert draft.name == "Orders-API"
    assert auth["token_exchange"].get("client_authentication", "basic") == ours
    assert auth["token_usage"]["header_prefix"] == "Token"
    assert [(line["key"], line["send_in"]) for line in auth["token_exchange"]["parameters"]] == [
        ("audience", "body"),
        ("tenant", "query"),
    ]
    assert revealed(auth["credentials"]["client_secret"]) == secret
    assert draft.missing == ("allowed_origins",)
    canary.scan(told(found), "what is told")


def test_a_request_file_brings_its_host(canary: Canary) -> None:
    text = f"""meta {{
  name: me
  type: http
}}

get {{
  url: {{{{base}}}}/me
  body: none
  auth: apikey
}}

auth:apikey {{
  key: X-Key
  value: {canary("key")}
  placement: queryparams
}}

vars:pre-request {{
  base: https://api.example
}}
"""
    draft = only(text)
    assert draft.data["allowed_origins"] == ["https://api.example"]
    assert draft.data["auth"]["send_in"] == "query"
    assert draft.record().name == "me"


def test_a_switched_off_secret_is_not_taken(canary: Canary) -> None:
    draft = only(f"auth {{\n  mode: bearer\n}}\n\nauth:bearer {{\n  ~token: {canary('token')}\n}}\n")
    assert draft.missing == ("allowed_origins", "auth.token")


@pytest.mark.parametrize(
    ("mode", "words"), [("inherit", "collection.bru"), ("none", "nothing is authenticated"), ("wsse", "wsse")]
)
def test_what_one_file_cannot_give_is_told(mode: str, words: str) -> None:
    with pytest.raises(DocumentFault, match=words):
        imported(f"get {{\n  url: https://api.example/\n  auth: {mode}\n}}\n")


def test_values_over_several_lines_and_text_blocks_do_not_confuse_the_reader() -> None:
    blocks = blocks_of(
        "docs {\n  auth {\n    mode: bearer\n  }\n}\n\n"
        "auth:bearer {\n  token: '''\n    a\n    b\n  '''\n}\nopen {\n  x: y"
    )
    assert "auth" not in blocks
    assert blocks["auth:bearer"] == {"token": "a\nb"}
    assert blocks["open"] == {"x": "y"}
