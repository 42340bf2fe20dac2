"""A gateway tells the page of its machine what it does."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from authrecord.gateway.publishing import publishing
from authrecord.record import Record
from authrecord.stores.gateway_figures import published
from tests.gateway.stage import Gateway, Loop, Upstream, get


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authrecord.gateway.publishing.SECONDS", 0.05)


def test_its_figures_stand_there_while_it_runs_and_go_with_it(
    upstream: Callable[..., Upstream],
    gateway: Callable[..., Gateway],
    bearer: Callable[[str], Record],
    loop: Loop,
    tmp_path: Path,
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))

    async def begin() -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(publishing(through.running.shown, str(tmp_path)))

    async def end() -> None:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)

    telling = loop.run(begin())
    assert through.ask(get(through)).status == 200
    assert through.ask(get(through, password=False)).status == 401
    give_up = time.monotonic() + 20
    while not (found := published(str(tmp_path), time.time())) or found[0].requests < 2:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    (told,) = found
    assert told.name == str(os.getpid())
    assert dict(told.places)["reverse"] == f"127.0.0.1:{through.port}"
    assert {status: total for status, _, total in told.by_status} == {200: 1, 401: 1}
    assert told.troubles[0][1] == "unknown_caller"
    loop.run(end())
    assert published(str(tmp_path), time.time()) == []


def test_a_folder_that_cannot_be_written_costs_the_page_and_not_the_gateway(
    upstream: Callable[..., Upstream],
    gateway: Callable[..., Gateway],
    bearer: Callable[[str], Record],
    loop: Loop,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    (tmp_path / "gateways").write_text("in the way")
    loop.run(publishing(through.running.shown, str(tmp_path)))
    assert "the page will not show this gateway" in caplog.text
    assert through.ask(get(through)).status == 200
