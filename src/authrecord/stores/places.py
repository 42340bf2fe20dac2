"""Where authrecord keeps its files, by an explicit environment. `AUTHRECORD_HOME` overrides everything.

Follows the XDG Base Directory Specification on Linux and the platform's own folders on macOS and Windows. The
key file and the sealed cache never share a folder, so that a copy of one folder is not both.
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

    return Path(
        _folder(environment, platform, "config", xdg=("XDG_CONFIG_HOME", ".config"), windows="APPDATA")
    )


def found_document(environment: Mapping[str, str], start: str) -> str:
    """The path of the document to use: `AUTHRECORD_FILE`, else one in `start` or above it, else the user's.

    Empty when there is none. `start` is absolute.
    """
    named = environment.get(FILE_VARIABLE, "")
    if named:
        return named
    folder, above = start, os.path.dirname(start)
    while True:
        for name in DOCUMENT_NAMES:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                return path
        if folder == above:
            break
        folder, above = above, os.path.dirname(above)
    own = _folder(environment, sys.platform, "config", xdg=("XDG_CONFIG_HOME", ".config"), windows="APPDATA")
    candidates = (os.path.join(own, name) for name in DOCUMENT_NAMES)
    return next((path for path in candidates if os.path.isfile(path)), "")


def data_folder(environment: Mapping[str, str], platform: str = sys.platform) -> str:
    """Where what cannot be made again is: keys."""
    return _folder(environment, platform, "data", xdg=("XDG_DATA_HOME", ".local/share"))


def state_folder(environment: Mapping[str, str], platform: str = sys.platform) -> str:
    """Where what lives between two runs is: the sealed tokens."""
    return _folder(environment, platform, "state", xdg=("XDG_STATE_HOME", ".local/state"))


def cache_file(environment: Mapping[str, str], platform: str = sys.platform) -> str:
    """The sealed cache of tokens between runs."""
    return os.path.join(state_folder(environment, platform), "tokens.sqlite")


def key_file(environment: Mapping[str, str], platform: str = sys.platform) -> str:
    """The key of the cache, when it is kept in a file."""
    return os.path.join(data_folder(environment, platform), "keys", "cache.key")


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
