"""What the pages list is what the code has: reasons, errors, variables, commands, dependencies, numbers."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from authrecord.cli.app import COMMANDS
from authrecord.clients import peek, sender
from authrecord.core import errors, expiry, token
from authrecord.core.replay import SAFE_METHODS, Reason
from authrecord.grants import pending
from authrecord.keeper import backoff, renewal, trust
from authrecord.signin import TIMEOUT_SECONDS
from authrecord.signin.listener import HEAD_SECONDS, MOST_CONNECTIONS
from authrecord.stores import commands, keyrings, references
from authrecord.testing import EXPIRED_ANSWERS
from tests.docs.markdown import ROOT, text_of

NOT_FOR_USERS = {"AUTHRECORD_COMPLETE"}
"""Of click's completion; the leading underscore is not a part of what is looked for."""


def table_cells(page: str) -> set[str]:
    """What stands in code marks in the first column of the tables of a page."""
    rows = [line for line in text_of(page).splitlines() if line.startswith(("| `", "| ["))]
    return {found for row in rows for found in re.findall(r"`([^`]+)`", row.split("|")[1])}


def project() -> dict[str, Any]:
    """The project's table of `pyproject.toml`."""
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def names_of(requirements: list[str]) -> list[str]:
    """The names of requirements, without extras and bounds."""
    return [re.split(r"[\[>=<;]", one)[0] for one in requirements]


def test_every_reason_of_an_outcome_is_explained() -> None:
    assert {reason.name for reason in Reason} <= table_cells("docs/keeping-alive.md")


def test_every_error_is_explained_to_users_of_a_client() -> None:
    told = text_of("docs/clients.md") + text_of("docs/signing-in.md")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    names = [kind.__name__ for kind in kinds if issubclass(kind, errors.AuthrecordError)]
    assert len(names) > 9
    assert [name for name in names if f"`{name}`" not in told and name != "LoginFailed"] == []


def test_every_variable_of_the_environment_is_documented() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    assert set(re.findall(r"AUTHRECORD_[A-Z]+(?:_[A-Z]+)*", code)) - NOT_FOR_USERS == {
        name for name in table_cells("docs/storage.md") if name.startswith("AUTHRECORD_")
    }


def test_the_changelog_names_every_command_and_has_an_unreleased_part() -> None:
    changes = text_of("CHANGELOG.md")
    assert "\n## Unreleased\n" in changes
    assert [name for name in COMMANDS if f"`{name}`" not in changes] == []


def test_the_readme_names_the_two_commands_and_every_extra() -> None:
    readme = text_of("README.md")
    for script in ("scripts/demo", "scripts/test"):
        assert f"\n{script} " in readme
        assert (ROOT / script).stat().st_mode & 0o111
    extras = project()["optional-dependencies"]
    assert [name for name in extras if f"[{name}]" not in readme and f"`{name}`" not in readme] == []
    assert len(readme.splitlines()) <= 240


def test_the_security_page_supports_the_present_version() -> None:
    major, minor, _ = project()["version"].split(".")
    assert f"| {major}.{minor}.x, the latest release | yes |" in text_of("SECURITY.md")


def test_every_dependency_has_its_reason() -> None:
    page = "docs/decisions/0003-dependencies.md"
    told, needed = text_of(page), project()
    rows = {line.split("|")[1].strip() for line in told.splitlines() if line.startswith("| ")}
    assert set(names_of(needed["dependencies"])) <= rows
    for extra, requirements in needed["optional-dependencies"].items():
        assert f"`{extra}`" in told
        assert [name for name in names_of(requirements) if name not in told] == []


def test_every_way_of_the_fake_to_say_expired_is_listed() -> None:
    assert [way for way in EXPIRED_ANSWERS if f"`{way}`" not in text_of("docs/testing.md")] == []


def test_every_safe_method_is_listed() -> None:
    assert [method for method in SAFE_METHODS if method not in text_of("docs/keeping-alive.md")] == []


@pytest.mark.parametrize(
    ("page", "sentence", "value"),
    [
        ("docs/keeping-alive.md", "The margin is {} s", token.MARGIN_SECONDS),
        ("docs/keeping-alive.md", "more than {} s in the future", token.CLOCK_TOLERANCE),
        ("docs/keeping-alive.md", "the first {} KiB of the decoded body", expiry.BODY_BYTES / 1024),
        ("docs/keeping-alive.md", "at most {} KiB of the raw body", peek.RAW_BYTES / 1024),
        ("docs/keeping-alive.md", "A claim to renew lasts {} s", renewal.CLAIM_SECONDS),
        ("docs/keeping-alive.md", "asked again after {} and", renewal.RETRY_PAUSES[0]),
        ("docs/keeping-alive.md", "from a bucket: {} in a burst", trust.BUCKET),
        ("docs/keeping-alive.md", "then {} per second", trust.REFILL_PER_SECOND),
        ("docs/keeping-alive.md", "doubling up to {} minutes", backoff.LONGEST / 60),
        ("docs/keeping-alive.md", "a token request takes {} s at most", sender.DEADLINE),
        ("docs/security/threat-model.md", "hang ({} s for a whole call)", sender.DEADLINE),
        ("docs/security/threat-model.md", "fill memory ({} MiB", sender.MOST_BYTES / 1024 / 1024),
        ("docs/signing-in.md", "60 seconds instead of {}", TIMEOUT_SECONDS),
        ("docs/signing-in.md", "An answer comes within {} minutes", pending.LIFE_SECONDS / 60),
        ("docs/signing-in.md", "its request within {} s", HEAD_SECONDS),
        ("docs/signing-in.md", "at most {} connections", MOST_CONNECTIONS),
        ("docs/storage.md", "loses its claim after {} s", renewal.CLAIM_SECONDS),
        ("docs/documents.md", "a file of up to {} KiB", references.MOST_BYTES / 1024),
        ("docs/documents.md", "a bare environment, {} s", commands.SECONDS),
    ],
)
def test_a_number_on_a_page_is_the_number_in_the_code(page: str, sentence: str, value: float) -> None:
    prose = " ".join(text_of(page).split())
    assert sentence.format(f"{value:g}") in prose


def test_the_keyrings_that_are_used_are_listed() -> None:
    told = text_of("docs/keys.md").lower().replace(" ", "")
    assert [name for name in keyrings.REAL_BACKENDS if name.rpartition(".")[2].lower() not in told] == []
