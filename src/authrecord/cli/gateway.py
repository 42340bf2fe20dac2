"""`authrecord gateway`."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .context import Options, example, with_options
from .gateway_options import (
    RuleSource,
    authority_of,
    checked_upstream,
    need_records,
    opened_log,
    password_from,
    run_loop,
)
from .gateway_sharing import StoredTokens, is_shared, permits_from, tls_from, tokens_from
from .output import console, print_json
from .tls_options import with_tls

if TYPE_CHECKING:
    from ssl import SSLContext

    from ..gateway.listening import Listen
    from ..gateway.running import Running, Ways
    from ..gateway.service import Service

USUAL_LISTEN = "127.0.0.1:8080"


@click.command(
    "gateway",
    epilog=example(
        "authrecord gateway --record orders",
        "authrecord gateway --record orders --listen unix:/run/user/1000/orders.sock",
        "authrecord gateway --rules rules.yaml --upstream https://api.example.com --metrics-listen 127.0.0.1:9464",
        "authrecord gateway --record orders --listen 0.0.0.0:8443 --host gateway.example.com \\",
        "    --tls-certificate chain.pem --tls-key key.pem",
    ),
)
@click.option("--record", "names", multiple=True, metavar="NAME", help="A record to use; may be given again.")
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Rules: which origin, path and method get which records.",
)
@click.option("--listen", default="", metavar="ADDRESS", help=f"Reverse gateway; {USUAL_LISTEN} by default.")
@click.option("--upstream", default="", metavar="ORIGIN", help="Where a reverse gateway's requests go.")
@click.option("--proxy-listen", default="", metavar="ADDRESS", help="Forward proxy, for HTTP and HTTPS.")
@click.option("--bare-listen", default="", metavar="ADDRESS", help="The same without a credential.")
@click.option(
    "--authorize-listen", default="", metavar="ADDRESS", help="Headers for nginx, Traefik, Caddy, Envoy."
)
@click.option("--metrics-listen", default="", metavar="ADDRESS", help="OpenMetrics at /metrics.")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="What Host may say besides the address.")
@click.option(
    "--own-credential",
    type=click.Choice(["replace", "keep", "refuse"]),
    default="replace",
    help="What becomes of a credential that the client sent.",
)
@click.option(
    "--unmatched",
    type=click.Choice(["refuse", "pass"]),
    default="refuse",
    help="What becomes of a request that no rule fits.",
)
@click.option(
    "--engine",
    type=click.Choice(["embedded", "envoy"]),
    default="embedded",
    help="What carries the requests: this process, or an Envoy.",
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The gateway's password; a new one is printed without it.",
)
@with_tls(", for addresses that other machines reach")
@click.option(
    "--public-only", is_flag=True, help="Dial no private address; so always where other machines reach it."
)
@click.option(
    "--allow-network",
    "networks",
    multiple=True,
    metavar="CIDR",
    help="A private network that may be dialled, and no other.",
)
@click.option(
    "--replay-body",
    type=click.IntRange(0),
    default=1024,
    metavar="KIB",
    help="Bodies up to this size can be sent a second time (1024).",
)
@click.option(
    "--access-log",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A line of JSON for each request, without its query.",
)
@click.option("--watch", is_flag=True, help="Show what happens, anew each second.")
@click.option("--no-http2", is_flag=True, help="Speak HTTP/1.1 to upstreams, even if they offer HTTP/2.")
@with_options
def command(options: Options, **given: Any) -> None:
    """Authenticate the requests of any tool: point its base URL at the gateway.

    The caller proves itself with the gateway's password: in the header X-Authrecord-Token, or as the password of
    the URL (http://any:PASSWORD@127.0.0.1:8080/); with --engine envoy in the header or as a proxy's password. At an
    address that other machines reach it is an API token with the scope gateway:use, under TLS. A request with the
    header X-Authrecord-Bypass gets no credential.
    """
    from ..gateway.rules import OwnCredential, Unmatched

    need_records(given["names"], given["rules"])
    source = RuleSource(
        options,
        given["names"],
        given["rules"],
        own_credential=OwnCredential(given["own_credential"]),
        unmatched=Unmatched(given["unmatched"]),
        together=True,
    )
    with ExitStack() as stack:
        stack.callback(source.records.keeper.close)
        source.records.keeper.keep_threads()
        listens = _listens(given)
        shared = is_shared(listens.values())
        tls = tls_from(given["tls_certificate"], given["tls_key"])
        if given["engine"] == "envoy":
            from .gateway_envoy import serve_with_envoy

            # On this machine the password is enough, which Envoy compares by itself.
            tokens = tokens_from(options, source, stack, shared=True) if tls and shared else None
            run_loop(serve_with_envoy(options, source, given, tokens))
            return
        tokens = tokens_from(options, source, stack, shared=shared) if tls or not shared else None
        run_loop(_serve(options, source, given, listens, tls, tokens))


async def _serve(
    options: Options,
    source: RuleSource,
    given: dict[str, Any],
    listens: dict[str, Listen],
    tls: SSLContext | None,
    tokens: StoredTokens | None,
) -> None:
    from ..gateway.publishing import publishing
    from ..gateway.running import started
    from ..stores.places import data_folder

    service = _service(options, source, given, shared=is_shared(listens.values()))
    password, is_new = password_from(options, given["password_file"])
    is_new = is_new and any(listen.is_local for name, listen in listens.items() if name != "metrics")
    ways = replace(_ways(options, service, given, listens), password=password, tls=tls, tokens=tokens)
    running = await started(service, ways)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        service.loop.add_signal_handler(number, ended.set)
    # Thousands of records are there for good: the collector need not walk through them again and again.
    gc.collect()
    gc.freeze()
    told = service.loop.create_task(publishing(running.shown, data_folder(options.settings().environment)))
    try:
        _say(options, running, ways, shown=password.reveal() if is_new else "")
        if given["watch"]:
            from .gateway_watch import watch

            await watch(running.shown, ended)
        await ended.wait()
    finally:
        told.cancel()
        await asyncio.gather(told, return_exceptions=True)
        await running.close()


def _service(options: Options, source: RuleSource, given: dict[str, Any], *, shared: bool) -> Service:
    from ..gateway.access_log import AccessLog
    from ..gateway.dialing import Dialer
    from ..gateway.service import Service, Settings

    rules, authenticators = source.read()
    log = None
    if given["access_log"] is not None:
        log = AccessLog(opened_log(given["access_log"]).write, now=time.time, monotonic=time.monotonic)
    return Service(
        rules,
        authenticators,
        Dialer(
            permits_from(given, shared=shared),
            ca_file=options.settings().ca_file,
            speaks_h2=not given["no_http2"],
        ),
        settings=Settings(replay_bytes=given["replay_body"] * 1024),
        access_log=log,
        reload=source.reload(),
    )


def _listens(given: dict[str, Any]) -> dict[str, Listen]:
    from ..gateway.listening import parsed_listen

    listens = {
        name: parsed_listen(given[option], field=option)
        for name, option in (
            ("reverse", "listen"),
            ("bare", "bare_listen"),
            ("forward", "proxy_listen"),
            ("authorize", "authorize_listen"),
            ("metrics", "metrics_listen"),
        )
        if given[option]
    }
    if not listens.keys() & {"reverse", "forward", "authorize"}:
        listens["reverse"] = parsed_listen(USUAL_LISTEN)
    return listens


def _ways(options: Options, service: Service, given: dict[str, Any], listens: dict[str, Listen]) -> Ways:
    from ..gateway.running import Ways, only_upstream

    rules = service.table.rules
    upstream = None
    if given["upstream"]:
        upstream = checked_upstream(given["upstream"])
    elif "reverse" in listens or "bare" in listens:
        upstream = only_upstream(rules)
    return Ways(
        upstream=upstream,
        names=given["hosts"],
        authority=authority_of(options, rules, lasting=True) if "forward" in listens else None,
        reverse=listens.get("reverse"),
        bare=listens.get("bare"),
        forward=listens.get("forward"),
        authorize=listens.get("authorize"),
        metrics=listens.get("metrics"),
    )


def _say(options: Options, running: Running, ways: Ways, *, shown: str) -> None:
    """Where it listens, and the password if nobody knows it yet: once."""
    places = {name: str(place) for name, place in running.places.items()}
    if options.as_json:
        print_json(
            {
                "listens": places,
                "upstream": None if ways.upstream is None else str(ways.upstream),
                "password": shown or None,
            }
        )
        return
    out = console()
    for name, place in places.items():
        out.print(f"{name:8} {place}", style="bold")
    if ways.upstream is not None:
        out.print(f"upstream {ways.upstream}")
    if ways.tls is not None:
        out.print("Beyond this machine: TLS, and API tokens with the scope gateway:use.")
    if shown:
        out.print(f"password {shown}\n\nSend it as X-Authrecord-Token, or as the password of the URL.")
    out.print("Ctrl-C ends it.", style="dim")
