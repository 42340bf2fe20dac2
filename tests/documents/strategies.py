"""Records for property tests: any that `records_from` accepts, built from fields that are right one by one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from authrecord.core.fields import GRANTS, Field, Kind, fields_of
from authrecord.grants.reserved import AUTHORIZATION_REQUEST, TOKEN_REQUEST, TOKEN_REQUEST_HEADERS
from authrecord.record import OAuth2

_ODD_WORDS = [
    "no",
    "null",
    "~",
    "1e5",
    "0o17",
    "true",
    "2024-01-01",
    "- a",
    "#x",
    "a: b",
    "*a",
    "&a",
    "!a",
    "'",
    '"',
    "=",
    "<<",
]
_one_line = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=20)
texts = _one_line | st.sampled_from(_ODD_WORDS)
names = st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True).filter(lambda name: name not in (".", ".."))
printable = st.text(
    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20
) | st.sampled_from(_ODD_WORDS)
tokens = st.from_regex(r"X-[A-Za-z0-9]{1,10}", fullmatch=True)
urls = st.builds(
    lambda host, path: f"https://{host}.example.com/{path}",
    st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    st.from_regex(r"[a-zA-Z0-9/._~?&=%-]{0,20}", fullmatch=True),
)
_references = st.sampled_from(["${env:A}", "${file:/run/a b}", "${keyring:a/b}", "${command:pass show 'x'}"])
secrets = _references | printable.filter(lambda text: not text.startswith("${"))
_scopes = st.lists(st.from_regex(r"[a-z:./]{1,8}", fullmatch=True), max_size=3).map(" ".join)
_descriptions = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"), include_characters="\n\t"),
    max_size=60,
)
_OWNED = AUTHORIZATION_REQUEST | TOKEN_REQUEST | TOKEN_REQUEST_HEADERS

_KINDS: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: printable,
    Kind.SENSITIVE_TEXT: printable.filter(lambda text: not text.startswith("${")),
    Kind.URL: urls,
    Kind.CALLBACK_URL: urls | st.just("com.example.app:/cb"),
    Kind.SCOPE: _scopes,
    Kind.HEADER_NAME: tokens,
    Kind.HEADER_PREFIX: st.just("") | tokens,
    Kind.QUERY_NAME: texts.filter(bool),
    Kind.SECRET: secrets,
    Kind.BOOLEAN: st.booleans(),
    Kind.PATTERN: st.sampled_from(["", "token (has )?expired", "code=[401]", "'\"\\\\", "\u00fc: #"]),
    Kind.JSON_POINTER: st.sampled_from(["", "/a", "/a~1b/0"]),
    Kind.FILE: texts.filter(bool),
}
_ALONE = {"assertion_algorithm", "certificate_key_file", "client_authentication", "issuer"}
"""Fields that are right only together with others; the examples of other tests hold them."""


@st.composite
def parameters(draw: st.DrawFn, places: tuple[str, ...]) -> dict[str, Any]:
    """One custom parameter."""
    place = draw(st.sampled_from(places))
    key = draw(tokens if place == "header" else texts.filter(lambda text: text and text not in _OWNED))
    parameter: dict[str, Any] = {"key": key, "value": draw(secrets), "sensitive": draw(st.booleans())}
    return parameter if len(places) == 1 else {**parameter, "send_in": place}


def _lower_key(parameter: dict[str, Any]) -> str:
    return str(parameter["key"]).lower()


def _name(record: Any) -> str:
    return str(record["name"])


def _value(field: Field) -> st.SearchStrategy[Any]:
    if field.kind is Kind.PARAMETERS:
        return st.lists(parameters(field.places), max_size=3, unique_by=_lower_key)
    if field.choices:
        return st.sampled_from([choice.key for choice in field.choices])
    return _KINDS[field.kind]


@st.composite
def groups(draw: st.DrawFn, group: type, grant: str) -> dict[str, Any]:
    """One group of an OAuth 2.0 record, with some of its optional fields."""
    data: dict[str, Any] = {}
    for field in fields_of(group):
        if not field.applies_to(grant) or field.key in _ALONE:
            continue
        needed = field.required or grant in field.needed_for or field.key == "client_secret"
        if field.only_with is not None:
            continue
        if needed or draw(st.booleans()):
            data[field.key] = draw(_value(field))
    if data.get("add_to") == "query":
        data["query_name"] = draw(_KINDS[Kind.QUERY_NAME])
    return data


@st.composite
def oauth2(draw: st.DrawFn) -> dict[str, Any]:
    """The `auth` of an OAuth 2.0 record of any grant."""
    grant = draw(st.sampled_from(GRANTS))
    auth: dict[str, Any] = {"type": "oauth2", "grant": grant}
    for field in fields_of(OAuth2):
        if field.group_class is not None and field.applies_to(grant):
            auth[field.key] = draw(groups(field.group_class, grant))
    return auth


bearers = st.fixed_dictionaries(
    {"type": st.just("bearer"), "token": secrets}, optional={"prefix": st.just("") | tokens}
)
api_keys = st.fixed_dictionaries({"type": st.just("api_key"), "key": tokens, "value": secrets})
records = st.fixed_dictionaries(
    {"name": names, "auth": bearers | api_keys | oauth2()},
    optional={
        "description": _descriptions,
        "tags": st.lists(_one_line.filter(lambda text: text.strip()), max_size=3),
        "allowed_origins": st.lists(
            st.sampled_from(["https://a.example", "https://*.example.com", "http://127.0.0.1:1"])
        ),
    },
)
documents = st.lists(records, max_size=3, unique_by=_name)
"""Plain data of a document: a list of records with different names."""
