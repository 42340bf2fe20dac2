"""What the tests of the gateway share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authrecord.core.secret import Secret
from authrecord.record import Record
from authrecord.schemes.bearer import Bearer
from tests.canary_watch import Canary
from tests.gateway.stage import Gateway, Loop, Taken, Upstream


@pytest.fixture
def loop() -> Iterator[Loop]:
    with Loop() as running:
        yield running


@pytest.fixture
def upstream() -> Iterator[Callable[..., Upstream]]:
    """Makes upstreams, and ends them."""
    made: list[Upstream] = []

    def make(**options: Any) -> Upstream:
        made.append(Upstream(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def gateway(loop: Loop, canary: Canary) -> Iterator[Callable[..., Gateway]]:
    """Makes gateways before an upstream, with a password of their own, and ends them."""
    made: list[Gateway] = []

    def make(url: str, *records: Record, **options: Any) -> Gateway:
        made.append(Gateway(loop, url, canary("gateway password"), *records, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def bearer(canary: Canary) -> Callable[[str], Record]:
    """A record with a static token for an origin."""

    def make(url: str, name: str = "orders", prefix: str = "Bearer") -> Record:
        return Record(
            name=name,
            allowed_origins=(url,),
            auth=Bearer(token=Secret(canary(f"token of {name}")), prefix=prefix),
        )

    return make


def token_of(record: Record) -> str:
    """The secret of a bearer record, as it goes on the wire."""
    assert isinstance(record.auth, Bearer)
    assert isinstance(record.auth.token, Secret)
    return f"{record.auth.prefix} {record.auth.token.reveal()}"


def authorization(taken: Taken) -> list[str]:
    """What an upstream got as `Authorization`."""
    return taken.values("authorization")
