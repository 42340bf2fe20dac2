"""`authrecord token NAME` with a live token: what is imported, and when it must not answer."""

from __future__ import annotations

import sys
from typing import Final

import pytest

from tests.cli.desk import Ended, Shop

TELLS: Final = (
    "import sys\n"
    "from authrecord.cli import entry\n"
    "try:\n"
    "    entry.main()\n"
    "finally:\n"
    "    sys.stderr.write(' '.join(sys.modules))\n"
)
"""Runs the command, then says on standard error which modules are loaded."""

HEAVY: Final = frozenset(
    {
        "click",
        "rich",
        "yaml",
        "tomlkit",
        "re2",
        "httpx2",
        "httpcore2",
        "anyio",
        "ssl",
        "asyncio",
        "subprocess",
    }
)


def told(shop: Shop, *arguments: str) -> tuple[Ended, set[str]]:
    """How it ended, and the packages that it had loaded then."""
    ended = shop.desk.spawn(*arguments, command=[sys.executable, "-I", "-c", TELLS])
    return ended, {name.partition(".")[0] for name in ended.err.split()}


@pytest.fixture
def live(shop: Shop) -> str:
    """The cache holds a live token, and knows whose it is."""
    token = shop.desk.spawn("token", "orders").out
    shop.canary.allow(token.strip(), sink="stdout")
    return token


@pytest.mark.parametrize("arguments", [("token", "orders"), ("--file", "authrecord.yaml", "token", "orders")])
def test_a_live_token_is_printed_without_click_parser_or_http_library(
    shop: Shop, live: str, arguments: tuple[str, ...]
) -> None:
    ended, loaded = told(shop, *arguments)
    assert (ended.code, ended.out) == (0, live)
    assert loaded & HEAVY == set()
    assert shop.server.counters.token_requests == 1


def test_the_variable_and_the_folder_above_lead_to_it_too(shop: Shop, live: str) -> None:
    shop.desk.set("AUTHRECORD_FILE", str(shop.desk.folder / "authrecord.yaml"))
    ended, loaded = told(shop, "token", "orders")
    assert ended.out == live
    assert "click" not in loaded


def test_a_document_that_changed_is_read_again(shop: Shop, live: str) -> None:
    shop.document(shop.record(exchange=", scope: orders.read"))
    ended, loaded = told(shop, "token", "orders")
    shop.canary.allow(ended.out.strip(), sink="stdout")
    assert "click" in loaded
    assert ended.out != live
    assert dict(shop.server.last_token_request.form)["scope"] == "orders.read"


def test_a_change_that_does_not_concern_the_token_keeps_it(shop: Shop, live: str) -> None:
    path = shop.desk.folder / "authrecord.yaml"
    path.write_text("# a comment\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    ended, loaded = told(shop, "token", "orders")
    assert ended.out == live
    assert "click" in loaded
    again, loaded = told(shop, "token", "orders")
    assert again.out == live
    assert "click" not in loaded
    assert shop.server.counters.token_requests == 1


def test_a_record_removed_from_the_document_has_no_token(shop: Shop, live: str) -> None:
    shop.document(shop.record("other"))
    ended, _ = told(shop, "token", "orders")
    assert (ended.code, ended.out) == (3, "")


def test_an_unknown_name_goes_the_normal_way(shop: Shop, live: str) -> None:
    ended, loaded = told(shop, "token", "nobody")
    assert (ended.code, ended.out) == (3, "")
    assert "click" in loaded


def test_a_missing_key_goes_the_normal_way_and_says_so(shop: Shop, live: str) -> None:
    shop.desk.key.unlink()
    ended, loaded = told(shop, "token", "orders")
    assert (ended.code, ended.out) == (7, "")
    assert "click" in loaded
    assert "store.key" in ended.err


def test_a_cache_that_others_may_read_is_not_used(shop: Shop, live: str) -> None:
    shop.desk.cache.chmod(0o640)
    ended, _ = told(shop, "token", "orders")
    assert (ended.code, ended.out) == (7, "")


def test_a_logout_reaches_the_fast_path(shop: Shop, live: str) -> None:
    assert shop.desk.run("logout", "orders").code == 0
    ended, _ = told(shop, "token", "orders")
    shop.canary.allow(ended.out.strip(), sink="stdout")
    assert ended.out not in {live, ""}
    assert shop.server.counters.token_requests == 2


def test_a_cache_of_rubbish_is_a_fault_of_this_machine(shop: Shop, live: str) -> None:
    for side in ("-wal", "-shm"):
        shop.desk.cache.with_name(shop.desk.cache.name + side).unlink(missing_ok=True)
    shop.desk.cache.write_bytes(b"rubbish" * 1000)
    ended, _ = told(shop, "token", "orders")
    assert (ended.code, ended.out) == (7, "")


def test_options_behind_the_name_go_the_normal_way(shop: Shop, live: str) -> None:
    ended, loaded = told(shop, "token", "orders", "--reveal")
    assert ended.out == live
    assert "click" in loaded
