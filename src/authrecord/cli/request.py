"""`authrecord request NAME METHOD URL`."""

from __future__ import annotations

import json
import re
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import RecordFault, TryLater
from ..core.origin import Origin
from ..core.replay import Outcome, Reason
from ..wiring import checked_origin
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
@click.option("--reveal", is_flag=True, help="Show the credential where the answer repeats it.")
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

    On a terminal the answer is laid out, with the credential masked if the API repeats it; in a pipe its body comes
    byte for byte. An expired token is renewed and the request sent again, as in the library. A URL that is not one
    of the record's own origins is refused (exit code 3).
    """
    import httpx2

    content, extra = _body(given["data"], given["json_body"])
    sent = [*extra, *(_header(text) for text in given["headers"])]
    with options.records() as records:
        records.authenticator(name).release(_origin(url))
        client = records.attach(
            httpx2.Client(timeout=given["timeout"], follow_redirects=given["follow"]), name
        )
        try:
            with client:
                request = client.build_request(method.upper(), url, headers=sent, content=content)
                # Not client.stream: that says to authrecord that nobody may read ahead for the expired message
                # pattern. Here it may; the body still comes piece by piece.
                with closing(httpx2.Client.send(client, request, stream=True)) as response:
                    shown = _Shown(response, reveal=given["reveal"] or not is_terminal())
                    _show(options, shown, include=given["include"], output=given["output"])
        except httpx2.HTTPError as error:
            raise _unreachable(error) from None
    return 1 if given["fail"] and response.status_code >= 400 else 0


def _origin(url: str) -> Origin:
    try:
        return checked_origin(url)
    except RecordFault:
        raise click.UsageError("URL is not one that can be requested: https://… or http://…") from None


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


class _Shown:
    """An answer, and how its texts are shown: on a terminal without the credential, unless it is revealed."""

    def __init__(self, response: httpx2.Response, *, reveal: bool) -> None:
        self.response = response
        self._reveal = reveal

    def text(self, text: str) -> str:
        """`text` as it may be shown."""
        from ..clients.masking import masked

        return text if self._reveal else masked(text)

    def headers(self) -> list[tuple[str, str]]:
        """The headers as they may be shown."""
        return [(name, self.text(value)) for name, value in self.response.headers.multi_items()]

    def body(self) -> str:
        """The body as text."""
        content = self.response.read()
        return self.text(content.decode(self.response.encoding or "utf-8", "replace"))


def _show(options: Options, shown: _Shown, *, include: bool, output: Path | None) -> None:
    from ..clients.outcome import outcome

    response = shown.response
    _note(outcome(response))
    if options.as_json:
        _as_json(shown, outcome(response))
        return
    pretty = is_terminal() and output is None
    if include or pretty:
        _head(shown, pretty=pretty)
    if output is not None:
        with output.open("wb") as file:
            for piece in response.iter_bytes(PIECE_BYTES):
                file.write(piece)
    elif pretty:
        _laid_out(shown)
    else:
        for piece in response.iter_bytes(PIECE_BYTES):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


def _note(story: Outcome | None) -> None:
    """A line on standard error when the request was not simply authenticated."""
    if story is not None and story.reason is not Reason.AUTHENTICATED:
        console(stderr=True).print(printable(str(story)), style="yellow" if is_terminal(2) else None)


def _as_json(shown: _Shown, story: Outcome | None) -> None:
    from .output import print_json

    print_json(
        {
            "status": shown.response.status_code,
            "url": shown.text(str(shown.response.url)),
            "headers": shown.headers(),
            "body": shown.body(),
            "outcome": None if story is None else story.reason.name.lower(),
            "replays": 0 if story is None else story.replays,
        }
    )


def _head(shown: _Shown, *, pretty: bool) -> None:
    response = shown.response
    line = f"{response.http_version} {response.status_code} {response.reason_phrase}".rstrip()
    if not pretty:
        head = [line, *(f"{name}: {value}" for name, value in shown.headers())]
        sys.stdout.write("\n".join(head) + "\n\n")
        sys.stdout.flush()
        return
    out = console()
    style = "green" if response.is_success else ("red" if response.status_code >= 400 else "yellow")
    out.print(printable(line), style=f"bold {style}")
    for name, value in shown.headers():
        out.print(printable(f"{name}: {value}"), style="dim")
    out.print()


def _laid_out(shown: _Shown) -> None:
    kind = shown.response.headers.get("content-type", "").partition(";")[0].strip().lower()
    size = len(shown.response.read())
    if not size:
        return
    if kind == "application/json" or kind.endswith("+json"):
        text = shown.body()
        with suppress(ValueError):  # then it is shown as it came
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
        _coloured(printable(text))
        return
    if kind.startswith("text/") or not kind:
        console().print(printable(shown.body()))
        return
    console().print(f"({size:,} bytes of {printable(kind)}; -o FILE keeps them)", style="dim")


def _coloured(text: str) -> None:
    from rich.syntax import Syntax

    console().print(Syntax(text, "json", background_color="default", word_wrap=True, theme="ansi_dark"))
