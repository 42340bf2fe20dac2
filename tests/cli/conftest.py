"""Fixtures of the command line's tests: a desk, and a shop to buy from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from authrecord.testing import HonestServer, HostileServer
from tests.canary_watch import Canary
from tests.cli.desk import Desk, Shop


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch, capsys)
    yield one
    one.leave()


@pytest.fixture
def server(canary: Canary) -> Iterator[HonestServer]:
    """Every token, code and secret of it is a canary."""
    with HonestServer(auto_login=True, make_secret=canary.make) as one:
        yield one


@pytest.fixture
def shop(desk: Desk, server: HonestServer, canary: Canary) -> Shop:
    """With its document written."""
    one = Shop(desk, server, canary)
    one.document()
    return one


@pytest.fixture
def api(desk: Desk) -> Iterator[HostileServer]:
    """An API that answers what a test says, and the record `key` for it."""
    with HostileServer() as one:
        desk.write(
            f"records: [{{name: key, allowed_origins: ['{one.url}'], "
            "auth: {type: bearer, token: '${env:T}'}}]\n"
        )
        desk.set("T", "of-no-worth")
        yield one
