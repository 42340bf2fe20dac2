"""Listeners: where callers connect, who they must be, and how faithfully their requests are carried.

Nothing is normalised: what a scanner sends arrives as it was sent. Envoy refuses malformed requests all the same,
so that protocol-level fuzzing is not possible through it. Every caller names itself, on loopback too (row O25).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any, Final

from ...core.secret import Secret
from ..listening import Listen
from ..refusals import SAYS_ERROR, Refusal
from .routes import TOKEN
from .shapes import KEEPS_CASE, Json, extension, socket_address, typed

USER: Final = "authrecord"
"""The user name that callers give with the gateway's password."""

_ORDERS: Final = ("x-envoy-", "x-authrecord-c", "x-authrecord-r")
"""The beginnings of header names by which Envoy (retries, timeouts) and our scripts are told what to do."""

_REALM: Final = 'Basic realm="authrecord"'
_NO_END: Final = "0s"
LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"


def manager(routes: Json, filters: Iterable[Json], *, absolute: bool = False, connects: bool = False) -> Json:
    """The filter that reads requests. `filters`: who is calling, and whatever else comes before the routes' clusters.

    `absolute`: requests may hold a whole URL. `connects`: `CONNECT` is taken.
    """
    upgrades = [{"upgrade_type": "websocket"}, *([{"upgrade_type": "CONNECT"}] if connects else [])]
    return extension(
        "http",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="gateway",
        codec_type="HTTP1",
        http_protocol_options={
            "header_key_format": KEEPS_CASE,
            "accept_http_10": True,
            "allow_absolute_url": absolute,
        },
        common_http_protocol_options={"idle_timeout": "3600s", "max_headers_count": 256},
        max_request_headers_kb=64,
        request_headers_timeout="30s",
        stream_idle_timeout=_NO_END,
        request_timeout=_NO_END,
        generate_request_id=False,
        preserve_external_request_id=True,
        server_header_transformation="PASS_THROUGH",
        normalize_path=False,
        merge_slashes=False,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        proxy_100_continue=True,
        upgrade_configs=upgrades,
        early_header_mutation_extensions=[_without_orders()],
        local_reply_config=_own_answers(),
        http_filters=[
            *filters,
            extension("router", "filters.http.router.v3.Router", suppress_envoy_headers=True),
        ],
        route_config=routes,
    )


def listener(name: str, place: Listen, reads: Json) -> Json:
    """A listener on a TCP address; port 0 takes a free one. `reads`: its manager."""
    return {
        "@type": LISTENER,
        "name": name,
        "address": socket_address("127.0.0.1" if place.host == "localhost" else place.host, place.port),
        "filter_chains": [{"filters": [reads]}],
    }


def callers(password: Secret) -> list[Json]:
    """The filters that ask who is calling: by `X-Authrecord-Token` where it is given, else `Proxy-Authorization`.

    Either holds `Basic` with the user `authrecord` and the gateway's password. Envoy is told a digest only; the
    password is 256 random bits or long, so that a plain SHA-1, which is what Envoy knows, gives nothing away.
    """
    users = {"inline_string": f"{USER}:{{SHA}}{_digest(password)}"}
    by_token = _basic("caller-token", users, TOKEN)
    by_proxy = _basic("caller", users, "proxy-authorization")
    given = _value_of(TOKEN)
    return [
        _skipping("by-token", by_token, {"not_matcher": given}),
        _skipping("by-proxy", by_proxy, given),
    ]


def _basic(name: str, users: Json, header: str) -> Json:
    return extension(name, "filters.http.basic_auth.v3.BasicAuth", users=users, authentication_header=header)


def _value_of(header: str) -> Json:
    """Holds for requests that have the header."""
    header_input = {
        "name": "header",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
            "header_name": header,
        },
    }
    any_value = {"safe_regex": {"google_re2": {}, "regex": ".*"}}
    return {"single_predicate": {"input": header_input, "value_match": any_value}}


def _skipping(name: str, wrapped: Json, predicate: Json) -> Json:
    skip: dict[str, Any] = extension("skip", "filters.common.matcher.action.v3.SkipFilter")
    matchers = [{"predicate": predicate, "on_match": {"action": skip}}]
    return extension(
        name,
        "common.matching.v3.ExtensionWithMatcher",
        extension_config=wrapped,
        xds_matcher={"matcher_list": {"matchers": matchers}},
    )


def _without_orders() -> Json:
    """Takes away what would order Envoy or our scripts about, before anything reads it."""
    gone = [{"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in _ORDERS]
    kind = "http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return extension("authrecord.orders", kind, mutations=gone)


def _own_answers() -> Json:
    """What Envoy answers by itself, in the words of the embedded gateway.

    A caller that is unknown is told how to name itself; a request whose credential cannot be had was not sent.
    """
    unknown = Refusal(407, "unknown_caller", "The gateway does not know the caller.")
    nothing = Refusal(502, "no_credential", "There is no credential for this request, so it was not sent.")
    return {
        "mappers": [
            _mapper("response.code_details.contains('basic_auth')", unknown, {"Proxy-Authenticate": _REALM}),
            _mapper("response.code_details.contains('inject_credential')", nothing, {}),
        ]
    }


def _mapper(condition: str, refusal: Refusal, headers: dict[str, str]) -> Json:
    added = {**headers, SAYS_ERROR.decode(): refusal.code, "Cache-Control": "no-store"}
    cel = typed("access_loggers.filters.cel.v3.ExpressionFilter", expression=condition)
    text = {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"}}
    return {
        "filter": {"extension_filter": {"name": "cel", "typed_config": cel}},
        "status_code": refusal.status,
        "body": {"inline_string": refusal.body().decode()},
        "body_format_override": {**text, "content_type": "application/problem+json"},
        "headers_to_add": [{"header": {"key": name, "value": value}} for name, value in added.items()],
    }


def _digest(password: Secret) -> str:
    return base64.b64encode(hashlib.sha1(password.reveal().encode(), usedforsecurity=False).digest()).decode()
