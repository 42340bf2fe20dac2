"""`authrecord request NAME METHOD URL`."""

from __future__ import annotations

import json
import re
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import TryLater
from ..core.replay import Outcome, Reason
from .context import Options, example, is_terminal, record_argument, with_options
from .failures import printable
from .output import console

if TYPE_CHECKING:
    import httpx2

PIECE_BYTES = 64 * 1024
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2


@click.command(
    "request",
    epilog=example(
        "authrecord request orders GET https://api.example.com/orders",
        "authrecord request orders POST https://api.example.com/orders --json-body '{\"n\": 1}'",
    ),
)
@record_argument
@click.argument("method")
@click.argument("url")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header, repeatable."
)
@click.option(
    "-d", "--data", default=None, metavar="TEXT|@FILE|-", help="The body; @FILE from a file, - from stdin."
)
@click.option("--json-body", default=None, metavar="JSON", help="The body as JSON, with its content type.")
@click.option("-i", "--include", is_flag=True, help="Print status and headers too.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the body to a file."
)
@click.option(
    "-L", "--follow", is_flag=True, help="Follow redirects; the credential goes to the record's origins only."
)
@click.option("--fail", is_flag=True, help="Exit with 1 when the answer's status is 400 or above.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    metavar="SECONDS",
    default=30.0,
    help="Seconds for each step.",
)
@with_options
def command(options: Options, name: str, method: str, url: str, **given: Any) -> int:
    """Send a request that the record authenticates, and show the answer.

    On a terminal the answer is laid out; in a pipe its body comes byte for byte. An expired token is renewed and
    the request sent again, as in the library.
    """
    import httpx2

    content, extra = _body(given["data"], given["json_body"])
    sent = [*extra, *(_header(text) for text in given["headers"])]
    with options.records() as records:
        client = records.attach(
            httpx2.Client(timeout=given["timeout"], follow_redirects=given["follow"]), name
        )
        try:
            with client:
                request = client.build_request(method.upper(), url, headers=sent, content=content)
                # Not client.stream: that says to authrecord that nobody may read ahead for the expired message
                # pattern. Here it may; the body still comes piece by piece.
                with closing(httpx2.Client.send(client, request, stream=True)) as response:
                    _show(options, response, include=given["include"], output=given["output"])
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            raise click.UsageError("URL is not one that can be requested: https://… or http://…") from None
        except httpx2.HTTPError as error:
            raise _unreachable(error) from None
    return 1 if given["fail"] and response.status_code >= 400 else 0


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or _FIELD_NAME.fullmatch(name) is None:
        raise click.UsageError("a header is written 'Name: value'")
    if any(character < " " and character != "\t" for character in value):
        raise click.UsageError(f"the value of the header {name} holds a control character")
    return name, value.strip()


def _body(data: str | None, json_body: str | None) -> tuple[bytes | None, list[tuple[str, str]]]:
    if data is not None and json_body is not None:
        raise click.UsageError("--data and --json-body exclude each other")
    if json_body is not None:
        try:
            json.loads(json_body)
        except ValueError:
            raise click.UsageError("--json-body is not JSON") from None
        return json_body.encode(), [("Content-Type", "application/json")]
    if data is None:
        return None, []
    if data == "-":
        return sys.stdin.buffer.read(), []
    if data.startswith("@"):
        return Path(data[1:]).read_bytes(), []
    return data.encode(), [("Content-Type", "application/x-www-form-urlencoded")]


def _unreachable(error: httpx2.HTTPError) -> TryLater:
    words = printable(str(error)).rstrip(".") or type(error).__name__
    return TryLater(f"the request did not get an answer: {words}.", code="network")


def _show(options: Options, response: httpx2.Response, *, include: bool, output: Path | None) -> None:
    from ..clients.outcome import outcome

    _note(outcome(response))
    if options.as_json:
        _as_json(response, outcome(response))
        return
    pretty = is_terminal() and output is None
    if include or pretty:
        _head(response, pretty=pretty)
    if output is not None:
        with output.open("wb") as file:
            for piece in response.iter_bytes(PIECE_BYTES):
                file.write(piece)
    elif pretty:
        _laid_out(response)
    else:
        for piece in response.iter_bytes(PIECE_BYTES):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


def _note(story: Outcome | None) -> None:
    """A line on standard error when the request was not simply authenticated."""
    if story is not None and story.reason is not Reason.AUTHENTICATED:
        console(stderr=True).print(printable(str(story)), style="yellow" if is_terminal(2) else None)


def _as_json(response: httpx2.Response, story: Outcome | None) -> None:
    from .output import print_json

    text = response.read().decode(response.encoding or "utf-8", "replace")
    print_json(
        {
            "status": response.status_code,
            "url": str(response.url),
            "headers": response.headers.multi_items(),
            "body": text,
            "outcome": None if story is None else story.reason.name.lower(),
            "replays": 0 if story is None else story.replays,
        }
    )


def _head(response: httpx2.Response, *, pretty: bool) -> None:
    line = f"{response.http_version} {response.status_code} {response.reason_phrase}".rstrip()
    if not pretty:
        head = [line, *(f"{name}: {value}" for name, value in response.headers.multi_items())]
        sys.stdout.write("\n".join(head) + "\n\n")
        sys.stdout.flush()
        return
    out = console()
    style = "green" if response.is_success else ("red" if response.status_code >= 400 else "yellow")
    out.print(printable(line), style=f"bold {style}")
    for name, value in response.headers.multi_items():
        out.print(printable(f"{name}: {value}"), style="dim")
    out.print()


def _laid_out(response: httpx2.Response) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = response.read()
    if not body:
        return
    if kind == "application/json" or kind.endswith("+json"):
        try:
            text = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
        except ValueError:
            text = body.decode("utf-8", "replace")
        _coloured(printable(text))
        return
    if kind.startswith("text/") or not kind:
        console().print(printable(body.decode(response.encoding or "utf-8", "replace")))
        return
    console().print(f"({len(body):,} bytes of {printable(kind)}; -o FILE keeps them)", style="dim")


def _coloured(text: str) -> None:
    from rich.syntax import Syntax

    console().print(Syntax(text, "json", background_color="default", word_wrap=True, theme="ansi_dark"))
