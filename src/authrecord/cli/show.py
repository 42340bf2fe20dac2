"""`authrecord show NAME`."""

from __future__ import annotations

import json
import sys

import click

from ..documents import Format, write
from .context import Options, example, record_argument, with_options


@click.command("show", epilog=example("authrecord show orders --format toml"))
@record_argument
@click.option(
    "--format", "form", type=click.Choice([one.value for one in Format]), default="yaml", help="The format."
)
@click.option("--reveal", is_flag=True, help="Print secrets that stand in the document.")
@with_options
def command(options: Options, name: str, form: str, reveal: bool) -> None:
    """Show a record as a document. A secret that stands in it is shown as a reference, unless --reveal is given."""
    with options.records() as records:
        record = records[name]
    wanted = Format.JSON if options.as_json else Format(form)
    written = write([record], format=wanted, reveal=reveal)
    text = (
        json.dumps(json.loads(written.text), ensure_ascii=False, indent=2)
        if options.as_json
        else written.text
    )
    sys.stdout.write(text.rstrip("\n") + "\n")
    if written.left_out:
        paths = ", ".join(".".join(str(part) for part in one.path.split(".")[1:]) for one in written.left_out)
        sys.stderr.write(f"Left out: {paths}. --reveal shows them.\n")
