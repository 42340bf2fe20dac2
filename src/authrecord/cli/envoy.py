"""`authrecord envoy config|control`."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import RecordFault
from .context import Options, example, with_options
from .envoy_options import (
    USUAL_LISTEN,
    engine_settings,
    place_of,
    say_password,
    shown_password,
    until_told_to_end,
)
from .gateway_options import (
    RuleSource,
    authority_folder,
    authority_of,
    need_records,
    password_from,
    run_loop,
    utc_now,
)
from .gateway_sharing import tokens_from
from .output import console, print_json
from .tls_options import pair_of, with_tls

if TYPE_CHECKING:
    from ..core.secret import Secret
    from ..gateway.envoy.engine import Settings
    from ..gateway.envoy.network import Door, Reach
    from ..gateway.rules import Rules
    from .gateway_sharing import StoredTokens


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
@click.option(
    "--api-tokens",
    is_flag=True,
    help="Callers are known by API tokens of the store, not by the password; for config and for control.",
)
@click.option(
    "--allow-network",
    "networks",
    multiple=True,
    metavar="CIDR",
    help="config: a private network that may be dialled, and no other.",
)
@with_tls(", of control; for config of its listeners beyond loopback, where Envoy runs")
@click.option(
    "--client-ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
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
        tokens = tokens_from(options, source, stack, shared=given["api_tokens"])
        run_loop(_control(options, source, given, tokens))


def _config(options: Options, rules: Rules, authenticators: Any, given: dict[str, Any]) -> None:
    from ..gateway.envoy.bootstrap import Files, bootstrap, resources
    from ..gateway.envoy.plan import plan_of
    from ..gateway.envoy.written import resources_of, write

    password, is_new = password_from(options, given["password_file"])
    settings = _settings(options, given, password)
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
    shown = shown_password(password, is_new=is_new and not settings.asks_control)
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
        say_password(shown, by_digest=True)


def _settings(options: Options, given: dict[str, Any], password: Secret) -> Settings:
    """Those of an Envoy that runs somewhere. With API tokens its callers are of other machines: see `Fence`."""
    settings = engine_settings(options, given, password)
    is_shared = any(not place.is_local for place in settings.places.values())
    return replace(
        settings,
        asks_control=given["api_tokens"],
        tls=pair_of(given["tls_certificate"], given["tls_key"]),
        public_only=given["api_tokens"] and is_shared,
        networks=given["networks"],
    )


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

    pair, clients = pair_of(given["tls_certificate"], given["tls_key"]), given["client_ca"]
    if pair is None and clients is None:
        return None
    if pair is None or clients is None:
        raise click.UsageError("mutual TLS needs all of --tls-certificate, --tls-key and --client-ca")
    return Door(Path(pair[0]), Path(pair[1]), clients)


async def _control(
    options: Options, source: RuleSource, given: dict[str, Any], tokens: StoredTokens | None
) -> None:
    from ..gateway.authority import Authority
    from ..gateway.envoy.bootstrap import Files
    from ..gateway.envoy.doorkeeper import Doorkeeper
    from ..gateway.envoy.hub import Hub
    from ..gateway.listening import Listen

    rules, find = source.read()
    socket = None if given["folder"] is None else Files(given["folder"].resolve()).control
    place = place_of(given, "listen")
    # Where there is one: `config --proxy-listen` makes it, and `ca` shows it.
    authority = Authority.loaded(authority_folder(options), utc_now)
    # The password of an Envoy is its own: the control process knows tokens only.
    doorkeeper = None if tokens is None else Doorkeeper(None, tokens, time.monotonic)
    hub = Hub(rules, find, replay=given["replay"], authority=authority, doorkeeper=doorkeeper)
    try:
        # In at once: Envoys that this process comes back to have credentials, and may have questions.
        hub.keep()
        port = await hub.serve(socket, place=place, door=_door(given))
        if place is not None:
            console().print(f"control  {Listen(place.host, port)}", style="bold")
        if socket is not None:
            console().print(f"control  {socket}", style="dim")
        console().print("Ctrl-C ends it.", style="dim")
        await until_told_to_end(source, hub.change, None)
    finally:
        await hub.stop()
