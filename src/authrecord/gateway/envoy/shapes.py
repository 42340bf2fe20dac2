"""The few shapes that Envoy's configuration repeats."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A part of Envoy's configuration, as JSON (the protobuf mapping of Envoy's API v3)."""

_EXTENSIONS: Final = "type.googleapis.com/envoy.extensions."

KEEPS_CASE: Final[Json] = {
    "stateful_formatter": {
        "name": "preserve_case",
        "typed_config": {
            "@type": _EXTENSIONS + "http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig"
        },
    }
}
"""Header names leave as they came (HTTP/1.1)."""

SCRIPT: Final = "authrecord.script"

KEYS_TYPE: Final = _EXTENSIONS + "filters.http.api_key_auth.v3.ApiKeyAuth"
"""The kind of the filter that lets in whoever sends a key that it knows."""

FROM_US: Final[Json] = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "60s"}
"""A resource that our control process hands over."""


def typed(kind: str, **fields: Any) -> Json:
    """An extension's configuration. `kind`: its message below `envoy.extensions`."""
    return {"@type": _EXTENSIONS + kind, **fields}


def extension(name: str, kind: str, **fields: Any) -> Json:
    """A named extension."""
    return {"name": name, "typed_config": typed(kind, **fields)}


def socket_address(host: str, port: int) -> Json:
    """A TCP address."""
    return {"socket_address": {"address": host.strip("[]"), "port_value": port}}


def pipe(path: str) -> Json:
    """A Unix socket."""
    return {"pipe": {"path": path}}


def endpoints(cluster: str, address: Json) -> Json:
    """A cluster's one address."""
    return {
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
    }


def lua(script: str) -> Json:
    """The filter that runs a script. It reads the metadata that routes have under this name."""
    return extension(SCRIPT, "filters.http.lua.v3.Lua", default_source_code={"inline_string": script})


def header_is(header: str, matcher: Json) -> Json:
    """A predicate that holds for requests whose header has a value that fits."""
    header_input = {
        "name": "header",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
            "header_name": header,
        },
    }
    return {"single_predicate": {"input": header_input, "value_match": matcher}}


def any_value_of(header: str) -> Json:
    """A predicate that holds for requests that have the header."""
    return header_is(header, {"safe_regex": {"google_re2": {}, "regex": ".*"}})


def protocols(**fields: Any) -> Json:
    """How a cluster speaks HTTP."""
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {kind: typed("upstreams.http.v3.HttpProtocolOptions", **fields)}


def is_address(host: str) -> bool:
    """True for an IP address, with or without brackets; false for a name."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def identity_of(host: str, trusted_ca: str, context: Json) -> Json:
    """Fields of a TLS client: the host's name in SNI, and a certificate for it from an authority that is trusted.

    `trusted_ca`: the path of a PEM file. `context`: further fields of the common part.
    """
    name = host.strip("[]")
    kind = "IP_ADDRESS" if is_address(name) else "DNS"
    validation = {
        "trusted_ca": {"filename": trusted_ca},
        "match_typed_subject_alt_names": [{"san_type": kind, "matcher": {"exact": name}}],
    }
    fields: Json = {"common_tls_context": {**context, "validation_context": validation}}
    if kind == "DNS":
        fields["sni"] = name
    return fields


def mutations_filter(name: str, mutations: Json | None = None) -> Json:
    """The filter that changes headers; without `mutations` only as routes tell it."""
    kind = "filters.http.header_mutation.v3.HeaderMutation"
    return extension(name, kind, mutations=mutations or {})
