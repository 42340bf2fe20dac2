"""What stands in the files of an Envoy: clusters and listeners of a plan. No credential is among it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..listening import Listen
from . import forward, giving, shared
from .bootstrap import Files
from .callers import by_control, by_digest, by_password
from .clusters import cluster
from .listener import listener, manager
from .logs import logs
from .plan import Plan
from .routes import route_configuration
from .shapes import Json

if TYPE_CHECKING:
    from .engine import Settings


def resources_of(
    plan: Plan, settings: Settings, files: Files, *, hands_password: bool = False
) -> tuple[list[Json], list[Json]]:
    """Clusters and listeners of a plan, without a credential in them. Writes `files.authorities` where it is needed.

    `hands_password`: the control process knows the callers' password and hands it over; a digest stands here otherwise.
    Raises `RecordFault` for an origin that is not dialled.
    """
    trusted = str(_authorities(files, settings.ca_file))
    fence = settings.fence
    fence.check(site.origin for site in plan.sites)
    clusters = [cluster(target, trusted, fence, speaks_h2=settings.speaks_h2) for target in plan.targets]
    listeners = []

    joins = not (settings.asks_control or hands_password)

    def asks(place: Listen) -> list[Json]:
        if settings.asks_control:
            return by_control(place)
        return by_password() if hands_password else by_digest(settings.password)

    if settings.proxy is not None:
        entry = forward.Entry(
            asks(settings.proxy), settings.asks_control, settings.tls, fence, settings.access_log, joins
        )
        clusters.extend(forward.clusters(plan))
        listeners.extend(forward.listeners(plan, settings.proxy, entry))
    for name, seen in (("reverse", plan), ("bare", plan.bare)):
        place = settings.places.get(name)
        if place is not None:
            routes = route_configuration(seen, reverse=settings.reverse, names=settings.names)
            attempts = shared.chain(seen, fence)
            told = logs(settings.access_log)
            filters = [*asks(place), *giving.givers(seen)]
            reads = manager(
                routes,
                filters,
                attempts,
                logs=told,
                absolute=settings.reverse is None,
                local=place.is_local,
                joins=joins,
            )
            listeners.append(listener(name, place, reads, settings.tls))
    return clusters, listeners


def _authorities(files: Files, ca_file: str) -> Path:
    """The PEM file that the certificates of APIs are checked with."""
    import certifi

    usual = Path(certifi.where())
    if not ca_file:
        return usual
    files.authorities.write_bytes(usual.read_bytes() + b"\n" + Path(ca_file).read_bytes())
    return files.authorities


def write(path: Path, value: Json) -> None:
    """Put a file in place of the one before, in one step; only its owner reads it."""
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(value, separators=(",", ":")))  # `dump` is many times slower
    new.replace(path)
