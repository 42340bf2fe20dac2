"""What the tests of the Envoy engine share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authrecord.record import Record
from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.gateway.envoy.stage import EnvoyGateway, client_record
from tests.gateway.stage import Loop


@pytest.fixture
def envoy(loop: Loop, canary: Canary) -> Iterator[Callable[..., EnvoyGateway]]:
    """Makes Envoys before an upstream, with a password of their own, and ends them."""
    made: list[EnvoyGateway] = []

    def make(url: str, *records: Record, **options: Any) -> EnvoyGateway:
        made.append(EnvoyGateway(loop, url, canary("gateway password"), *records, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def provider(canary: Canary) -> Iterator[HonestServer]:
    """A provider whose secrets are watched."""
    with HonestServer(make_secret=canary.make) as server:
        yield server


@pytest.fixture(params=["renewable", "static"])
def either_bearer(
    request: pytest.FixtureRequest, bearer: Callable[[str], Record], provider: HonestServer
) -> Callable[[str], Record]:
    """Makes records whose token stands in `Authorization`. Renewed or not, another filter puts it there."""

    def make(url: str) -> Record:
        return bearer(url) if request.param == "static" else client_record(provider, url, pattern="expired")

    return make


@pytest.fixture
def provider_record(provider: HonestServer) -> Callable[..., Record]:
    """Makes records of that provider for an origin."""

    def make(url: str, **options: Any) -> Record:
        return client_record(provider, url, **options)

    return make
