"""The forward proxy: `CONNECT` to a record's host is opened and gets the credential, others pass or are refused.

A `CONNECT` to an origin of the rules leads into a listener inside of Envoy, one for each origin, so that what is
inside belongs to that origin whatever it claims: the TLS server name must be the host of `CONNECT`, and so must `Host`
(row O10). The certificate comes from our authority and lives for a day; like a credential it stands on no disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.origin import Origin
from ..listening import Listen
from ..rules import Unmatched
from . import giving, shared
from .callers import by_note, noted
from .guard import Fence
from .leaves import leaf_name
from .listener import LISTENER, listener, manager, under_tls
from .logs import logs, of_connects
from .plan import Plan, Site
from .routes import NO_RULE, authorities, refusing, routes_inside, routes_of, virtual_host
from .shapes import FROM_US, KEEPS_CASE, SCRIPT, Json, extension, protocols, typed


@dataclass(frozen=True, slots=True)
class Entry:
    """How callers come in. `asks`: the filters that ask who is calling. `asks_control`: inside of a tunnel too.

    `tls`: see `listener`. `fence`: which addresses are dialled. `access_log`: see `logs`. `joins`: see `manager`.
    """

    asks: list[Json]
    asks_control: bool
    tls: tuple[str, str] | None
    fence: Fence
    access_log: Path | None = None
    joins: bool = False


ANYWHERE: Final = "authrecord_anywhere"
"""The cluster of hosts that no rule speaks of."""

_ENVOY: Final = "type.googleapis.com/envoy."
_CONNECTS: Final[Json] = {"connect_matcher": {}}
_NAMES: Final[Json] = {"name": "authrecord_anywhere", "dns_lookup_family": "V4_PREFERRED"}
_GUARDS: Final = ("anywhere", "guard")
"""The filters that find such a host's address, and that look at it; only routes to such hosts turn them on."""


def listeners(plan: Plan, place: Listen, entry: Entry) -> list[Json]:
    """The proxy's own listener at `place`, and those inside."""
    log = entry.access_log
    filters = [*entry.asks, *noted(proof=entry.asks_control, address=log is not None)]
    if _passes(plan):
        filters.extend(_guards(entry.fence))
    givers, attempts = giving.givers(plan), shared.chain(plan, entry.fence)
    reads = manager(
        _routes(plan),
        [*filters, *givers],
        attempts,
        name="forward",
        logs=logs(log),
        absolute=True,
        connects=True,
        local=place.is_local,
        joins=entry.joins,
    )
    before = [*(by_note(place) if entry.asks_control else []), *givers]
    told = logs(log, is_inside=True)
    inside = [
        _inside(
            site,
            manager(
                routes_inside(plan, site), before, attempts, name="inside", logs=told, local=place.is_local
            ),
        )
        for site in plan.sites
    ]
    return [*inside, listener("forward", place, reads, entry.tls)]


def clusters(plan: Plan) -> list[Json]:
    """What leads to the listeners inside, and to hosts of no rule."""
    found = [_to_inside(site) for site in plan.sites]
    if _passes(plan):
        kind = _ENVOY + "extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
        config = {"@type": kind, "dns_cache_config": _NAMES}
        found.append(
            {
                "@type": _ENVOY + "config.cluster.v3.Cluster",
                "name": ANYWHERE,
                "connect_timeout": "10s",
                "lb_policy": "CLUSTER_PROVIDED",
                "cluster_type": {"name": "envoy.clusters.dynamic_forward_proxy", "typed_config": config},
                "typed_extension_protocol_options": _own_protocols(auto_sni=True, auto_san_validation=True),
            }
        )
    return found


def _passes(plan: Plan) -> bool:
    return plan.rules.unmatched is Unmatched.PASS


def _routes(plan: Plan) -> Json:
    """What `CONNECT` and requests with a whole URL lead to. A port belongs to one of them alone: to https first."""
    places: dict[tuple[str, int], dict[str, Site]] = {}
    for site in plan.sites:
        places.setdefault((site.origin.host, site.origin.port), {})[site.origin.scheme] = site
    hosts = []
    for (host, port), sites in places.items():
        plain = sites.get("http")
        site = sites.get("https") or sites["http"]
        connect = _route(_CONNECTS, _inside_name(site))
        any_of = {SCRIPT: {"any": ",".join(site.records)}}
        connect["metadata"] = {"filter_metadata": {**any_of, **of_connects(opened=True)}}
        if plain is None:
            made: Json = {
                "name": f"{host}:{port}",
                "domains": [f"{host}:{port}"],
                "routes": [connect, refusing("/", *NO_RULE)],
            }
        else:
            made = virtual_host(plain, authorities(plain.origin), plan, connect=connect)
        hosts.append(made)
    return routes_of([*hosts, _others(plan)])


