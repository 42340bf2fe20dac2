"""`authrecord login NAME`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..core.errors import LoginFailed, StoreFault
from ..core.secret import Secret
from ..core.token import Token
from ..doctor.words import duration
from ..signin import TIMEOUT_SECONDS, Progress, Step, login
from ..stores.remote.store import RemoteStore
from .context import Options, example, is_terminal, record_argument, with_options
from .output import console, moment, print_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status


@click.command("login", epilog=example("authrecord login orders --no-browser"))
@record_argument
@click.option("--no-browser", is_flag=True, help="Open nothing here: paste the redirected address instead.")
@click.option(
    "--timeout",
    type=click.FloatRange(1, 3600),
    metavar="SECONDS",
    default=TIMEOUT_SECONDS,
    help="Seconds to wait.",
)
@with_options
def command(options: Options, name: str, no_browser: bool, timeout: float) -> None:
    """Log in with a record, and keep the login for every later command.

    The provider's page opens in the browser, and its answer comes back to this command. On a machine without a
    browser, open the shown address elsewhere and paste the address that it redirects to.
    """
    with options.records() as records:
        record = records[name]
        if isinstance(records.store, RemoteStore):
            raise StoreFault(
                f"the login of {name} is kept by {records.source} itself.",
                hint=f"Log in at {records.source}/records/{name}.",
                code="at_the_server",
            )
        drawn = _Drawn(console(stderr=True))
        try:
            token = login(
                records.keeper,
                record,
                use_browser=False if no_browser else None,
                paste=drawn.paste if is_terminal(0) or no_browser else None,
                ask_password=drawn.ask_password,
                report=drawn.report,
                timeout=timeout,
            )
        finally:
            drawn.end()
    if options.as_json:
        print_json(
            {
                "name": name,
                "scope": token.scope,
                "expires_at": token.expires_at,
                "remarks": list(token.remarks),
            }
        )
        return
    _say(name, token)


def _say(name: str, token: Token) -> None:
    out = console(stderr=True)
    out.print(f"✓ {name} is logged in.", style="green")
    if token.scope:
        out.print(f"  Scope  {token.scope}")
    out.print(
        f"  Until  {moment(token.expires_at)}" if token.expires_at else "  Until  the provider did not say"
    )
    if token.refresh_token is not None:
        out.print("  It renews itself.")
    for remark in token.remarks:
        out.print(f"  Note: {remark}", style="yellow")


class _Drawn:
    """Draws the progress of a login on standard error."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._status: Status | None = None
        self._pasting = False

    def report(self, progress: Progress) -> None:
        """One step of the login."""
        if progress.step is Step.OPENED:
            self._out.print(f"Opened {progress.detail} in your browser.")
        elif progress.step is Step.REJECTED:
            self._out.print(f"  {progress.detail}", style="yellow")
        elif progress.step is Step.RECEIVED:
            self.end()
            self._out.print("The answer has come.")
        elif progress.step is Step.WAITING and not self._pasting and self._out.is_terminal:
            self._wait(f"Waiting for the answer, {duration(progress.seconds_left)} left. Ctrl-C ends it.")

    def _wait(self, text: str) -> None:
        if self._status is None:
            self._status = self._out.status(text)
            self._status.start()
        self._status.update(text)

    def paste(self, url: str) -> str:
        """Show the address, and take what is pasted. The end of the input ends the login."""
        if not self._pasting:
            self._pasting = True
            self.end()
            self._out.print("Open this address in any browser and log in:\n")
            self._out.print(f"{url}\n", style="bold")
            self._out.print("Then paste the address that you are redirected to (it may show an error page):")
        line = sys.stdin.readline()
        if not line:
            raise LoginFailed("no address was pasted.", hint="Start the login again.", code="no_answer")
        return line

    def ask_password(self) -> Secret:
        """Ask for the password, unseen; from standard input where nobody types."""
        if is_terminal(0):
            return Secret(click.prompt("Password", hide_input=True, err=True))
        return Secret(sys.stdin.readline().rstrip("\n"))

    def end(self) -> None:
        """Stop the spinner."""
        if self._status is not None:
            self._status.stop()
            self._status = None
