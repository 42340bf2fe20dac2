"""One value of one field: which rule reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..core.fields import Field, Kind
from ..core.secret import Secret, SecretSource
from ..grants.settings import Credentials
from ..schemes.api_key import ApiKey
from ..schemes.bearer import Bearer
from . import parameters, patterns, rules, secret_rules, url_rules
from .context import Context
from .rules import Wrong

LONGEST_LISTS: Final = {Kind.TAGS: 50, Kind.ORIGINS: 200}
"""Items that a list of texts may have."""

_SIMPLE: Final = {
    Kind.LONG_TEXT: rules.description,
    Kind.NAME: rules.name,
    Kind.SCOPE: rules.scope,
    Kind.HEADER_NAME: rules.header_name,
    Kind.HEADER_PREFIX: rules.header_prefix,
    Kind.QUERY_NAME: rules.query_name,
    Kind.JSON_POINTER: rules.json_pointer,
    Kind.BOOLEAN: rules.boolean,
    Kind.PATTERN: patterns.pattern,
    Kind.CALLBACK_URL: url_rules.callback_url,
    Kind.FILE: rules.one_line,
}
_VISIBLE_TEXTS: Final = ("state", "key_id", "assertion_audience")
_KEY_RULES: Final = {
    "header": rules.header_name,
    "query": rules.query_name,
    "cookie": rules.cookie_name,
}
_VALUE_CONTENT: Final = {
    "header": secret_rules.in_header,
    "query": secret_rules.in_query,
    "cookie": secret_rules.in_cookie,
}


def value_of(field: Field, group: type, given: object, siblings: Mapping[str, Any], context: Context) -> Any:
    """`given` as the record keeps it. `siblings` is the group as the document has it.

    Raises `Wrong`. Lists and groups are not read here.
    """
    if field.kind in _SIMPLE:
        value = _SIMPLE[field.kind](given)
    elif field.kind is Kind.URL:
        rule = url_rules.issuer if field.key == "issuer" else url_rules.url
        value = rule(given, allow_insecure=context.allow_insecure)
    elif field.kind is Kind.CHOICE:
        value = rules.choice(given, field.choices)
    elif field.kind is Kind.SECRET:
        return _secret(field, group, given, siblings, context)
    elif field.kind is Kind.SENSITIVE_TEXT:
        return _sensitive(group, given, siblings)
    else:
        value = _text(field, group, given, siblings)
    if value == "" and field.is_needed(context.grant, siblings) and not _discovered(field, context):
        raise Wrong("is empty", f"Give the {field.label}.")
    return value


def item_of(field: Field, given: object) -> str:
    """One item of a list of texts. Raises `Wrong`."""
    if field.kind is Kind.ORIGINS:
        return url_rules.origin(given)
    return url_rules.resource(given) if field.key == "resource" else rules.tag(given)


def _discovered(field: Field, context: Context) -> bool:
    """True for an endpoint that the issuer's metadata name."""
    return field.kind is Kind.URL and context.has_issuer


def _text(field: Field, group: type, given: object, siblings: Mapping[str, Any]) -> str:
    if group is ApiKey:
        return _KEY_RULES.get(str(siblings.get("send_in", "header")), rules.one_line)(given)
    if field.key == "assertion_algorithm":
        return rules.algorithm(given)
    return rules.visible(given) if field.key in _VISIBLE_TEXTS else rules.one_line(given)


def _secret(
    field: Field, group: type, given: object, siblings: Mapping[str, Any], context: Context
) -> SecretSource | None:
    """A secret; an empty one that may be left out is left out, so that none is ever sent (a public client)."""
    needed = field.is_needed(context.grant, siblings)
    content = _content(field, group, siblings, context)
    source = secret_rules.secret(given, content, may_be_empty=not needed)
    return None if isinstance(source, Secret) and not source else source


def _content(
    field: Field, group: type, siblings: Mapping[str, Any], context: Context
) -> secret_rules.Content:
    """The rule for what a secret literal may hold, by where it is sent."""
    if group is Bearer:
        return secret_rules.in_header
    if group is ApiKey:
        return _VALUE_CONTENT.get(str(siblings.get("send_in", "header")), secret_rules.in_header)
    if field.key == "client_secret" and context.client_authentication == "private_key_jwt":
        return secret_rules.any_lines
    return secret_rules.in_query


def _sensitive(group: type, given: object, siblings: Mapping[str, Any]) -> Any:
    if group is Credentials:
        sensitive = siblings.get("client_id_sensitive") is True
        return secret_rules.maybe_sensitive(
            given, secret_rules.client_id, sensitive=sensitive, may_be_empty=False
        )
    place = str(siblings.get("send_in", "body"))
    return secret_rules.maybe_sensitive(
        given, parameters.content(place), sensitive=siblings.get("sensitive") is True, may_be_empty=True
    )
