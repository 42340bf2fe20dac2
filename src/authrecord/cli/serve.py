"""`authrecord serve`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import RecordFault
from .context import Options, example, with_options
from .output import console, print_json
from .tls_options import pair_of, with_tls

if TYPE_CHECKING:
    from ..stores.sql.store import SqlStore
    from ..web.address import Address
    from ..web.provider_login import ProviderSettings
    from ..web.serving import Tls
    from ..web.site import Parts
    from ..wiring import Settings


@click.command(
    "serve",
    epilog=example(
        "authrecord serve",
        "authrecord serve --listen 0.0.0.0:443 --name auth.example.com \\",
        "    --tls-certificate chain.pem --tls-key key.pem",
    ),
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:8642",
    help="Where to listen; port 0 takes a free one.",
)
@click.option(
    "--name", "names", multiple=True, metavar="HOST", help="A name under which people open it, repeatable."
)
@with_tls()
@click.option("--i-am-behind-tls-proxy", "behind_proxy", is_flag=True, help="A proxy on the way does TLS.")
@click.option(
    "--allow-network",
    "networks",
    multiple=True,
    metavar="CIDR",
    help="A private network that records may lead to.",
)
@click.option(
    "--allow-references", is_flag=True, help="Resolve ${env:…}, ${file:…} and ${keyring:…} of records here."
)
@click.option(
    "--oidc-issuer",
    default="",
    metavar="URL",
    help="Let people come in through this OpenID Connect provider.",
)
@click.option(
    "--oidc-client-id", default="", metavar="ID", help="The client that is registered for it there."
)
@click.option(
    "--oidc-client-secret",
    default="",
    metavar="REFERENCE",
    help="Where its secret is: '${file:PATH}', '${env:NAME}' or '${keyring:SERVICE/NAME}'.",
)
@click.option(
    "--metrics", metavar="HOST:PORT", default="", help="Serve metrics and health here, on loopback."
)
@click.option("--describe-api", is_flag=True, help="Serve the API's description beyond loopback too.")
@click.option("--link", is_flag=True, help="Print a one-time link even though people can log in.")
@with_options
def command(options: Options, **given: Any) -> None:
    """Serve the page and the REST API, until Ctrl-C.

    Where nobody can log in yet, it prints a link that opens the page once, within a quarter of an hour. It listens
    on loopback; anything else wants TLS, so that no password travels in the clear.
    """
    from ..web.address import address_of, parse_listen
    from ..web.assembling import Stores, Wishes, assemble
    from ..web.serving import listening_socket
    from .watching import metrics_of, serve_metrics

    settings = options.settings()
    tls = _tls(given["tls_certificate"], given["tls_key"])
    host, port = parse_listen(given["listen"])
    with ExitStack() as stack:
        listening = stack.enter_context(listening_socket(host, port))
        address = address_of(
            host,
            listening.getsockname()[1],
            has_tls=tls is not None,
            behind_tls_proxy=given["behind_proxy"],
            names=given["names"],
        )
        wishes = Wishes(
            networks=given["networks"],
            references=given["allow_references"],
            ca_file=settings.ca_file,
            proxy=settings.proxy,
            docs=address.local or given["describe_api"],
            provider=_provider(settings, given),
            environment=dict(settings.environment),
        )
        store = _store(options)
        stack.callback(store.close)
        metrics = metrics_of(store, time.monotonic) if given["metrics"] else None
        site = assemble(
            address,
            wishes,
            backend=store.backend,
            vault=store.vault,
            open_store=Stores(store.backend, store.vault),
            observer=metrics,
        )
        stack.callback(site.sender.close)
        stack.callback(site.away.end)
        stack.callback(site.journal.flush)
        site.away.begin()
        if metrics is not None:
            metrics.show_spool(lambda: site.away.waiting)
            stack.callback(serve_metrics(given["metrics"], metrics, store).close)
        link = given["link"] or not _anybody_can_come_in(site)
        _say(options, address, site, with_link=link)
        _run(site, listening, tls, behind_proxy=given["behind_proxy"])


def _store(options: Options) -> SqlStore:
    """The store to serve. A document has no people and no sessions: it is not what is served."""
    from ..stores.locating import located
    from ..stores.sql.opening import local_actor
    from ..wiring import open_store

    settings = options.settings()
    if options.file:
        raise RecordFault(
            "a document cannot be served.",
            field="file",
            hint="Take its records into the store: authrecord import FILE.",
        )
    store = located(settings.environment, url=settings.store, key=settings.key)
    return open_store(settings, store, actor=local_actor("serve"))


def _tls(certificate: str | None, key: str | None) -> Tls | None:
    from ..web.serving import Tls

    pair = pair_of(certificate, key)
    return None if pair is None else Tls(*pair)


def _provider(settings: Settings, given: Mapping[str, Any]) -> ProviderSettings | None:
    """The provider of the options; its secret is looked up now. Raises `RecordFault`."""
    from ..core.secret import Reference, parse_source
    from ..stores.references import resolver
    from ..web.provider_login import ProviderSettings

    issuer, client_id, source = (given[f"oidc_{name}"] for name in ("issuer", "client_id", "client_secret"))
    if not issuer and not client_id and not source:
        return None
    if not issuer or not client_id:
        raise RecordFault("a provider wants both --oidc-issuer and --oidc-client-id.", field="oidc")
    if not source:
        return ProviderSettings(issuer, client_id)
    try:
        reference = parse_source(source)
    except ValueError as fault:
        raise RecordFault(f"{fault}.", field="oidc-client-secret") from None
    if not isinstance(reference, Reference):
        raise RecordFault(
            "the client's secret does not belong into a command line.",
            field="oidc-client-secret",
            hint="Say where it is: '${file:PATH}' or '${env:NAME}'.",
        )
    resolve = resolver(settings.environment, base=Path.cwd(), allow_commands=settings.allow_commands)
    return ProviderSettings(issuer, client_id, resolve(reference))


def _anybody_can_come_in(site: Parts) -> bool:
    if site.people.anybody_has_a_password():
        return True
    return site.provider is not None and site.people.anybody_was_invited(site.provider.issuer)


def _say(options: Options, address: Address, site: Parts, *, with_link: bool) -> None:
    link = f"{address.base}/first#{site.first_link.make().reveal()}" if with_link else ""
    if options.as_json:
        print_json({"url": address.base, "link": link})
        return
    out = console()
    out.print(f"The page and the API are at {address.base}", style="bold")
    if link:
        out.print("\nOpen this link to come in. It works once, for a quarter of an hour:\n")
        out.print(f"  {link}\n")
    out.print("Ctrl-C ends it.", style="dim")


def _run(site: Parts, listening: Any, tls: Tls | None, *, behind_proxy: bool) -> None:
    from ..web.application import make_application
    from ..web.serving import make_server

    make_server(make_application(site), tls=tls, behind_proxy=behind_proxy).run(sockets=[listening])
