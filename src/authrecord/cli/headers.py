"""`authrecord headers NAME URL`."""

from __future__ import annotations

import sys

import click

from ..core.messages import Pairs, Stamp, plain, with_query
from .context import Options, example, is_terminal, record_argument, with_options
from .output import masked, print_json


@click.command(
    "headers",
    epilog=example(
        "authrecord headers orders https://api.example.com/orders \\",
        "    | curl -H @- https://api.example.com/orders",
    ),
)
@record_argument
@click.argument("url")
@click.option("--reveal", is_flag=True, help="Print secrets in full on a terminal.")
@with_options
def command(options: Options, name: str, url: str, reveal: bool) -> None:
    """Print what the record would put on a request to URL: headers, cookies, and the URL if it changes.

    The credential goes only to the record's own origins: any other URL is refused (exit code 3).
    """
    with options.records() as records:
        stamp = records.stamp(name, url)
    shown = stamp if reveal or not is_terminal() else _masked(stamp)
    target = with_query(url, shown.query)
    headers = shown.wire_headers()
    if shown.cookies:
        headers.append(("Cookie", shown.wire_cookies()))
    if options.as_json:
        print_json({"name": name, "url": target, "headers": dict(headers)})
        return
    for header, value in headers:
        sys.stdout.write(f"{header}: {value}\n")
    if shown.query:
        sys.stdout.write(f"{target}\n")


def _masked(stamp: Stamp) -> Stamp:
    def hidden(pairs: Pairs) -> Pairs:
        return tuple(
            (name, value if isinstance(value, str) else masked(plain(value))) for name, value in pairs
        )

    return Stamp(hidden(stamp.headers), hidden(stamp.query), hidden(stamp.cookies))
