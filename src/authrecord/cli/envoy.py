"""`authrecord envoy config|control`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import AuthrecordError, RecordFault, StoreFault
from .context import Options, example, with_options
from .gateway_options import (
    RuleSource,
    authority_folder,
    authority_of,
    checked_upstream,
    need_records,
    password_from,
    run_loop,
    utc_now,
)
from .output import console, print_json

if TYPE_CHECKING:
    from ..core.secret import Secret
    from ..gateway.envoy.engine import Settings
    from ..gateway.envoy.network import Door, Reach
    from ..gateway.listening import Listen
    from ..gateway.rules import Rules
    from .gateway_sharing import StoredTokens


USUAL_LISTEN = "127.0.0.1:8080"
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
LOOK_AGAIN_SECONDS = 1.0
"""How often the files of rules and records are looked at."""


@click.command(
    "envoy",
    epilog=example(
        "authrecord envoy config --record orders --folder envoy --listen 127.0.0.1:8080",
        "authrecord envoy control --record orders --folder envoy",
        "envoy --config-path envoy/bootstrap.json",
        "authrecord envoy control --record orders --listen 10.0.0.5:18000 --tls-certificate control.pem"
        " --tls-key control.key --client-ca envoys.pem",
    ),
)
@click.argument("action", type=click.Choice(["config", "control"]))
@click.option("--record", "names", multiple=True, metavar="NAME", help="A record to use; may be given again.")
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Rules: which origin, path and method get which records.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where Envoy finds its files and the control process's socket.",
)
@click.option(
    "--listen",
    default="",
    metavar="ADDRESS",
    help=f"config: where Envoy listens ({USUAL_LISTEN}). control: where Envoys of other machines connect.",
)
@click.option(
    "--proxy-listen",
    default="",
    metavar="ADDRESS",
    help="config: where a forward proxy listens, for HTTP and HTTPS.",
)
@click.option(
    "--upstream", default="", metavar="ORIGIN", help="Where every request goes; else each names its own."
)
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="What Host may say besides the address.")
@click.option(
    "--replay/--no-replay",
    default=True,
    help="Mend expired answers; without it tokens are renewed early only.",
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The gateway's password; a new one is printed without it.",
)
@click.option("--tls-certificate", type=EXISTING, metavar="FILE", help="control: its certificate chain, PEM.")
@click.option("--tls-key", type=EXISTING, metavar="FILE", help="control: the key of that certificate, PEM.")
@click.option(
    "--client-ca",
    type=EXISTING,
    metavar="FILE",
    help="control: the authority of its Envoys' certificates, PEM.",
)
@click.option(
    "--control",
    "place",
    default="",
    metavar="HOST:PORT",
    help="config: the control process on another machine.",
)
@click.option(
    "--control-ca",
    default="",
    metavar="PATH",
    help="config: the authority of its certificate, where Envoy runs.",
)
@click.option(
    "--client-certificate",
    default="",
    metavar="PATH",
    help="config: Envoy's own certificate, where Envoy runs.",
)
@click.option("--client-key", default="", metavar="PATH", help="config: the key of that certificate.")
@with_options
def command(options: Options, action: str, **given: Any) -> None:
    """Run Envoys of your own: what they are configured with, and the process that gives them credentials.

    config: write bootstrap.json, clusters.json and listeners.json into --folder, or print them as one document; no
    credential stands in them. control: renew the records' credentials, hand them to every Envoy that reads that
    folder, and decide about refused ones, until Ctrl-C. With --listen Envoys of other machines connect, by mutual
    TLS: config --control writes a bootstrap for them.
    """
    from ..gateway.rules import OwnCredential, Unmatched

    need_records(given["names"], given["rules"])
    source = RuleSource(
        options,
        given["names"],
        given["rules"],
        own_credential=OwnCredential.REPLACE,
        unmatched=Unmatched.REFUSE,
        together=bool(given["upstream"]),
    )
    with ExitStack() as stack:
        stack.callback(source.records.keeper.close)
        if action == "config":
            _config(options, *source.read(), given)
            return
        if given["folder"] is None and not given["listen"]:
            raise click.UsageError("say where Envoys find it: --folder FOLDER, or --listen ADDRESS")
        run_loop(_control(options, source, given))


def _config(options: Options, rules: Rules, authenticators: Any, given: dict[str, Any]) -> None:
    from ..gateway.envoy.bootstrap import Files, bootstrap, resources
    from ..gateway.envoy.engine import resources_of, write
    from ..gateway.envoy.plan import plan_of

    password, is_new = password_from(options, given["password_file"])
    settings = replace(engine_settings(options, given, password), proxy=_place(given, "proxy_listen"))
    if settings.proxy is not None:
        authority_of(options, rules, lasting=True)
    files = Files((given["folder"] or Path("envoy")).resolve())
    if given["folder"] is not None:
        files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    clusters, listeners = resources_of(
        plan_of(rules, authenticators, replay=settings.replay), settings, files
    )
    written = {
        files.bootstrap: bootstrap(files, node="authrecord", reach=_reach(given)),
        files.clusters: resources(clusters, "1"),
        files.listeners: resources(listeners, "1"),
    }
    shown = password.reveal() if is_new else None
    if given["folder"] is None:
        print_json({**{path.stem: value for path, value in written.items()}, "password": shown})
        return
    for path, value in written.items():
        write(path, value)
    if options.as_json:
        print_json({"folder": str(files.folder), "password": shown})
        return
    out = console()
    out.print(f"wrote {', '.join(path.name for path in written)} to {files.folder}", style="bold")
    if shown:
        say_password(shown)


def _reach(given: dict[str, Any]) -> Reach | None:
    """Where a bootstrap for another machine finds the control process; `None` for one that shares its folder."""
    from ..gateway.envoy.network import Reach

    paths = [given[name] for name in ("control_ca", "client_certificate", "client_key")]
    if not given["place"]:
        if any(paths):
            raise click.UsageError(
                "these paths are for a control process on another machine: --control HOST:PORT"
            )
        return None
    host, _, port = given["place"].rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise RecordFault("where the control process listens is HOST:PORT.", field="control")
    if not all(paths):
        raise click.UsageError("--control needs --control-ca, --client-certificate and --client-key")
    return Reach(host, int(port), *paths)


def _door(given: dict[str, Any]) -> Door | None:
    """What the control process shows to Envoys of other machines, and asks of them."""
    from ..gateway.envoy.network import Door

    files = [given[name] for name in ("tls_certificate", "tls_key", "client_ca")]
    if not any(files):
        return None
    if not all(files):
        raise click.UsageError("mutual TLS needs all of --tls-certificate, --tls-key and --client-ca")
    return Door(*files)


async def _control(options: Options, source: RuleSource, given: dict[str, Any]) -> None:
    from ..gateway.authority import Authority
    from ..gateway.envoy.bootstrap import Files
    from ..gateway.envoy.hub import Hub
    from ..gateway.listening import Listen

    rules, find = source.read()
    socket = None if given["folder"] is None else Files(given["folder"].resolve()).control
    place = _place(given, "listen")
    # Where there is one: `config --proxy-listen` makes it, and `ca` shows it.
    authority = Authority.loaded(authority_folder(options), utc_now)
    hub = Hub(rules, find, replay=given["replay"], authority=authority)
    try:
        # In at once: Envoys that this process comes back to have credentials, and may have questions.
        hub.keep()
        port = await hub.serve(socket, place=place, door=_door(given))
        if place is not None:
            console().print(f"control  {Listen(place.host, port)}", style="bold")
        if socket is not None:
            console().print(f"control  {socket}", style="dim")
        console().print("Ctrl-C ends it.", style="dim")
        await _until_told_to_end(source, hub.change, None)
    finally:
        await hub.stop()


async def serve_with_envoy(
    options: Options, source: RuleSource, given: dict[str, Any], tokens: StoredTokens | None
) -> None:
    """`authrecord gateway --engine envoy`: an Envoy as a child, until it or we are told to end.

    `tokens`: of the store, where other machines reach a listener.
    """
    from ..gateway.envoy.binary import find_envoy
    from ..gateway.envoy.engine import Engine
    from ..gateway.running import only_upstream

    rules, find = source.read()
    password, is_new = password_from(options, given["password_file"])
    is_reverse = bool(given["listen"] or not given["proxy_listen"])
    upstream = ""
    if is_reverse or given["bare_listen"]:
        upstream = given["upstream"] or str(only_upstream(rules))
    settings = engine_settings(options, {**given, "upstream": upstream}, password)
    settings = replace(
        settings,
        binary=find_envoy(options.settings().environment),
        listen=settings.listen if is_reverse else None,
        bare=_place(given, "bare_listen"),
        proxy=_place(given, "proxy_listen"),
        tls=_listener_tls(given),
        public_only=given["public_only"] or tokens is not None,
    )
    is_new = is_new and any(place.is_local for place in settings.places.values())
    authority = authority_of(options, rules, lasting=True) if settings.proxy is not None else None
    async with Engine(rules, find, settings, authority=authority, tokens=tokens) as engine:
        places = {name: str(place) for name, place in engine.places.items()}
        shown = password.reveal() if is_new else None
        if options.as_json:
            print_json({"listens": places, "upstream": upstream or None, "password": shown})
        else:
            for name, place in places.items():
                console().print(f"{name:8} {place}", style="bold")
            if upstream:
                console().print(f"upstream {upstream}")
            if shown:
                say_password(shown)
            console().print("Ctrl-C ends it.", style="dim")
        await _until_told_to_end(source, engine.change, engine.ended)


def _listener_tls(given: dict[str, Any]) -> tuple[str, str] | None:
    """The paths of the certificate and key of listeners beyond this machine. Raises `RecordFault`."""
    from .gateway_sharing import tls_from

    if tls_from(given["tls_certificate"], given["tls_key"]) is None:
        return None
    certificate, key = (str(Path(given[name]).resolve()) for name in ("tls_certificate", "tls_key"))
    return certificate, key


def _place(given: dict[str, Any], name: str) -> Listen | None:
    """The address of an option. Raises `RecordFault` for a Unix socket."""
    from ..gateway.listening import parsed_listen

    if not given[name]:
        return None
    place = parsed_listen(given[name], field=name)
    if place.path:
        raise RecordFault("the Envoy engine listens on an address, not on a Unix socket.", field=name)
    return place


async def _until_told_to_end(
    source: RuleSource,
    change: Callable[[Rules, Any], Awaitable[None]],
    ends: Callable[[], Awaitable[int]] | None,
) -> None:
    """Until Ctrl-C, or until Envoy ends; meanwhile rules and records that change are taken up.

    Raises `StoreFault` when Envoy ended by itself.
    """
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    reload = source.reload()
    waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(told.wait())]
    if ends is not None:
        waiting.append(asyncio.ensure_future(ends()))
    try:
        while not any(one.done() for one in waiting):
            await asyncio.wait(waiting, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            await _take_up(reload, change)
    finally:
        for one in waiting:
            one.cancel()
    if not told.is_set():
        raise StoreFault("Envoy ended by itself.", code="envoy_failed")


async def _take_up(
    reload: Callable[[], tuple[Rules, Any] | None], change: Callable[[Rules, Any], Awaitable[None]]
) -> None:
    try:
        changed = reload()
        if changed is not None:
            await change(*changed)
    except AuthrecordError as error:
        console(stderr=True).print(f"The rules stay as they were: {error}", style="yellow")


def engine_settings(options: Options, given: dict[str, Any], password: Secret) -> Settings:
    """The engine's settings out of a command's options."""
    from ..gateway.envoy.engine import Settings

    upstream = given["upstream"]
    return Settings(
        binary=Path("envoy"),
        password=password,
        ca_file=options.settings().ca_file,
        listen=_place({"listen": given["listen"] or USUAL_LISTEN}, "listen"),
        reverse=checked_upstream(upstream) if upstream else None,
        names=tuple(given["hosts"]),
        replay=given.get("replay", True),
        speaks_h2=not given.get("no_http2", False),
    )


def say_password(password: str) -> None:
    """How callers prove themselves to Envoy, which reads `Basic` only."""
    import base64

    from ..gateway.envoy.callers import USER

    coded = base64.b64encode(f"{USER}:{password}".encode()).decode()
    out = console()
    out.print(f"password {password}\n\nSend it as the user {USER} of a proxy, or in a header:")
    out.print(f"X-Authrecord-Token: Basic {coded}")
