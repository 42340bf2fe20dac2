"""The real parts, each started once for all tests that want it, and ended at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from authrecord.wiring import Records
from tests.canary_watch import Canary
from tests.real import availability, django_site, jupyter_site, oidc_site
from tests.real.browser import HeadlessChromium
from tests.real.opening import opened

Open = Callable[[list[dict[str, Any]], Mapping[str, str]], Records]


@pytest.fixture(scope="session")
def chromium() -> Iterator[HeadlessChromium]:
    """A headless Chromium."""
    availability.require(availability.missing_browser())
    executable = availability.chromium()
    assert executable is not None
    with HeadlessChromium(executable) as browser:
        yield browser


@pytest.fixture(scope="session")
def django_provider(session_canary: Canary) -> Iterator[django_site.DjangoProvider]:
    """django-oauth-toolkit in a Django project of ours."""
    availability.require(availability.missing_packages("django", "oauth2_provider", "waitress"))
    with django_site.django_provider(session_canary) as provider:
        yield provider


@pytest.fixture(scope="session")
def oidc_provider(session_canary: Canary) -> Iterator[oidc_site.OidcProvider]:
    """oidc-provider on Node.js."""
    availability.require(availability.missing_oidc_provider())
    with oidc_site.oidc_provider(session_canary) as provider:
        yield provider


@pytest.fixture(scope="session")
def jupyter_server(session_canary: Canary) -> Iterator[jupyter_site.JupyterServer]:
    """Jupyter Server with a token."""
    availability.require(availability.missing_packages("jupyter_server"))
    with jupyter_site.jupyter_server(session_canary) as server:
        yield server


@pytest.fixture
def open_records(tmp_path: Path) -> Iterator[Open]:
    """Opens records from plain data, and closes them; see `opening.opened`. Call it once a test."""
    held: list[Records] = []

    def open_one(records: list[dict[str, Any]], secrets: Mapping[str, str]) -> Records:
        held.append(opened(tmp_path, records, secrets))
        return held[-1]

    yield open_one
    for records in held:
        records.close()
