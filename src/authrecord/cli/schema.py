"""`authrecord schema`."""

from __future__ import annotations

import click

from ..documents import json_schema
from .context import Options, example, with_options
from .output import print_json


@click.command("schema", epilog=example("authrecord schema > authrecord.schema.json"))
@with_options
def command(options: Options) -> None:
    """Print the JSON Schema of documents, so that an editor completes and checks them."""
    print_json(json_schema())
