"""The JSON Schema of a document (draft 2020-12), made from the descriptions, so that editors complete it.

An `if`/`then` for each auth type and grant type offers only the fields that apply. The schema is a first net:
it accepts whatever `read` accepts; what needs more than a schema can say (origins, RE2, names that stand twice)
only `read` refuses.
"""

from __future__ import annotations

from typing import Any, Final

from ..core.fields import Field, Kind, fields_of
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2, Record
from . import parameters, rules, url_rules
from .values import LONGEST_LISTS

IDENTIFIER: Final = "urn:authrecord:schema:1"
"""Names the schema; nothing is fetched from there."""

_URL_PATTERN: Final = r"^([hH][tT][tT][pP][sS]?://[^\s\\#]+)?$"


def json_schema() -> dict[str, Any]:
    """The schema of a document: `{records: [...]}`, a list of records, or one record."""
    record = {"$ref": "#/$defs/record"}
    records = {"type": "array", "items": record, "title": "Records"}
    document = {
        "type": "object",
        "properties": {"records": records, "$schema": {"type": "string"}},
        "required": ["records"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": IDENTIFIER,
        "title": "API authentication records",
        "if": {"type": "array"},
        "then": records,
        "else": {"if": {"required": ["records"]}, "then": document, "else": record},
        "type": ["object", "array"],
        "$defs": {"record": _record(), **_auth_definitions()},
    }


def _record() -> dict[str, Any]:
    group = _group(Record, "", skip=("auth",))
    auth = next(field for field in fields_of(Record) if field.key == "auth")
    group["properties"]["auth"] = {"$ref": "#/$defs/auth", "title": auth.label, "description": auth.help}
    group["required"].append("auth")
    return group


def _auth_definitions() -> dict[str, Any]:
    """`auth` chooses by `type`, OAuth 2.0 by `grant`; each choice is closed."""
    definitions: dict[str, Any] = {
        "auth": {
            "type": "object",
            "properties": {
                "type": {"enum": [kind.type for kind in AUTH_TYPES], "title": "Auth type"},
            },
            "required": ["type"],
            "allOf": [_chosen("type", kind.type, kind.type) for kind in AUTH_TYPES],
        }
    }
    for kind in AUTH_TYPES:
        if kind is not OAuth2:
            definitions[kind.type] = _typed(_group(kind, ""), kind)
            continue
        grant = next(field for field in fields_of(OAuth2) if field.key == "grant")
        definitions[kind.type] = {
            "title": kind.label,
            "properties": {"grant": _value(grant, OAuth2, "")},
            "required": ["grant"],
            "allOf": [_chosen("grant", one.key, f"{kind.type}_{one.key}") for one in GRANT_CHOICES],
        }
        for one in GRANT_CHOICES:
            group = _group(kind, one.key)
            group["properties"]["grant"] = {"const": one.key, "title": one.label, "description": one.help}
            definitions[f"{kind.type}_{one.key}"] = _typed(_with_needed(group, one.key), kind)
    return definitions


def _typed(group: dict[str, Any], kind: Any) -> dict[str, Any]:
    """`group` with the constant `type` first."""
    group["title"] = kind.label
    group["properties"] = {"type": {"const": kind.type, "title": "Auth type"}, **group["properties"]}
    return group


def _chosen(key: str, value: str, definition: str) -> dict[str, Any]:
    condition = {"properties": {key: {"const": value}}, "required": [key]}
    return {"if": condition, "then": {"$ref": f"#/$defs/{definition}"}}


def _with_needed(group: dict[str, Any], grant: str) -> dict[str, Any]:
    """Groups with fields that the grant needs; an issuer stands for every URL."""
    urls: list[dict[str, Any]] = []
    for outer in fields_of(OAuth2):
        if outer.group_class is None or not outer.applies_to(grant):
            continue
        needed = [field for field in fields_of(outer.group_class) if grant in field.needed_for]
        for field in needed:
            filled = {"required": [field.key], "properties": {field.key: {"minLength": 1}}}
            demand: dict[str, Any] = {"required": [outer.key], "properties": {outer.key: filled}}
            if field.needed_unless is not None:
                key, value = field.needed_unless
                excused = {"required": [key], "properties": {key: {"const": value}}}
                demand = {"anyOf": [demand, {"required": [outer.key], "properties": {outer.key: excused}}]}
            if field.kind is Kind.URL:
                urls.append(demand)
            else:
                group.setdefault("allOf", []).append(demand)
    if urls:
        issuer = {"required": ["issuer"], "properties": {"issuer": {"minLength": 1}}}
        group["anyOf"] = [issuer, {"allOf": urls}]
    return group


def _group(group: type, grant: str, *, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """A closed object with the fields that apply to `grant`."""
    fields = [
        field
        for field in fields_of(group)
        if field.key not in skip and (not grant or field.applies_to(grant))
    ]
    schema: dict[str, Any] = {
        "type": "object",
        "title": getattr(group, "label", group.__name__),
        "properties": {field.key: _value(field, group, grant) for field in fields},
        "required": [field.key for field in fields if field.required],
        "additionalProperties": False,
    }
    idle = [_idle(group, field) for field in fields if field.only_with is not None]
    if idle:
        schema["allOf"] = idle
    return schema


def _idle(group: type, field: Field) -> dict[str, Any]:
    """Refuses a field where another one says that it has no effect."""
    other, wanted = field.only_with or ("", "")
    default = next(sibling.default for sibling in fields_of(group) if sibling.key == other)
    says_so: dict[str, Any] = {"properties": {other: {"const": wanted}}}
    if default != wanted:
        says_so["required"] = [other]
    return {"if": {"required": [field.key]}, "then": says_so}


def _value(field: Field, group: type, grant: str) -> dict[str, Any]:
    about: dict[str, Any] = {"title": field.label, "description": field.help}
    if isinstance(field.default, (str, bool)) and field.default != "":
        about["default"] = field.default
    if field.kind is Kind.PARAMETERS and field.group_class is not None:
        item = _group(field.group_class, "", skip=("send_in",) if len(field.places) == 1 else ())
        return {**about, "type": "array", "items": item, "maxItems": parameters.MOST}
    if field.group_class is not None:
        return {**_group(field.group_class, grant), **about}
    if field.kind is Kind.TAGS or field.kind is Kind.ORIGINS:
        items: dict[str, Any] = {"type": "string", "minLength": 1}
        if field.kind is Kind.TAGS:
            items |= {"pattern": rules.TAG_PATTERN, "maxLength": rules.LONGEST_TAG}
        return {**about, "type": "array", "items": items, "maxItems": LONGEST_LISTS[field.kind]}
    rules_of_kind = _rules(field)
    if field.required and rules_of_kind.get("type") == "string" and not _may_be_empty(field):
        rules_of_kind.setdefault("minLength", 1)
    return {**about, **rules_of_kind}


def _may_be_empty(field: Field) -> bool:
    """True for a parameter's value: `key=` is a parameter as well."""
    return field.kind is Kind.SENSITIVE_TEXT and field.key == "value"


def _rules(field: Field) -> dict[str, Any]:
    """What a schema can say about a kind of field."""
    text: dict[str, Any] = {"type": "string"}
    match field.kind:
        case Kind.BOOLEAN:
            return {"type": "boolean"}
        case Kind.CHOICE:
            said = "; ".join(f"{one.key}: {one.label}" for one in field.choices)
            return {"enum": [one.key for one in field.choices], "$comment": said}
        case Kind.SECRET:
            return {**text, "maxLength": rules.LONGEST_SECRET, **_SECRET}
        case Kind.SENSITIVE_TEXT:
            return {**text, "maxLength": rules.LONGEST_SECRET}
        case Kind.LONG_TEXT:
            return {**text, "pattern": rules.DESCRIPTION_PATTERN, "maxLength": rules.LONGEST_DESCRIPTION}
        case Kind.URL:
            return {**text, "pattern": _URL_PATTERN, "maxLength": url_rules.LONGEST_URL}
        case Kind.CALLBACK_URL:
            return {
                **text,
                "pattern": "^([A-Za-z][A-Za-z0-9+.-]*:[^#]+)?$",
                "maxLength": url_rules.LONGEST_URL,
            }
        case Kind.PATTERN:
            return {**text, "maxLength": 1_000}
        case Kind.QUERY_NAME:
            bounds = {"minLength": 1, "maxLength": rules.LONGEST_HEADER_NAME}
            return {**text, "pattern": rules.LINE_PATTERN, **bounds}
    patterns = {
        Kind.NAME: rules.NAME_PATTERN,
        Kind.HEADER_NAME: rules.TOKEN_PATTERN,
        Kind.SCOPE: f"({rules.SCOPE_PATTERN})?",
        Kind.HEADER_PREFIX: f"({rules.PRINTABLE_PATTERN})?",
        Kind.JSON_POINTER: rules.POINTER_PATTERN,
    }
    pattern = patterns.get(field.kind)
    if pattern is None:
        return {**text, "pattern": rules.LINE_PATTERN, "maxLength": rules.LONGEST_TEXT}
    return {**text, "pattern": f"^{pattern}$"}


_SECRET: Final = {"writeOnly": True, "format": "password"}
