"""Listeners: where callers connect, and how faithfully their requests are carried.

Nothing is normalised: what a scanner sends arrives as it was sent. Envoy refuses malformed requests all the same,
so that protocol-level fuzzing is not possible through it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..listening import Listen
from .own_answers import own_answers
from .routes import TOKEN
from .shapes import KEEPS_CASE, Json, extension, socket_address, typed

_ORDERS: Final = "x-envoy-"
"""The beginning of the names of all headers by which Envoy (retries, timeouts) and our scripts are told what to do."""

_NO_END: Final = "0s"
LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"


def manager(
    routes: Json,
    filters: Iterable[Json],
    attempts: list[Json],
    *,
    name: str = "gateway",
    logs: Iterable[Json] = (),
    absolute: bool = False,
    connects: bool = False,
    local: bool = True,
    joins: bool = False,
) -> Json:
    """The filter that reads requests. `filters`: who is calling, and what else comes before the routes' clusters.

    `attempts`: the chain for each attempt of a request (see `shared`), where the cluster has none of its own.
    `name`: what Envoy's figures of it begin with. `logs`: who is told of each request. `absolute`: requests may hold a
    whole URL. `connects`: `CONNECT` is taken. `local`: only programs of this machine connect; the system tells when
    they end, so that no clock runs for connections that wait. `joins`: what says who is calling is brought into one
    place, for filters that look at one only.
    """
    upgrades = [{"upgrade_type": "websocket"}, *([{"upgrade_type": "CONNECT"}] if connects else [])]
    return extension(
        "http",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        access_log=list(logs),
        access_log_options={"flush_log_on_tunnel_successfully_established": True},
        codec_type="HTTP1",
        http_protocol_options={
            "header_key_format": KEEPS_CASE,
            "accept_http_10": True,
            "allow_absolute_url": absolute,
        },
        common_http_protocol_options={
            "idle_timeout": _NO_END if local else "3600s",
            "max_headers_count": 256,
        },
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
        early_header_mutation_extensions=[_before_all(joins=joins)],
        local_reply_config=own_answers(),
        http_filters=[
            *filters,
            extension(
                "router",
                "filters.http.router.v3.Router",
                suppress_envoy_headers=True,
                # Figures of each cluster, which nobody reads: they would be looked up by name for each request.
                dynamic_stats=False,
                upstream_http_filters=attempts,
            ),
        ],
        route_config=routes,
    )


def listener(name: str, place: Listen, reads: Json, tls: tuple[str, str] | None) -> Json:
    """A listener on a TCP address; port 0 takes a free one. `reads`: its manager. `tls`: beyond this machine."""
    chain: Json = {"filters": [reads]}
    if tls is not None and not place.is_local:
        certificate = {"certificate_chain": {"filename": tls[0]}, "private_key": {"filename": tls[1]}}
        chain["transport_socket"] = under_tls(tls_certificates=[certificate])
    return {
        "@type": LISTENER,
        "name": name,
        "address": socket_address("127.0.0.1" if place.host == "localhost" else place.host, place.port),
        "filter_chains": [chain],
    }


def under_tls(**certificates: object) -> Json:
    """TLS of a listener, with these certificates, for HTTP/1.1: names of headers keep their case."""
    common = {"alpn_protocols": ["http/1.1"], **certificates}
    kind = "transport_sockets.tls.v3.DownstreamTlsContext"
    return {"name": "tls", "typed_config": typed(kind, common_tls_context=common)}


def _before_all(*, joins: bool) -> Json:
    """Takes away what would order Envoy or our scripts about, before anything reads it."""
    gone = {"remove_on_match": {"key_matcher": {"prefix": _ORDERS}}}
    proof = {
        "header": {"key": TOKEN, "value": "%REQ(PROXY-AUTHORIZATION)%"},
        "append_action": "ADD_IF_ABSENT",
    }
    kind = "http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return extension("authrecord.first", kind, mutations=[gone, *([{"append": proof}] if joins else [])])
