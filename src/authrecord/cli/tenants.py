"""`authrecord tenants list | create | destroy`."""

from __future__ import annotations

import click

from .context import Options, example, group, with_options
from .opened_store import opened
from .output import console, moment, print_json

command = group(
    "tenants",
    help="""Let several teams share one store: each tenant has records and keys of its own, and sees no other's.

    AUTHRECORD_TENANT, or `tenant` in settings.toml, says whose records a program works with; without it the tenant
    is `default`.
    """,
    epilog=example("authrecord tenants create search --label 'The search team'", "authrecord tenants list"),
)


@command.command("list", epilog=example("authrecord tenants list --json | jq -r '.tenants[].name'"))
@with_options
def list_all(options: Options) -> None:
    """List the tenants of the store. No key is needed."""
    from ..stores.sql.tenants import list_tenants

    with opened(options) as store, store.backend.reading() as transaction:
        found = list_tenants(transaction)
    if options.as_json:
        keys = ("name", "label", "active_key", "created_at", "records")
        print_json({"tenants": [{key: getattr(one, key) for key in keys} for one in found]})
        return
    for one in found:
        label = f"  {one.label}" if one.label else ""
        console().print(f"{one.name}  {one.records:,} records, since {moment(one.created_at)}{label}")


@command.command("create", epilog=example("authrecord tenants create search --label 'The search team'"))
@click.argument("name")
@click.option("--label", default="", help="Any words, for people.")
@with_options
def create(options: Options, name: str, label: str) -> None:
    """Make a tenant, with keys of its own."""
    from ..stores.sql.operator import Operator
    from ..stores.sql.tenants import create_tenant

    with opened(options) as store:
        create_tenant(Operator(store.backend, store.vault, store.tenant, store.actor), name, label)
    if options.as_json:
        print_json({"name": name, "created": True})
    else:
        console(stderr=True).print(f"Tenant {name} is there. Use it with AUTHRECORD_TENANT={name}.")


@command.command("destroy", epilog=example("authrecord tenants destroy search"))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_options
def destroy(options: Options, name: str, yes: bool) -> None:
    """Destroy a tenant: its keys first, and then its records, tokens and audit log, for good.

    Without its keys nothing of it opens again, in backups neither, as long as the key outside is not kept beside
    them; a backup holds the wrapped keys, so change that key (`authrecord keys rotate-kek`) and destroy the old one.
    Tokens are not revoked at their providers. The name is not given away again.
    """
    from ..stores.sql.operator import Operator
    from ..stores.sql.tenants import destroy_tenant

    with opened(options) as store:
        if not yes:
            click.confirm(f"Destroy tenant {name}, its records, tokens and audit log?", abort=True, err=True)
        destroy_tenant(Operator(store.backend, store.vault, store.tenant, store.actor), name)
        store.backend.wipe()
    if options.as_json:
        print_json({"name": name, "destroyed": True})
    else:
        console(stderr=True).print(f"Tenant {name} is destroyed.")
