"""The figures of the gateway out of what Envoy counts, and what the control process counts itself."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from authrecord.core.origin import allowed_origins
from authrecord.core.secret import Secret
from authrecord.gateway.envoy.admin import Figures
from authrecord.gateway.envoy.figures import Reading, made_metrics
from authrecord.gateway.envoy.hub import Hub
from authrecord.gateway.listening import Listen
from authrecord.gateway.moments import moment, quantiles
from authrecord.gateway.openmetrics import exposition
from authrecord.gateway.publishing import publishing
from authrecord.gateway.rules import Rule, Rules
from authrecord.record import Record
from authrecord.schemes.bearer import Bearer
from authrecord.stores.gateway_figures import published
from authrecord.testing import HonestServer
from authrecord.wiring import Records, Settings, make_keeper, memory_store
from tests.canary_watch import Canary
from tests.gateway.envoy.stage import EnvoyGateway, Make, client_record
from tests.gateway.envoy.test_engine import until
from tests.gateway.stage import Caller, Loop

ANYWHERE = Listen("127.0.0.1", 0)


def told_at(through: EnvoyGateway, way: str, path: str, *lines: str) -> tuple[int, str]:
    """Status and body of a GET at a listener of the control process."""
    port = through.engine.places[way].port
    with Caller(port, through.password) as caller:
        head = "\r\n".join((f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *lines))
        told = caller.ask(head.encode() + b"\r\n\r\n")
    return told.status, told.body.decode()


def test_O9_a_scraper_gets_the_counters_of_the_embedded_gateway_from_envoys_own(
    envoy: Make, provider: HonestServer, loop: Loop, tmp_path: Path
) -> None:
    """Requests, replays and renewals, refusals by code, tunnels and their requests; the page gets the same."""
    record = client_record(provider)
    rules = Rules([Rule(records=("orders",), origins=allowed_origins([provider.url]), path="/api")])
    through = envoy(provider.url, record, rules=rules, proxy=ANYWHERE, hosts=("x.example",), metrics=ANYWHERE)
    assert [through.get("/api/orders").status for _ in range(3)] == [200] * 3
    provider.expire_all()
    assert through.get("/api/orders").status == 200
    assert [through.get(path).status for path in ("/other", "/nothing")] == [404, 404]
    assert through.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 407
    host = provider.url.partition("://")[2]
    told, caller = through.tunnel(host)
    with caller:
        assert told.status == 200
        assert caller.ask(f"GET /api/orders HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == 200
    text = ""

    def is_counted() -> bool:
        nonlocal text
        text = told_at(through, "metrics", "/metrics")[1]
        return "authrecord_gateway_request_seconds_count 8\n" in text

    until(is_counted)
    for line in (
        'requests_total{status="200"} 5', 'requests_total{status="404"} 2', 'requests_total{status="407"} 1',
        'refusals_total{code="no_rule"} 2', 'refusals_total{code="unknown_caller"} 1', "renewals_total 1",
        "replays_total 1", 'outcomes_total{outcome="renewed_and_replayed"} 1', "expired_passed_total 0",
        "tunnels_total 0", "connections 0", 'request_seconds_bucket{le="+Inf"} 8',
    ):  # fmt: skip
        assert f"authrecord_gateway_{line}\n" in text, line
    assert "bypassed" not in text
    assert told_at(through, "metrics", "/health") == (200, "alive\n")
    assert {trouble.code for trouble in through.engine.metrics.troubles} == {"no_rule", "unknown_caller"}
    loop.run(shown_to_the_page(through, tmp_path))


async def shown_to_the_page(through: EnvoyGateway, folder: Path) -> None:
    """The file for the page stands there while the gateway runs."""
    telling = asyncio.create_task(publishing(through.engine.shown, str(folder)))
    give_up = time.monotonic() + 15
    while not (found := published(str(folder), time.time())):
        assert time.monotonic() < give_up
        await asyncio.sleep(0.05)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert (found[0].requests, found[0].renewals, found[0].replays) == (8, 1, 1)
    assert {way for way, _ in found[0].places} == {"reverse", "forward", "metrics"}


def test_an_expired_answer_that_the_caller_sees_is_counted(envoy: Make, provider: HonestServer) -> None:
    through = envoy(provider.url, client_record(provider), young=60.0)
    provider.expire_all()
    assert through.get("/api/orders").status == 401
    metrics = through.engine.metrics
    assert (metrics.expired_passed, metrics.outcomes, metrics.replays) == (1, {"cooling_down": 1}, 0)


def test_a_record_without_a_credential_is_among_the_last_errors(loop: Loop, canary: Canary) -> None:
    with HonestServer(make_secret=canary.make) as gone:
        record = client_record(gone, "https://api.example.com")
    keeper = make_keeper(Settings.read({}), base=Path("/"), store=memory_store())
    records = Records({"orders": record}, keeper)
    rules = Rules([Rule(records=("orders",), origins=allowed_origins(record.allowed_origins))])

    async def begun() -> Hub:
        hub = Hub(rules, records.authenticator)
        await hub.prepare()
        await hub.stop()
        return hub

    (trouble,) = loop.run(begun()).metrics.troubles
    records.close()
    assert trouble.code == "network"
    assert "'orders'" in trouble.detail


def counted(**more: int) -> dict[str, int]:
    """What Envoy says, by short names."""
    names = {"answered": "http.gateway.downstream_rq_2xx", "forward": "http.forward.downstream_rq_2xx"}
    return {names.get(name, f"authrecord.{name.replace('__', '.')}"): count for name, count in more.items()}


def test_the_usual_answers_are_what_is_left_of_envoys_count_and_never_fall() -> None:
    metrics = made_metrics()
    reading = Reading(metrics, made_metrics())
    # Envoy has counted an answer whose end has not come yet: it is a 204.
    reading.take(Figures(counted(answered=10, requests__status__204=2), {}), 1.0)
    assert metrics.by_status == {200: 8, 204: 2}
    reading.take(Figures(counted(answered=10, requests__status__204=3), {}), 2.0)
    assert metrics.by_status == {200: 8, 204: 3}
    # A tunnel is no request, and neither is one whose caller went away.
    tunnels = {"tunnels__opened__true": 2, "tunnels__opened__false": 1}
    gone = {"requests__status__0": 4, "requests__status__-": 1}
    reading.take(
        Figures(counted(answered=20, forward=3, requests__status__204=3, **tunnels, **gone), {}), 3.0
    )
    assert (metrics.by_status, metrics.tunnels, metrics.requests) == ({200: 17, 204: 3}, 1, 20)


def test_times_fall_into_buckets_of_whole_milliseconds_and_are_never_told_too_short() -> None:
    metrics = made_metrics()
    before = moment(metrics, 0.0)
    bins = [(0.0, 0.0, 50), (1.0, 0.1, 49), (120.0, 10.0, 1)]
    Reading(metrics, made_metrics()).take(Figures({}, {"http.inside.downstream_rq_time": bins}), 1.0)
    assert quantiles(before, moment(metrics, 1.0)) == (0.001, 0.002)
    text = exposition(metrics)
    assert 'request_seconds_bucket{le="0.1"} 99\n' in text
    assert 'request_seconds_bucket{le="0.15"} 100\n' in text
    assert 'le="0.0005"' not in text


def test_errors_of_the_same_code_are_told_together() -> None:
    metrics = made_metrics()
    reading = Reading(metrics, made_metrics())
    for seen in (1, 1, 4):
        reading.take(Figures(counted(refusals__code__connect_failed=seen), {}), float(seen))
    assert [(one.at, one.detail) for one in metrics.troubles] == [
        (1.0, "The upstream does not take connections."),
        (4.0, "The upstream does not take connections. (3 times)"),
    ]


def test_the_headers_of_a_record_are_to_be_had_beside_envoy(envoy: Make, canary: Canary) -> None:
    """A proxy that already stands there asks the control process; see `test_authorize` for how each asks."""
    token, api = canary("token"), "https://api.example.com"
    record = Record(name="orders", allowed_origins=(api,), auth=Bearer(token=Secret(token)))
    through = envoy(api, record, authorize=ANYWHERE, metrics=ANYWHERE)
    port = through.engine.places["authorize"].port
    with Caller(port, through.password) as caller:
        head = f"GET /authorize/orders?origin={api} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n$\r\n\r\n"
        assert caller.ask(head.encode()).values("authorization") == [f"Bearer {token}"]
    assert told_at(through, "authorize", f"/authorize/orders?origin={api}")[0] == 401
    assert 'requests_total{status="200"} 1\n' in told_at(through, "metrics", "/metrics")[1]
