"""One cluster for each target: how the origin is reached, and what Envoy puts on a request by itself.

The filters stand in the cluster's own chain, or in the one that targets share: see `shared`.
"""

from __future__ import annotations

from typing import Final

from . import shared
from .guard import Fence
from .plan import Target
from .shapes import (
    KEEPS_CASE,
    Json,
    endpoints,
    identity_of,
    is_address,
    protocols,
    socket_address,
    typed,
)

MOST_REPLAYS_AT_ONCE: Final = 1_000_000
"""Envoy's own bound is 3, beyond which it drops replays without a word."""

MOST_AT_ONCE: Final = 100_000
"""Connections and requests to one origin at once."""

_STILL_THERE: Final[Json] = {"keepalive_time": 60, "keepalive_interval": 15, "keepalive_probes": 3}
"""Seconds, and how often: the system looks whether an API is still there whose connection waits.

Envoy's own way is a clock of an hour that each request winds up.
"""

BOUNDS: Final[Json] = {
    "max_connections": MOST_AT_ONCE,
    "max_pending_requests": MOST_AT_ONCE,
    "max_requests": MOST_AT_ONCE,
    "max_retries": MOST_REPLAYS_AT_ONCE,
}


def cluster(target: Target, trusted_ca: str, fence: Fence, *, speaks_h2: bool = True) -> Json:
    """The cluster of a target.

    `trusted_ca`: the path of the authorities that an API's certificate is checked with. `speaks_h2`: an API that
    offers HTTP/2 gets it.
    """
    name, origin = target.cluster, target.origin
    made: Json = {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC" if is_address(origin.host) else "LOGICAL_DNS",
        "connect_timeout": "10s",
        "dns_lookup_family": "V4_PREFERRED",
        "circuit_breakers": {"thresholds": [BOUNDS]},
        "load_assignment": endpoints(name, socket_address(origin.host, origin.port)),
    }
    http: Json = {"http_protocol_options": {"header_key_format": KEEPS_CASE}}
    if origin.scheme == "https":
        made["transport_socket"] = _tls(origin.host, trusted_ca)
    if origin.scheme == "https" and speaks_h2:
        options: Json = {"auto_config": {**http, "http2_protocol_options": {}}}
    else:
        options = {"explicit_http_config": http}
    options["common_http_protocol_options"] = {"idle_timeout": "0s"}
    made["upstream_connection_options"] = {"tcp_keepalive": _STILL_THERE}
    chain = shared.own_chain(target, fence)
    if chain:
        options["http_filters"] = chain
    made["typed_extension_protocol_options"] = protocols(**options)
    return made


def _tls(host: str, trusted_ca: str) -> Json:
    """TLS to an origin."""
    fields = identity_of(host, trusted_ca, {})
    return {"name": "tls", "typed_config": typed("transport_sockets.tls.v3.UpstreamTlsContext", **fields)}
