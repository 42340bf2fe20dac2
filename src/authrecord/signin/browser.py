"""Opens the system's browser, quietly (RFC 8252 §8.12: the user's own browser, never an embedded one).

The URL is an argument of the browser's command for a moment, as every desktop does it; it holds a `state` and a
challenge that are worth nothing to who reads them, since the answer must come to this process.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping

COMMANDS = ("xdg-open", "gio open", "x-www-browser", "wslview")
TEXT_BROWSERS = frozenset({"lynx", "links", "links2", "elinks", "w3m", "www-browser"})


def browser_command(environment: Mapping[str, str], platform: str = sys.platform) -> list[str] | None:
    """The command that opens a URL, without the URL; `None` on a machine without a graphical browser.

    `BROWSER` is respected; a text browser is none, since it would take the terminal.
    """
    for wish in environment.get("BROWSER", "").split(os.pathsep):
        command = shlex.split(wish.replace("%s", ""))
        if command and os.path.basename(command[0]) not in TEXT_BROWSERS and shutil.which(command[0]):
            return command
    if platform == "darwin":
        return ["open"]
    if platform == "win32":
        return ["rundll32", "url.dll,FileProtocolHandler"]
    if not (
        environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY") or environment.get("WSL_DISTRO_NAME")
    ):
        return None
    for text in COMMANDS:
        command = text.split()
        if shutil.which(command[0]):
            return command
    return None


def open_browser(url: str, environment: Mapping[str, str] | None = None) -> bool:
    """Open `url` in the user's browser. False when there is none, or it could not be started."""
    command = browser_command(os.environ if environment is None else environment)
    if command is None:
        return False
    try:
        subprocess.Popen(  # noqa: S603 - the user's own browser, and a URL as one argument, through no shell
            [*command, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    return True
