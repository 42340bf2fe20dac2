"""One cluster for each target: how the origin is reached, and what is put on a request on its way there.

The filters stand in the cluster's own chain, which runs once for each attempt, so that a second attempt carries the
renewed credential. In order: the answer's judge, the renewal before a second attempt, Envoy's own injectors, the
script for queries and cookies, and what adds the facts about a request that the judge reads from the answer.
"""

from __future__ import annotations

from typing import Final

from . import scripts
from .placement import Place, Placement
from .plan import Target
from .shapes import (
    FROM_US,
    KEEPS_CASE,
    Json,
    endpoints,
    extension,
    identity_of,
    is_address,
    lua,
    protocols,
    socket_address,
    typed,
)

MOST_REPLAYS_AT_ONCE: Final = 1_000_000
"""Envoy's own bound is 3, beyond which it drops replays without a word."""

MOST_AT_ONCE: Final = 100_000
"""Connections and requests to one origin at once."""

_FACTS: Final = "%UPSTREAM_REQUEST_ATTEMPT_COUNT% %REQ(:METHOD)% %BYTES_RECEIVED% %REQ(CONTENT-LENGTH)%"


def cluster(target: Target, trusted_ca: str, *, speaks_h2: bool = True) -> Json:
    """The cluster of a target.

    `trusted_ca`: the path of the authorities that an API's certificate is checked with. `speaks_h2`: an API that
    offers HTTP/2 gets it.
    """
    name, origin = target.cluster, target.origin
    bounds = {
        "max_connections": MOST_AT_ONCE,
        "max_pending_requests": MOST_AT_ONCE,
        "max_requests": MOST_AT_ONCE,
        "max_retries": MOST_REPLAYS_AT_ONCE,
    }
    made: Json = {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC" if is_address(origin.host) else "LOGICAL_DNS",
        "connect_timeout": "10s",
        "dns_lookup_family": "V4_PREFERRED",
        "circuit_breakers": {"thresholds": [bounds]},
        "load_assignment": endpoints(name, socket_address(origin.host, origin.port)),
    }
    http: Json = {"http_protocol_options": {"header_key_format": KEEPS_CASE}}
    if origin.scheme == "https":
        made["transport_socket"] = _tls(origin.host, trusted_ca)
    if origin.scheme == "https" and speaks_h2:
        options: Json = {"auto_config": {**http, "http2_protocol_options": {}}}
    else:
        options = {"explicit_http_config": http}
    chain = filters(target)
    if chain:
        options["http_filters"] = chain
    made["typed_extension_protocol_options"] = protocols(**options)
    return made


def filters(target: Target) -> list[Json]:
    """The chain of a target's cluster; empty when nothing is put on."""
    if not target.placements:
        return []
    chain = (
        [lua(scripts.judge(target)), _on_second_attempt(lua(scripts.renew(target)))] if target.replays else []
    )
    chain.extend(
        _injector(one, number, replaces=not target.replays)
        for number, one in enumerate(target.placements, start=1)
    )
    if target.needs_script:
        chain.append(lua(scripts.stamp(target)))
    if target.replays:
        chain.append(_facts(target.placements))
    chain.append(extension("codec", "filters.http.upstream_codec.v3.UpstreamCodec"))
    return chain


def _injector(placement: Placement, number: int, *, replaces: bool) -> Json:
    credential = extension(
        "generic",
        "http.injected_credentials.generic.v3.Generic",
        credential={"name": placement.record, "sds_config": FROM_US},
        header=placement.header(number),
    )
    kind = "filters.http.credential_injector.v3.CredentialInjector"
    return extension(f"credential-{number}", kind, overwrite=replaces, credential=credential)


def _on_second_attempt(filter_config: Json) -> Json:
    """A filter that the first attempt does not even meet."""
    attempt = {
        "name": "attempt",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
            "header_name": "x-envoy-attempt-count",
        },
    }
    action = extension("renew", "filters.http.composite.v3.ExecuteFilterAction", typed_config=filter_config)
    return extension(
        "renewal",
        "common.matching.v3.ExtensionWithMatcher",
        extension_config=extension("composite", "filters.http.composite.v3.Composite"),
        xds_matcher={
            "matcher_tree": {"input": attempt, "exact_match_map": {"map": {"2": {"action": action}}}}
        },
    )


def _facts(placements: tuple[Placement, ...]) -> Json:
    """Takes the attempt's number off the request, and puts what the judge needs on the answer; forgeries go."""
    facts = {"x-authrecord-context": _FACTS}
    for number, one in enumerate(placements, start=1):
        facts[f"x-authrecord-context-{number}"] = f"%REQ({_sent_in(one)})%"
    forged = [{"remove": name} for name in ("x-authrecord-replay", "x-authrecord-outcome")]
    added = [
        {"append": {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
        for name, value in facts.items()
    ]
    return extension(
        "facts",
        "filters.http.header_mutation.v3.HeaderMutation",
        mutations={
            "request_mutations": [{"remove": "x-envoy-attempt-count"}],
            "response_mutations": [*forged, *added],
        },
    )


def _sent_in(placement: Placement) -> str:
    """The header of the request in which the credential stands that was sent."""
    return {Place.HEADER: placement.name, Place.QUERY: ":PATH", Place.COOKIE: "COOKIE"}[placement.place]


def _tls(host: str, trusted_ca: str) -> Json:
    """TLS to an origin."""
    fields = identity_of(host, trusted_ca, {})
    return {"name": "tls", "typed_config": typed("transport_sockets.tls.v3.UpstreamTlsContext", **fields)}
