"""`authrecord keys init | status | rotate-kek | finish | rotate | destroy`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import AuthrecordError
from .context import Options, example, group, with_options
from .opened_store import OpenedStore, location, opened
from .output import console, moment, print_json
from .progress import bar

if TYPE_CHECKING:
    from ..stores.sql.key_status import KekLine, KeyLine
    from ..stores.sql.operator import Operator
    from ..stores.sql.rotation import Rotation

command = group(
    "keys",
    help="""Make, change and destroy the keys that seal the store.

    A key outside of the store (AUTHRECORD_KEY) wraps the keys of each tenant, and those seal records and tokens.
    Programs that run go on while keys are changed, and a change that was interrupted goes on when it is asked for
    again. The page docs/keys.md says what to do when a key may be stolen.
    """,
    epilog=example(
        "authrecord keys status",
        "authrecord keys rotate",
        "authrecord keys rotate-kek --to file:/etc/authrecord/new.key",
    ),
)


@command.command("init", epilog=example("AUTHRECORD_KEY=file:/etc/authrecord/key authrecord keys init"))
@with_options
def init(options: Options) -> None:
    """Give a new store its first keys. The key outside is made too, where it is a file or keyring entry to be.

    A store that has keys keeps them; then this only checks that the key opens it.
    """
    from ..stores.keys import open_kek
    from ..stores.sql.key_status import keks
    from ..stores.sql.tenants import initialise
    from ..stores.sql.vault import Vault

    with opened(options, make=True) as store:
        source = location(options).key
        random = None if keks(store.backend) else os.urandom  # a lost key is not hidden by a fresh one
        kek = open_kek(source, environment=options.settings().environment, random=random)
        made = initialise(store.backend, Vault(kek, os.urandom), actor=store.actor)
        place = store.backend.place
    if options.as_json:
        print_json({"store": place, "made": made, "key": kek.source, "identity": kek.identity})
    else:
        said = "has its keys now, under" if made else "has keys already, and they open with"
        console(stderr=True).print(f"{place} {said} the key in {kek.source}.")


@command.command("status", epilog=example("authrecord keys status --json | jq '.versions[].values'"))
@with_options
def status(options: Options) -> None:
    """Show which keys there are, how much is sealed under each, and what is to be done."""
    from ..stores.sql.key_status import keks, keys

    with opened(options) as store:
        found, versions, fault = keks(store.backend), keys(store.backend, store.tenant), _fault_of_key(store)
        tenant, place = store.tenant, store.backend.place
    if options.as_json:
        print_json(
            {
                "store": place,
                "tenant": tenant,
                "key_opens": fault is None,
                "fault": "" if fault is None else fault.code,
                "keys": [_plain_kek(one) for one in found],
                "versions": [_plain_version(one) for one in versions],
            }
        )
        return
    _draw(place, tenant, found, versions)
    if fault is not None:
        console().print(f"The key that is set does not open this store: {fault}", style="red")


@command.command("rotate-kek", epilog=example("authrecord keys rotate-kek --to keyring:authrecord/2027"))
@click.option("--to", metavar="SOURCE", required=True, help="Where the new key is; a file or entry is made.")
@with_options
def rotate_outer_key(options: Options, to: str) -> None:
    """Change the key outside of the store: wrap everything by a new one too. The old one stays valid until `finish`.

    SOURCE is file:/path, keyring:service/name, env:NAME, command:["program", …] or vault-transit:https://…
    """
    from ..stores.keys import open_kek
    from ..stores.sql.kek_rotation import rotate_kek

    with opened(options) as store:
        operator = _operator(store)  # the old key must open the store before a new one is made
        new = open_kek(to, environment=options.settings().environment, random=os.urandom)
        count = rotate_kek(operator, new)
    if options.as_json:
        print_json({"key": new.source, "identity": new.identity, "wrapped": count})
        return
    out = console(stderr=True)
    out.print(f"{count} keys are wrapped by the key in {new.source} too; the old one still opens them.")
    out.print("Now: 1. set AUTHRECORD_KEY, or `key` in settings.toml, to the new source, everywhere.")
    out.print("     2. start programs that run again.    3. authrecord keys finish")


@command.command("finish", epilog=example("authrecord keys finish"))
@click.option("--back", is_flag=True, help="Keep the old key instead: the change is taken back.")
@with_options
def finish_change(options: Options, back: bool) -> None:
    """End a change of the key: the one that is set stays, and the other opens nothing any more."""
    from ..stores.sql.kek_rotation import finish

    with opened(options) as store:
        operator = _operator(store)
        gone = finish(operator, keep_old=back)
        source = operator.vault.kek.source
    if options.as_json:
        print_json({"key": source, "removed": gone})
    elif gone:
        console(stderr=True).print(f"Only the key in {source} opens this store now.")
    else:
        console(stderr=True).print("There was nothing to finish.")


@command.command("rotate", epilog=example("authrecord keys rotate", "authrecord keys rotate --all-tenants"))
@click.option("--all-tenants", is_flag=True, help="Of every tenant, one after another.")
@with_options
def rotate_tenant_key(options: Options, all_tenants: bool) -> None:
    """Give the tenant a new sealing key and seal everything anew under it, while others read and write.

    It goes on where it was when it is interrupted and called again. The key before stays, retired, to open restored
    backups, until `destroy`.
    """
    from ..stores.sql.rotation import rotate
    from ..stores.sql.tenants import list_tenants

    done: dict[str, Rotation] = {}
    with opened(options) as store:
        tenants = [store.tenant]
        if all_tenants:
            with store.backend.reading() as transaction:
                tenants = [one.name for one in list_tenants(transaction)]
        for tenant in tenants:
            with bar(f"Sealing anew: {tenant}", shown=not options.as_json) as progress:
                done[tenant] = rotate(_operator(store, tenant), progress=progress)
    if options.as_json:
        print_json({"tenants": [_plain_rotation(*one) for one in done.items()]})
        return
    for tenant, one in done.items():
        console(stderr=True).print(
            f"{tenant}: {one.resealed:,} values are sealed anew, under key {one.version}."
        )
        for name in one.broken:
            console(stderr=True).print(f"  does not open, and is left as it was: {name}", style="yellow")


@command.command("destroy", epilog=example("authrecord keys destroy 1"))
@click.argument("version", type=click.IntRange(1))
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_options
def destroy_version(options: Options, version: int, yes: bool) -> None:
    """Destroy a retired version of the tenant's sealing key for good.

    What backups hold under it cannot be read again, by nobody. Nothing in the store itself may need it any more.
    """
    from ..stores.sql.rotation import destroy

    with opened(options) as store:
        if not yes:
            click.confirm(
                f"Destroy key {version} of tenant {store.tenant}? Backups from its time will not open.",
                abort=True,
                err=True,
            )
        destroy(_operator(store), version)
        store.backend.wipe()
        tenant = store.tenant
    if options.as_json:
        print_json({"tenant": tenant, "version": version, "destroyed": True})
    else:
        console(stderr=True).print(f"Key {version} of {tenant} is destroyed.")


def _operator(store: OpenedStore, tenant: str = "") -> Operator:
    from ..stores.sql.operator import Operator

    return Operator(store.backend, store.vault, tenant or store.tenant, store.actor)


def _fault_of_key(store: OpenedStore) -> AuthrecordError | None:
    """Why the key that is set does not open the store; `None` when it does."""
    try:
        store.vault.load(store.backend, store.tenant)
    except AuthrecordError as fault:
        return fault
    return None


def _plain_kek(line: KekLine) -> dict[str, Any]:
    return {
        "identity": line.identity,
        "source": line.source,
        "added_at": line.added_at,
        "wrapped": line.keys,
    }


def _plain_version(line: KeyLine) -> dict[str, Any]:
    return {
        "version": line.version,
        "state": line.state,
        "since": line.changed_at,
        "values": line.values,
    }


def _plain_rotation(tenant: str, done: Rotation) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "version": done.version,
        "resealed": done.resealed,
        "broken": list(done.broken),
    }


def _draw(place: str, tenant: str, found: tuple[KekLine, ...], versions: tuple[KeyLine, ...]) -> None:
    out = console()
    for one in found:
        out.print(f"Key outside   {one.source}  ({one.identity}), since {moment(one.added_at)}")
    for line in versions:
        out.print(
            f"Key {line.version:<4} {line.state:<8}{line.values:>12,} values  since {moment(line.changed_at)}"
        )
    if not found:
        out.print(f"{place} has no keys yet: authrecord keys init")
    if len(found) > 1:
        out.print("The key outside is being changed; end that with `authrecord keys finish`.", style="yellow")
    if sum(one.state == "active" for one in versions) > 1:
        out.print(
            f"A rotation of {tenant} was interrupted; go on with `authrecord keys rotate`.", style="yellow"
        )
