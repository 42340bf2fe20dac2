"""Where authrecord keeps its files, by an explicit environment. `AUTHRECORD_HOME` overrides everything.

Follows the XDG Base Directory Specification on Linux and the platform's own folders on macOS and Windows. The
key file and the sealed store never share a folder, so that a copy of one folder is not both.
No `platformdirs`: importing it costs as much as the whole look-up of a token may.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

TYPE_CHECKING = False  # as `typing` has it; importing that costs 6 ms
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Final

    from ..core.errors import StoreFault

HOME_VARIABLE: Final = "AUTHRECORD_HOME"
FILE_VARIABLE: Final = "AUTHRECORD_FILE"
DOCUMENT_NAMES: Final = ("authrecord.yaml", "authrecord.yml", "authrecord.json", "authrecord.toml")
_NAME: Final = "authrecord"


def config_folder(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where the user's own documents and settings are. Raises `StoreFault` (code `no_home`) as all here do."""
    from pathlib import Path

    return Path(_config(environment, platform))


def document_above(start: str) -> str:
    """The path of a document in the folder `start` (absolute) or above it; empty when there is none."""
    folder, above = start, os.path.dirname(start)
    while True:
        found = _document_in(folder)
        if found or folder == above:
            return found
        folder, above = above, os.path.dirname(above)


def own_document(environment: Mapping[str, str]) -> str:
    """The path of the document in the user's configuration folder; empty when there is none."""
    return _document_in(_config(environment, sys.platform))


def settings_file(environment: Mapping[str, str], platform: str = sys.platform) -> str:
    """What the user has set once and for all: which store, which key."""
    return os.path.join(_config(environment, platform), "settings.toml")


def data_folder(environment: Mapping[str, str], platform: str = sys.platform) -> str:
    """Where what cannot be made again is: the store and, in a folder of its own, its key."""
    return _folder(environment, platform, "data", xdg=("XDG_DATA_HOME", ".local/share"))


def store_file(environment: Mapping[str, str], platform: str = sys.platform) -> str:
    """The sealed store of records and tokens that every user has."""
    return os.path.join(data_folder(environment, platform), "store.sqlite")


def key_file(environment: Mapping[str, str], platform: str = sys.platform) -> str:
    """The key of the store, when it is kept in a file."""
    return os.path.join(data_folder(environment, platform), "keys", "store.key")


def _config(environment: Mapping[str, str], platform: str) -> str:
    return _folder(environment, platform, "config", xdg=("XDG_CONFIG_HOME", ".config"), windows="APPDATA")


def _document_in(folder: str) -> str:
    candidates = (os.path.join(folder, name) for name in DOCUMENT_NAMES)
    return next((path for path in candidates if os.path.isfile(path)), "")


def _folder(
    environment: Mapping[str, str],
    platform: str,
    part: str,
    *,
    xdg: tuple[str, str],
    windows: str = "LOCALAPPDATA",
) -> str:
    own = environment.get(HOME_VARIABLE, "")
    if own:
        return os.path.join(os.path.abspath(own), part)
    if platform == "win32":
        return os.path.join(environment.get(windows) or _home(environment, "USERPROFILE"), _NAME, part)
    if platform == "darwin":
        return os.path.join(_home(environment, "HOME"), "Library", "Application Support", _NAME, part)
    variable, below_home = xdg
    given = environment.get(variable, "")
    if given.startswith("/"):  # the specification: a relative path is to be ignored
        return os.path.join(given, _NAME)
    return os.path.join(_home(environment, "HOME"), below_home, _NAME)


def _home(environment: Mapping[str, str], variable: str) -> str:
    home = environment.get(variable, "")
    if os.path.isabs(home):
        return home
    raise _homeless(variable)


def _homeless(variable: str) -> StoreFault:
    from ..core.errors import StoreFault

    return StoreFault(
        f"{variable} is not set to a folder, so there is no place for authrecord's files.",
        hint=f"Set {HOME_VARIABLE} to a folder that is yours alone.",
        code="no_home",
    )
