"""The listener: where callers connect, who they must be, and how faithfully their requests are carried.

Nothing is normalised: what a scanner sends arrives as it was sent. Envoy refuses malformed requests all the same,
so that protocol-level fuzzing is not possible through it. Every caller names itself, on loopback too (row O25).
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from ...core.secret import Secret
from ..refusals import SAYS_ERROR, Refusal
from .routes import TOKEN
from .shapes import KEEPS_CASE, Json, extension, socket_address

USER: Final = "authrecord"
"""The user name that callers give with the gateway's password."""

_NEVER: Final = "0s"


def listener(host: str, port: int, password: Secret, routes: Json) -> Json:
    """The listener on a TCP address; port 0 takes a free one."""
    manager = extension(
        "http",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="gateway",
        codec_type="HTTP1",
        http_protocol_options={"header_key_format": KEEPS_CASE, "accept_http_10": True},
        common_http_protocol_options={"idle_timeout": "3600s", "max_headers_count": 256},
        max_request_headers_kb=64,
        request_headers_timeout="30s",
        stream_idle_timeout=_NEVER,
        request_timeout=_NEVER,
        generate_request_id=False,
        preserve_external_request_id=True,
        server_header_transformation="PASS_THROUGH",
        normalize_path=False,
        merge_slashes=False,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        proxy_100_continue=True,
        upgrade_configs=[{"upgrade_type": "websocket"}],
        local_reply_config=_own_answers(),
        http_filters=[
            *callers(password),
            extension("router", "filters.http.router.v3.Router", suppress_envoy_headers=True),
        ],
        route_config=routes,
    )
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "gateway",
        "address": socket_address(host, port),
        "filter_chains": [{"filters": [manager]}],
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


def _own_answers() -> Json:
    """A caller that is unknown is told how to name itself, in the words of the embedded gateway."""
    refusal = Refusal(407, "unknown_caller", "The gateway does not know the caller.")
    return {
        "mappers": [
            {
                "filter": {"status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": 401, "runtime_key": "authrecord.none"}}}},
                "status_code": 407,
                "body": {"inline_string": refusal.body().decode()},
                "body_format_override": {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"}, "content_type": "application/problem+json"},
                "headers_to_add": [
                    {"header": {"key": "Proxy-Authenticate", "value": 'Basic realm="authrecord"'}},
                    {"header": {"key": SAYS_ERROR.decode(), "value": refusal.code}},
                ],
            }
        ]
    }  # fmt: skip


def _digest(password: Secret) -> str:
    return base64.b64encode(hashlib.sha1(password.reveal().encode(), usedforsecurity=False).digest()).decode()
