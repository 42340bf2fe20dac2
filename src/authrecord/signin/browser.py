"""Opens the system's browser, quietly (RFC 8252 §8.12: the user's own browser, never an embedded one).

The URL is an argument of the browser's command for a moment, where other users of the machine can read it: so it
is that of our own start page, which works once (see `binding`), wherever there is a listener.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
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


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """What the user's own programs get: all but our settings and the key that seals the tokens (P11)."""
    source, _, key = environment.get("AUTHRECORD_KEY", "").partition(":")
    ours = {key} if source == "env" else set()
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("AUTHRECORD_") and name not in ours
    }


def open_browser(url: str, environment: Mapping[str, str] | None = None) -> bool:
    """Open `url` in the user's browser. False when there is none, or it could not be started."""
    found = os.environ if environment is None else environment
    command = browser_command(found)
    if command is None:
        return False
    try:
        started = subprocess.Popen(  # noqa: S603 - the user's own browser, and a URL as one argument, through no shell
            [*command, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=passed_on(found),
            start_new_session=True,
        )
    except OSError:
        return False
    # Somebody must ask for its exit status, or a dead process stays in the table as long as we live.
    threading.Thread(target=started.wait, name="authrecord-browser", daemon=True).start()
    return True
