"""The counters as OpenMetrics text, for a scraper at a listener of its own (row O9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .desk import Reply
from .grammar import RequestHead
from .metrics import Metrics
from .refusals import Refusal

CONTENT_TYPE: Final = b"Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"


async def answer_with(metrics: Metrics, head: RequestHead) -> Reply:
    """`GET /metrics`, and `GET /health` for whoever wants to know that the gateway lives. Raises `Refusal`."""
    path = head.target.partition(b"?")[0]
    if head.method not in (b"GET", b"HEAD"):
        raise Refusal(405, "method", "Here one can only read.", headers=(("Allow", "GET, HEAD"),))
    if path == b"/health":
        return Reply(200, (b"Content-Type: text/plain",), b"alive\n")
    if path != b"/metrics":
        raise Refusal(404, "not_found", "There are /metrics and /health.")
    return Reply(200, (CONTENT_TYPE,), exposition(metrics).encode("utf-8"))


def exposition(metrics: Metrics) -> str:
    """All of it. Labels are statuses, codes of ours and outcomes: none comes from a client (row P18)."""
    return "".join(f"{line}\n" for line in _lines(metrics))


def _lines(metrics: Metrics) -> Iterator[str]:
    yield from _family("requests", "counter", "Requests answered, by status.")
    for status, count in sorted(metrics.by_status.items()):
        yield f'authrecord_gateway_requests_total{{status="{status}"}} {count}'
    yield from _family("outcomes", "counter", "Answers that said expired, by what was done.")
    for outcome, count in sorted(metrics.outcomes.items()):
        yield f'authrecord_gateway_outcomes_total{{outcome="{outcome}"}} {count}'
    yield from _family("refusals", "counter", "Answers of the gateway itself, by code.")
    for code, count in sorted(metrics.refusals.items()):
        yield f'authrecord_gateway_refusals_total{{code="{code}"}} {count}'
    for name, value, text in (
        ("authenticated", metrics.authenticated, "Requests that carried a credential of a record."),
        ("bypassed", metrics.bypassed, "Requests that asked for no credential."),
        ("renewals", metrics.renewals, "Credentials that took the place of another."),
        ("replays", metrics.replays, "Requests that were sent a second time."),
        ("expired_passed", metrics.expired_passed, "Expired answers that a client was shown."),
        ("tunnels", metrics.tunnels, "Connections that became tunnels."),
    ):
        if name in metrics.unknown:
            continue
        yield from _family(name, "counter", text)
        yield f"authrecord_gateway_{name}_total {value}"
    yield from _family("connections", "gauge", "Open connections of callers.")
    yield f"authrecord_gateway_connections {metrics.open_connections}"
    yield from _family("request_seconds", "histogram", "From a request's head to its answer's last byte.")
    below = 0
    for bound, count in zip(metrics.bounds, metrics.durations, strict=False):
        below += count
        yield f'authrecord_gateway_request_seconds_bucket{{le="{bound}"}} {below}'
    timed = sum(metrics.durations)
    yield f'authrecord_gateway_request_seconds_bucket{{le="+Inf"}} {timed}'
    yield f"authrecord_gateway_request_seconds_count {timed}"
    yield f"authrecord_gateway_request_seconds_sum {metrics.seconds:.6f}"
    yield "# EOF"


def _family(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP authrecord_gateway_{name} {text}"
    yield f"# TYPE authrecord_gateway_{name} {kind}"
