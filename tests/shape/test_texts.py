"""Nothing in the tree belongs to one machine, and the package says what it needs."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata

from tests.shape import text_rules
from tests.shape.tree import ROOT, check_nothing_found, project_files, python_files, text_of, tree_of


def test_no_file_names_a_path_of_one_machine_or_the_host_of_a_registry() -> None:
    files = [path for path in project_files() if path.as_posix() != "tests/shape/text_rules.py"]
    assert files
    check_nothing_found(
        [f"{path}:{line}: {fault}" for path in files for line, fault in text_rules.local_text(text_of(path))]
    )


def test_Q2_the_lower_bounds_are_fixed_versions_and_the_locks_keep_to_them() -> None:
    """Attack row Q2: h11, urllib3, aiohttp and requests below these versions had known faults."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [requirement for group in project["optional-dependencies"].values() for requirement in group]
    bounds = dict(requirement.split(">=") for requirement in [*project["dependencies"], *extras])
    least = {"h11": (0, 16), "urllib3": (2, 8), "aiohttp": (3, 14, 3), "requests": (2, 32, 4)}
    assert {name: _numbers(bounds[name]) >= version for name, version in least.items()} == dict.fromkeys(
        least, True
    )
    for lock in ("test", "bench"):
        pinned = _pins((ROOT / "requirements" / f"{lock}.lock").read_text())
        assert all(_numbers(pinned[name]) >= version for name, version in least.items())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _pins(lock: str) -> dict[str, str]:
    lines = (line.split(";")[0].rstrip(" \\") for line in lock.splitlines() if "==" in line.split("#")[0])
    return dict(line.split("==", 1) for line in lines if not line.startswith(" "))


def test_the_core_installs_without_the_extras() -> None:
    """What belongs to one extra is not a dependency of everybody."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core = {requirement.split(">=")[0] for requirement in project["dependencies"]}
    assert set(project["optional-dependencies"]) >= {
        "server",
        "postgres",
        "browser",
        "gateway",
        "envoy",
        "jose",
    }
    extras = {
        requirement.split(">=")[0].split("[")[0]
        for group in project["optional-dependencies"].values()
        for requirement in group
    }
    assert not core & extras


def test_every_package_that_the_source_imports_is_a_declared_dependency() -> None:
    """What merely comes along with another package may be gone with its next release. Optional imports may fail."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [requirement for group in project["optional-dependencies"].values() for requirement in group]
    declared = {_name(requirement) for requirement in [*project["dependencies"], *extras]}
    providers = metadata.packages_distributions()
    check_nothing_found(
        [
            f"{path} imports {package}"
            for path in python_files("src")
            for package in sorted(
                _imported_packages(tree_of(path)) - sys.stdlib_module_names - {"authrecord"}
            )
            if not declared & {_name(provider) for provider in providers.get(package, [package])}
        ]
    )


def _name(requirement: str) -> str:
    """The normalised name (PEP 503) of a requirement or of a distribution."""
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def _imported_packages(tree: ast.Module) -> set[str]:
    """The packages imported outside of a `try` that expects them to be missing."""
    found: set[str] = set()
    tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try)]
    optional = {
        inner
        for node in tries
        if any(handler.type and ast.unparse(handler.type) == "ImportError" for handler in node.handlers)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in optional:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_scripts_and_the_ci_entry_can_be_executed() -> None:
    for name in ("scripts/test", ".ci/run"):
        path = ROOT / name
        assert path.stat().st_mode & 0o111, f"{name} is not executable"
        assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert "scripts/test" in (ROOT / ".ci" / "run").read_text()
