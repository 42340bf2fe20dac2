"""What Envoy is started with: where it reads its listener and clusters, and where secrets come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .clusters import BOUNDS
from .logs import COUNTED
from .network import PING_SECONDS, Reach
from .scripts import CONTROL
from .shapes import Json, endpoints, is_address, pipe, protocols, socket_address

_COMES_BACK: Json = {"retry_back_off": {"base_interval": "0.05s", "max_interval": "1s"}}
"""How soon Envoy looks for a control process that was not there."""

_INSIDE: Json = {
    "name": "inside",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
    },
}
"""Listeners inside of Envoy, which take what comes out of a `CONNECT`."""

MOST_CALLERS = 50_000
"""Connections of callers at once."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where one Envoy's files stand, all below a folder that only its owner opens."""

    folder: Path

    @property
    def bootstrap(self) -> Path:
        """What Envoy is started with."""
        return self.folder / "bootstrap.json"

    @property
    def clusters(self) -> Path:
        """Envoy reads it again when another takes its place."""
        return self.folder / "clusters.json"

    @property
    def listeners(self) -> Path:
        """Envoy reads it again when another takes its place."""
        return self.folder / "listeners.json"

    @property
    def authorities(self) -> Path:
        """The certificate authorities, where the operator has some of their own."""
        return self.folder / "authorities.pem"

    @property
    def control(self) -> Path:
        """The socket of our control process."""
        return self.folder / "control.sock"

    @property
    def admin(self) -> Path:
        """The socket of Envoy's own administration."""
        return self.folder / "admin.sock"


def bootstrap(files: Files, *, node: str, reach: Reach | None = None) -> Json:
    """The bootstrap of one Envoy. `node` tells it from others. It holds no secret.

    `reach`: the control process on another machine; without it, the socket in the folder.
    """
    return {
        "node": {"id": node, "cluster": "authrecord"},
        "admin": {"address": pipe(str(files.admin))},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": CONTROL, "retry_policy": _COMES_BACK}}],
            },
            "cds_config": _read_from(files.clusters),
            "lds_config": _read_from(files.listeners),
        },
        "static_resources": {"clusters": [_control_cluster(files, reach)]},
        "bootstrap_extensions": [_INSIDE],
        "stats_flush_interval": "1s",  # how old histograms are
        # Figures of each cluster would cost more memory than the clusters. Beginnings alone are refused at once.
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": [
            {"prefix": "http.gateway."}, {"prefix": "http.forward."}, {"prefix": "http.inside."},
            {"prefix": "listener_manager."}, {"prefix": "cluster_manager."}, {"prefix": f"cluster.{CONTROL}."},
            {"prefix": "server."}, {"prefix": f"{COUNTED}."},
        ]}}},
        "overload_manager": {"resource_monitors": [{
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3."
                "DownstreamConnectionsConfig",
                "max_active_downstream_connections": MOST_CALLERS,
            },
        }]},
    }  # fmt: skip


def _control_cluster(files: Files, reach: Reach | None) -> Json:
    """The cluster that leads to our control process."""
    address = pipe(str(files.control)) if reach is None else socket_address(reach.host, reach.port)
    pings = {"connection_keepalive": {"interval": f"{PING_SECONDS}s", "timeout": "10s"}}
    options: Json = {"explicit_http_config": {"http2_protocol_options": {} if reach is None else pings}}
    made: Json = {
        "name": CONTROL,
        "type": "STATIC" if reach is None or is_address(reach.host) else "STRICT_DNS",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [BOUNDS]},
        "load_assignment": endpoints(CONTROL, address),
        "typed_extension_protocol_options": protocols(**options),
    }
    if reach is not None:
        made["transport_socket"] = reach.tls()
    return made


def resources(found: list[Json], version: str) -> Json:
    """A file of resources (`envoy.service.discovery.v3.DiscoveryResponse`)."""
    return {"version_info": version, "resources": found}


def _read_from(path: Path) -> Json:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}
