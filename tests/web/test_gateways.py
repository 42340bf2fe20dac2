"""The page that shows what the gateways of this machine do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from authrecord.stores.gateway_figures import GatewayFigures, publish, withdraw
from authrecord.web.assembling import Wishes, folder_of
from tests.canary_watch import Canary
from tests.web.stage import Stage, stage


@pytest.fixture(scope="module")
def running(session_canary: Canary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server whose user has a home of their own."""
    home = tmp_path_factory.mktemp("home")
    wishes = Wishes(environment={"AUTHRECORD_HOME": str(home), "HOME": str(home)})
    with stage(session_canary, wishes=wishes) as made:
        yield made


def figures(name: str = "4711", **changes: object) -> GatewayFigures:
    now = time.time()
    made = GatewayFigures(
        name=name,
        at=now,
        since=now - 60,
        places=(("reverse", "127.0.0.1:8080"), ("forward", "unix:/run/proxy.sock")),
        by_status=((200, 1250.0, 75_000), (502, 2.0, 12)),
        requests=75_012,
        renewals=17,
        replays=3,
        expired_passed=0,
        callers=32,
        p50=0.0007,
        p99=0.005,
        troubles=((0.0, "connect_failed", "<img src=x onerror=alert(1)>"),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the fields that it changes


def test_the_figures_of_each_gateway_stand_on_the_page_and_are_asked_for_anew(web: Stage) -> None:
    visitor, folder = web.browser("ann", "administrator"), web.site.gateways
    assert "No gateway runs" in visitor.get("/gateways").text
    publish(folder, figures())
    publish(folder, figures("4712", since=0.0))
    text = visitor.get("/gateways").text
    for words in (
        "127.0.0.1:8080",
        "unix:/run/proxy.sock",
        "1,252",
        "≤ 0.7 ms",
        "≤ 5 ms",
        "75,000",
        "renewals 17",
    ):
        assert words in text
    assert text.index("Process 4712") < text.index("Process 4711")
    assert "connect_failed" in text
    assert "<img" not in text
    assert 'hx-get="/gateways/figures"' in text
    assert 'href="/gateways" aria-current="page"' in text
    publish(folder, figures(requests=75_999))
    piece = visitor.get("/gateways/figures", hx_request="true").text
    assert "75,999" in piece
    assert "<html" not in piece
    withdraw(folder, "4711")
    withdraw(folder, "4712")
    assert "No gateway runs" in visitor.get("/gateways/figures").text


def test_a_gateway_that_was_killed_and_a_file_of_somebody_else_are_not_shown(web: Stage) -> None:
    visitor, folder = web.browser("ann", "administrator"), web.site.gateways
    publish(folder, figures(at=time.time() - 60))
    (Path(folder) / "gateways" / "broken.json").write_text("{", encoding="utf-8")
    publish(folder, figures("4713"))
    (Path(folder) / "gateways" / "4713.json").chmod(0o666)
    assert "No gateway runs" in visitor.get("/gateways").text


@pytest.mark.parametrize("role", ["viewer", "user", "editor"])
def test_N3_only_an_administrator_sees_gateways(web: Stage, role: str) -> None:
    visitor = web.browser("ann", role)
    assert [visitor.get(path).status_code for path in ("/gateways", "/gateways/figures")] == [403, 403]
    assert "/gateways" not in visitor.get("/records").text


def test_a_user_without_a_home_has_no_gateways_to_show() -> None:
    assert folder_of(Wishes(environment={})) == ""
