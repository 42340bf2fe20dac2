"""Gateways: what those of this machine do, while they do it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from litestar import Response, get

from ...stores.gateway_figures import GatewayFigures, published
from ..rights import ADMIN, Caller
from ..site import Site
from ..threads import in_thread
from .common import HtmlRequest, page, part


@dataclass(frozen=True, slots=True)
class ShownStatus:
    """A line: how many requests got this status, per second and in all."""

    status: int
    rate: str
    total: str
    state: str


@dataclass(frozen=True, slots=True)
class ShownGateway:
    """A gateway as a panel."""

    name: str
    places: tuple[tuple[str, str], ...]
    rate: str
    p50: str
    p99: str
    counts: tuple[tuple[str, str], ...]
    statuses: tuple[ShownStatus, ...]
    troubles: tuple[tuple[str, str, str], ...]


@get("/gateways", opt={"scope": ADMIN})
@in_thread
def show_gateways(request: HtmlRequest, site: Site, caller: Caller) -> Response[str]:
    """The page. It asks for its middle anew every other second."""
    return page(request, site, "gateways.html", caller=caller, room="gateways", gateways=_shown(site))


@get("/gateways/figures", opt={"scope": ADMIN})
@in_thread
def show_figures(request: HtmlRequest, site: Site, caller: Caller) -> Response[str]:
    """Its middle."""
    return part("parts/gateways.html", gateways=_shown(site))


def _shown(site: Site) -> list[ShownGateway]:
    if not site.gateways:
        return []
    return [_panel(one) for one in published(site.gateways, site.clock.time())]


def _panel(figures: GatewayFigures) -> ShownGateway:
    return ShownGateway(
        name=figures.name,
        places=figures.places,
        rate=f"{figures.rate:,.0f}",
        p50=_milliseconds(figures.p50),
        p99=_milliseconds(figures.p99),
        counts=(
            ("requests", f"{figures.requests:,}"),
            ("renewals", f"{figures.renewals:,}"),
            ("sent again", f"{figures.replays:,}"),
            ("expired answers shown", f"{figures.expired_passed:,}"),
            ("callers", f"{figures.callers:,}"),
        ),
        statuses=tuple(
            ShownStatus(status, f"{rate:,.0f}", f"{total:,}", _state(status))
            for status, rate, total in figures.by_status
        ),
        troubles=tuple(
            (time.strftime("%H:%M:%S UTC", time.gmtime(at)), code, words)
            for at, code, words in reversed(figures.troubles)
        ),
    )


def _state(status: int) -> str:
    return "live" if status < 400 else "needs_login" if status < 500 else "failing"


def _milliseconds(seconds: float) -> str:
    return f"≤ {seconds * 1000:g} ms" if seconds else "–"


HANDLERS: Final[tuple[Any, ...]] = (show_gateways, show_figures)
