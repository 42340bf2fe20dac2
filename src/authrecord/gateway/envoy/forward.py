"""The forward proxy: `CONNECT` to a record's host is opened and gets the credential, others pass or are refused.

A `CONNECT` to an origin of the rules leads into a listener inside of Envoy, one for each origin, so that what is
inside belongs to that origin whatever it claims: the TLS server name must be the host of `CONNECT`, and so must `Host`
(row O10). The certificate comes from our authority and lives for a day; like a credential it stands on no disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ...core.secret import Secret
from ..dialing import NEVER
from ..listening import Listen
from ..rules import Unmatched
from .leaves import leaf_name
from .listener import LISTENER, callers, listener, manager
from .plan import Plan, Site
from .routes import NO_RULE, authorities, refusing, routes_inside, routes_of, virtual_host
from .shapes import FROM_US, Json, extension, typed

ANYWHERE: Final = "authrecord_anywhere"
"""The cluster of hosts that no rule speaks of."""

_ENVOY: Final = "type.googleapis.com/envoy."
_CONNECTS: Final[Json] = {"connect_matcher": {}}
_NAMES: Final[Json] = {"name": "authrecord_anywhere", "dns_lookup_family": "V4_PREFERRED"}
_GUARDS: Final = ("anywhere", "guard")
"""The filters that find such a host's address, and that look at it; only routes to such hosts turn them on."""


def listeners(plan: Plan, place: Listen, password: Secret) -> list[Json]:
    """The proxy's own listener at `place`, and those inside."""
    filters = [*callers(password), *(_guards() if _passes(plan) else ())]
    outer = listener("forward", place, manager(_routes(plan), filters, absolute=True, connects=True))
    return [*(_inside(plan, site) for site in plan.sites), outer]


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
        connect = _route(_CONNECTS, _inside_name(sites.get("https") or sites["http"]))
        if plain is None:
            made: Json = {
                "name": f"{host}:{port}",
                "domains": [f"{host}:{port}"],
                "routes": [refusing("/", *NO_RULE)],
            }
        else:
            made = virtual_host(plain, authorities(plain.origin), plan.rules.unmatched)
        made["routes"].insert(0, connect)
        hosts.append(made)
    return routes_of([*hosts, _others(plan)])


def _others(plan: Plan) -> Json:
    """Hosts that no rule speaks of: a tunnel that nobody looks into, or 403."""
    if _passes(plan):
        opened = {name: {"@type": _ENVOY + "config.route.v3.FilterConfig", "config": {}} for name in _GUARDS}
        routes = [_route(match, ANYWHERE) for match in (_CONNECTS, {"prefix": "/"})]
        for route in routes:
            route["typed_per_filter_config"] = opened
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


def _inside_name(site: Site) -> str:
    return f"inside@{site.origin}"


def _to_inside(site: Site) -> Json:
    name = _inside_name(site)
    address = {"envoy_internal_address": {"server_listener_name": name}}
    return {
        "@type": _ENVOY + "config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def _inside(plan: Plan, site: Site) -> Json:
    """The listener that takes what is inside of a `CONNECT` to one origin. Who calls was asked outside."""
    chain: Json = {"name": "inside", "filters": [manager(routes_inside(plan, site), ())]}
    made: Json = {
        "@type": LISTENER,
        "name": _inside_name(site),
        "internal_listener": {},
        "filter_chains": [chain],
    }
    if site.origin.scheme == "https":
        host = site.origin.host
        leaf = {"name": leaf_name(host), "sds_config": FROM_US}
        common = {"alpn_protocols": ["http/1.1"], "tls_certificate_sds_secret_configs": [leaf]}
        kind = "transport_sockets.tls.v3.DownstreamTlsContext"
        chain["transport_socket"] = {"name": "tls", "typed_config": typed(kind, common_tls_context=common)}
        kind = _ENVOY + "extensions.filters.listener.tls_inspector.v3.TlsInspector"
        made["listener_filters"] = [{"name": "tls", "typed_config": {"@type": kind}}]
        made["filter_chain_matcher"] = _only(host)
    return made


def _only(host: str) -> Json:
    """The chain for a TLS server name that is `host`, or for none at all; another ends the connection."""
    kind = _ENVOY + "extensions.matching.common_inputs.network.v3.ServerNameInput"
    name = {"name": "server_name", "typed_config": {"@type": kind}}
    string = "type.googleapis.com/google.protobuf.StringValue"
    chain = {"action": {"name": "inside", "typed_config": {"@type": string, "value": "inside"}}}
    some = {
        "single_predicate": {"input": name, "value_match": {"safe_regex": {"google_re2": {}, "regex": ".*"}}}
    }
    none = {"matcher_list": {"matchers": [{"predicate": {"not_matcher": some}, "on_match": chain}]}}
    return {
        "matcher_tree": {"input": name, "exact_match_map": {"map": {host: chain}}},
        "on_no_match": {"matcher": none},
    }


def _guards() -> Iterable[Json]:
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
    permissions: list[dict[str, Any]] = [
        {"matcher": {"name": "address", "typed_config": {"@type": kind, "upstream_ip": one}}}
        for one in _never_dialled()
    ]
    policy = {"permissions": permissions, "principals": [{"any": True}]}
    rules = {"action": "DENY", "policies": {"never": policy}}
    yield _off(extension(_GUARDS[1], "filters.http.rbac.v3.RBAC", rules=rules))


def _off(filter_config: Json) -> Json:
    return {**filter_config, "disabled": True}


def _never_dialled() -> Iterable[Json]:
    """The networks, and what stands for those of IPv4 in IPv6: mapped, NAT64 and 6to4 addresses."""
    for network in NEVER:
        address, length = str(network.network_address), network.prefixlen
        yield {"address_prefix": address, "prefix_len": length}
        if network.version == 4:
            for prefix, bits in (("::ffff:", 96), ("64:ff9b::", 96)):
                yield {"address_prefix": f"{prefix}{address}", "prefix_len": bits + length}
            high, low = network.network_address.packed[:2], network.network_address.packed[2:]
            yield {"address_prefix": f"2002:{high.hex()}:{low.hex()}::", "prefix_len": 16 + length}
