"""Which real parts this machine has. A part that is missing skips its tests; with CI=true it fails them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

CHROMIUM_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
OLDEST_NODE: Final = 20
OIDC_PROVIDER: Final = Path(__file__).parent / "oidc_provider"


def require(missing: str) -> None:
    """Go on when `missing` is empty. Else skip, or fail where nothing may be left out."""
    __tracebackhide__ = True
    if not missing:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{missing} With CI=true nothing may be left out.", pytrace=False)
    pytest.skip(missing)


def missing_packages(*names: str) -> str:
    """Why Python packages cannot be used; empty when all of them are here."""
    absent = [name for name in names if find_spec(name) is None]
    return f"Python package {absent[0]} is not installed: run scripts/test." if absent else ""


@cache
def chromium() -> Path | None:
    """The browser of this machine."""
    found = (shutil.which(name) for name in CHROMIUM_NAMES)
    return next((Path(path) for path in found if path), None)


def missing_browser() -> str:
    """Why no browser can be driven; empty when one can."""
    if chromium() is None:
        return "Chromium is not here: install the Debian package chromium."
    return missing_packages("playwright")


@cache
def node() -> str | None:
    """The Node.js of this machine, or the one that scripts/test has installed beside this Python."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))


@cache
def missing_oidc_provider() -> str:
    """Why oidc-provider cannot be started; empty when it can."""
    executable = node()
    if executable is None:
        return f"Node.js {OLDEST_NODE} or later is not here."
    asked = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=60, check=False)
    said = asked.stdout
    number = said.strip().lstrip("v").partition(".")[0]
    if not number.isdigit() or int(number) < OLDEST_NODE:
        return f"Node.js {OLDEST_NODE} or later is wanted, and this is {said.strip() or 'none'}."
    if not (OIDC_PROVIDER / "node_modules" / "oidc-provider").is_dir():
        return "oidc-provider is not installed: run `npm ci --ignore-scripts` in tests/real/oidc_provider."
    return ""