def _others(plan: Plan) -> Json:
    """Hosts that no rule speaks of: a tunnel that nobody looks into, or 403."""
    if _passes(plan):
        opened = {name: {"@type": _ENVOY + "config.route.v3.FilterConfig", "config": {}} for name in _GUARDS}
        routes = [_route(match, ANYWHERE) for match in (_CONNECTS, {"prefix": "/"})]
        for route in routes:
            route["typed_per_filter_config"] = opened
            route["metadata"] = {"filter_metadata": of_connects(opened=False)}
    else:
        connect = refusing("/", 403, *NO_RULE[1:])
        connect["match"] = _CONNECTS
        routes = [connect, refusing("/", *NO_RULE)]
    return {"name": "others", "domains": ["*"], "routes": routes}


def _route(match: Json, cluster: str) -> Json:
    action: Json = {"cluster": cluster, "timeout": "0s"}
    if match is _CONNECTS:
        action["upgrade_configs"] = [{"upgrade_type": "CONNECT", "connect_config": {}}]
    return {"match": match, "route": action}


def _own_protocols(**upstream: bool) -> Json:
    """HTTP/1.1, and a chain of their own for clusters of no record: they must not meet the shared one."""
    return protocols(
        upstream_http_protocol_options=upstream,
        explicit_http_config={"http_protocol_options": {"header_key_format": KEEPS_CASE}},
        http_filters=[shared.codec()],
    )


def _inside_name(site: Site) -> str:
    return f"inside@{site.origin}"


def _to_inside(site: Site) -> Json:
    name = _inside_name(site)
    address = {"envoy_internal_address": {"server_listener_name": name}}
    return {
        "@type": _ENVOY + "config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "typed_extension_protocol_options": _own_protocols(),
        # Takes what was noted of the caller along.
        "transport_socket": {
            "name": "inside",
            "typed_config": typed(
                "transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
                transport_socket={
                    "name": "raw",
                    "typed_config": typed("transport_sockets.raw_buffer.v3.RawBuffer"),
                },
            ),
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def _inside(site: Site, reads: Json) -> Json:
    """The listener that takes what is inside of a `CONNECT` to one origin. `reads`: its manager."""
    chain: Json = {"name": "inside", "filters": [reads]}
    made: Json = {
        "@type": LISTENER,
        "name": _inside_name(site),
        "internal_listener": {},
        "filter_chains": [chain],
    }
    if site.origin.scheme == "https":
        host = site.origin.host
        leaf = {"name": leaf_name(host), "sds_config": FROM_US}
        chain["transport_socket"] = under_tls(tls_certificate_sds_secret_configs=[leaf])
        kind = _ENVOY + "extensions.filters.listener.tls_inspector.v3.TlsInspector"
        made["listener_filters"] = [{"name": "tls", "typed_config": {"@type": kind}}]
        made["filter_chain_matcher"] = _only(site.origin)
    return made


def _only(origin: Origin) -> Json:
    """The chain for a TLS server name that is the origin's host, or for none at all; another ends the connection.

    Some clients put the port behind the name, which names nobody else.
    """
    kind = _ENVOY + "extensions.matching.common_inputs.network.v3.ServerNameInput"
    name = {"name": "server_name", "typed_config": {"@type": kind}}
    string = "type.googleapis.com/google.protobuf.StringValue"
    chain = {"action": {"name": "inside", "typed_config": {"@type": string, "value": "inside"}}}
    some = {
        "single_predicate": {"input": name, "value_match": {"safe_regex": {"google_re2": {}, "regex": ".*"}}}
    }
    none = {"matcher_list": {"matchers": [{"predicate": {"not_matcher": some}, "on_match": chain}]}}
    return {
        "matcher_tree": {
            "input": name,
            "exact_match_map": {"map": {origin.host: chain, f"{origin.host}:{origin.port}": chain}},
        },
        "on_no_match": {"matcher": none},
    }


def _guards(fence: Fence) -> Iterable[Json]:
    """Finds the address of a host of no rule, and refuses those that nobody may dial (row M12)."""
    yield _off(
        extension(
            _GUARDS[0],
            "filters.http.dynamic_forward_proxy.v3.FilterConfig",
            dns_cache_config=_NAMES,
            save_upstream_address=True,
        )
    )
    kind = _ENVOY + "extensions.rbac.matchers.upstream_ip_port.v3.UpstreamIpPortMatcher"

    def upstream(network: Json) -> Json:
        return {"matcher": {"name": "address", "typed_config": {"@type": kind, "upstream_ip": network}}}

    permissions = fence.permissions(upstream)
    policy = {"permissions": permissions, "principals": [{"any": True}]}
    rules = {"action": "DENY", "policies": {"never": policy}}
    yield _off(extension(_GUARDS[1], "filters.http.rbac.v3.RBAC", rules=rules))


def _off(filter_config: Json) -> Json:
    return {**filter_config, "disabled": True}
