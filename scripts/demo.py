"""The main job, live: one record of each of the six kinds against the honest server, while tokens keep dying.

Run it through `scripts/demo`, which sets everything up. Every request goes through the library as a user's
script would send it; the person who logs in is played by a few lines here, since a demonstration has nobody.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

import authrecord
from authrecord.documents import Format, read
from authrecord.signin import login
from authrecord.testing import devserver
from authrecord.wiring import Records, Settings, make_keeper, memory_store

TOKEN_LIFE = 2.0
"""Seconds that a token lives here."""

ONCE_SECONDS = 10.0
PAUSE_SECONDS = 0.01
KINDS = {
    "bearer": "Bearer Token",
    "api-key": "API Key",
    "authorization-code": "OAuth 2.0 Authorization Code",
    "implicit": "OAuth 2.0 Implicit",
    "password": "OAuth 2.0 Password Credentials",
    "client-credentials": "OAuth 2.0 Client Credentials",
}


@dataclass
class Row:
    """What one record did so far."""

    name: str
    requests: int = 0
    good: int = 0
    expired: int = 0
    logins: int = 0
    tokens: set[int] = field(default_factory=set)
    note: str = ""

    @property
    def renewals(self) -> int:
        """New tokens after the first, obtained without a person."""
        return max(0, len(self.tokens) - max(1, self.logins))


class Worker:
    """Sends requests with one record until it is told to stop."""

    def __init__(self, records: Records, name: str, url: str, stop: threading.Event) -> None:
        self.row = Row(name)
        self._records = records
        self._url = url
        self._stop = stop
        self.thread = threading.Thread(target=self._run, name=name)

    def _run(self) -> None:
        with self._records.attach(httpx2.Client(), self.row.name) as client:
            while not self._stop.is_set():
                try:
                    self._send(client)
                except authrecord.LoginRequired:
                    self._log_in()
                except (authrecord.AuthrecordError, httpx2.HTTPError) as error:
                    self.row.note = str(error)
                self._stop.wait(PAUSE_SECONDS)

    def _send(self, client: httpx2.Client) -> None:
        response = client.get(self._url)
        self.row.requests += 1
        self.row.good += response.status_code == 200
        self.row.expired += response.status_code == 401
        held = self._records.authenticator(self.row.name).held
        if held is not None and held.token is not None:
            self.row.tokens.add(held.token.generation)

    def _log_in(self) -> None:
        """Log in as a person would; here a few lines play the browser."""
        login(self._records.keeper, self._records[self.row.name], open_url=play_browser, timeout=20)
        self.row.logins += 1


def play_browser(url: str) -> bool:
    """Go to the provider, come back to the callback address, as a browser does. Its page's script included."""

    def browse() -> None:
        with httpx2.Client(trust_env=False) as http:
            address = http.get(http.get(url).headers["location"]).headers["location"]
            callback, hash_mark, fragment = address.partition("#")
            if not hash_mark:
                http.get(callback, follow_redirects=True)
                return
            parts = urlsplit(callback)
            headers = {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"}
            http.post(callback, json={"fragment": fragment}, headers=headers)
            http.get(callback + "/done")

    threading.Thread(target=browse, name="the person's browser").start()
    return True


def drawn(rows: list[Row], began: float, seconds: float | None) -> Group:
    """The live table."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("record", no_wrap=True)
    for heading in ("requests", "logins", "renewals", "expired answers\nto the caller"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        bad = Text(str(row.expired), style="bold red" if row.expired else "bold green")
        table.add_row(
            KINDS[row.name], f"{row.requests:,}", f"{row.logins or ''}", f"{row.renewals or ''}", bad
        )
    gone = time.monotonic() - began
    clock = f"{gone:4.1f} s" + (f" of {seconds:.0f} s" if seconds else "   Ctrl-C ends it")
    head = Text(f"Tokens live {TOKEN_LIFE:g} seconds; bearer and API key are static.  {clock}", style="dim")
    notes = [Text(f"{row.name}: {row.note}", style="yellow") for row in rows if row.note]
    return Group(head, Text(""), table, *notes)


def run(seconds: float | None, console: Console) -> int:
    """Run the demonstration; the exit code."""
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    logging_off()
    with ExitStack() as stack:
        development = devserver.start(token_life=TOKEN_LIFE)
        stack.callback(development.server.stop)
        development.server.auto_login = True
        keeper = make_keeper(Settings.read({}), base=Path.cwd(), store=memory_store())
        known = {record.name: record for record in read(development.document, format=Format.YAML)}
        records = stack.enter_context(Records(known, keeper))
        workers = [Worker(records, name, development.server.api_url, stop) for name in KINDS]
        began = time.monotonic()
        for worker in workers:
            worker.thread.start()
        show(lambda: drawn([worker.row for worker in workers], began, seconds), stop, began, seconds, console)
        for worker in workers:
            worker.thread.join()
        return close([worker.row for worker in workers], development.server.counters.expired_answers, console)


def show(
    draw: Callable[[], Group], stop: threading.Event, began: float, seconds: float | None, console: Console
) -> None:
    """Draw until the time is over or Ctrl-C. Where nobody watches, draw once at the end."""
    if not console.is_terminal:
        stop.wait(seconds)
        console.print(draw())
        stop.set()
        return
    with Live(draw(), console=console, refresh_per_second=8, get_renderable=draw):
        while not stop.wait(0.1):
            if seconds is not None and time.monotonic() - began >= seconds:
                stop.set()


def close(rows: list[Row], refused: int, console: Console) -> int:
    """The closing line, and the exit code."""
    requests = sum(row.requests for row in rows)
    reached = sum(row.expired for row in rows)
    other = requests - sum(row.good for row in rows) - reached
    renewals = sum(row.renewals for row in rows)
    logins = sum(row.logins for row in rows)
    console.print()
    console.print(
        f"{requests:,} requests, {renewals} renewals, {logins} logins. The API refused {refused} tokens on the way; "
        f"expired answers that reached the caller: {reached}.",
        highlight=False,
    )
    if reached or other or not requests or any(not row.good for row in rows):
        console.print("[bold red]That is not what was promised.[/]")
        return 1
    return 0


def logging_off() -> None:
    """The HTTP client's own log lines would break the table."""
    import logging

    logging.getLogger("httpx2").setLevel(logging.WARNING)


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--once", action="store_true", help=f"end by itself after {ONCE_SECONDS:.0f} seconds")
    arguments = parser.parse_args()
    return run(ONCE_SECONDS if arguments.once else None, Console())


if __name__ == "__main__":
    sys.exit(main())
