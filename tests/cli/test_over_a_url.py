"""The command line with a server for its store: what works is the same, and what needs the database says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.cli.desk import Desk
from tests.cli.test_run import ASK
from tests.stores.remote.reach import Reach
from tests.web.stage import Stage, stage

EVERYTHING = ("records:read", "records:write", "secrets:set", "tokens:use")


@pytest.fixture(scope="module")
def serving(session_canary: Canary) -> Iterator[Stage]:
    """A running server."""
    with stage(session_canary) as made:
        yield made


@pytest.fixture
def reach(serving: Stage, server: HonestServer, canary: Canary, desk: Desk) -> Iterator[Reach]:
    """The server's side; the desk has its URL and an API token."""
    serving.begin(canary)
    made = Reach(serving, server)
    desk.set("AUTHRECORD_STORE", serving.url)
    desk.set("AUTHRECORD_API_TOKEN", serving.token(*EVERYTHING))
    yield made
    made.end()
    serving.end()


def test_records_are_listed_and_shown_without_their_secrets(desk: Desk, reach: Reach) -> None:
    reach.machine()
    listed = desk.run("list", "--json")
    assert listed.code == 0, listed.err
    assert listed.data["store"] == reach.web.url
    assert [one["name"] for one in listed.data["records"]] == ["orders"]
    shown = desk.run("show", "orders", "--reveal")
    assert shown.code == 0, shown.err
    assert "${server:auth.credentials.client_secret}" in shown.out
    assert desk.run("show", "nobody").code == 3


def test_tokens_headers_and_requests_come_through(desk: Desk, reach: Reach, canary: Canary) -> None:
    reach.machine()
    printed = desk.spawn("token", "orders")
    assert printed.code == 0, printed.err
    canary.allow(printed.out.strip(), sink="stdout")
    url = f"{reach.provider.api_url}/orders"
    headers = desk.spawn("headers", "orders", url)
    assert headers.out == f"Authorization: Bearer {printed.out.strip()}\n"
    asked = desk.run("request", "orders", "GET", url, "--json")
    assert (asked.code, asked.data["status"]) == (0, 200)
    assert reach.provider.counters.token_requests == 1
    assert not desk.cache.exists(), "nothing is kept here"


def test_a_command_runs_while_its_tokens_run_out_and_learns_no_api_token(desk: Desk, reach: Reach) -> None:
    reach.provider.token_life = 0.6
    reach.machine()
    script = f"import os; print(os.environ.get('AUTHRECORD_API_TOKEN'))\n{ASK}"
    ended = desk.spawn("run", "orders", "--", sys.executable, "-c", script, reach.provider.api_url, "8")
    assert ended.code == 0, ended.err
    assert ended.out == "None\n" + '200 {"ok": true}\n' * 8
    assert reach.provider.counters.token_requests >= 2


def test_a_record_is_added_edited_and_removed(desk: Desk, reach: Reach, canary: Canary) -> None:
    secret = canary("api key")
    origin = ("--origin", "https://api.example.com")
    added = desk.run(
        *("add", "weather", "--type", "api_key", *origin, "--set", "key=X-Key"),
        *("--secret-stdin", "value", "--json"),
        typed=secret,
    )
    assert added.code == 0, added.err
    assert added.data == {"name": "weather", "store": reach.web.url, "warnings": []}
    assert desk.run("add", "weather", "--json").data["error"]["code"] == "exists"
    edited = desk.run("edit", "weather", "--set", "description=Rain")
    assert edited.code == 0, edited.err
    stored = reach.web.store().read("weather")
    assert (stored.record.description, stored.revision) == ("Rain", 2)
    assert reach.records().stamp("weather", "https://api.example.com/").wire_headers() == [("X-Key", secret)]
    assert desk.run("remove", "weather", "--yes").code == 0
    assert reach.web.store().count() == 0


def test_a_record_is_checked_by_the_server(desk: Desk, reach: Reach) -> None:
    reach.machine()
    checked = desk.run("check", "orders", f"{reach.provider.api_url}/orders", "--json")
    assert checked.code == 0, checked.out
    verdicts = {step["step"]: step["verdict"] for step in checked.data["steps"]}
    assert (verdicts["record"], verdicts["token"], verdicts["api"]) == ("ok", "ok", "ok")
    reach.machine("broken", credentials={"client_id": "nobody", "client_secret": reach.canary("secret")})
    broken = desk.run("check", "broken")
    assert (broken.code, "Check client_id and client_secret" in broken.out) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "status"),
        ("keys", "rotate"),
        ("backup", "copy.sqlite"),
        ("restore", "copy.sqlite"),
        ("audit", "verify"),
        ("audit", "list"),
        ("tenants", "list"),
        ("keep", "--once"),
        ("serve",),
        ("export", "all.sealed"),
        ("import", "some.yaml"),
    ],
    ids=" ".join,
)
def test_what_needs_the_database_says_so(desk: Desk, reach: Reach, words: tuple[str, ...]) -> None:
    desk.write("records: []\n", "some.yaml")
    desk.write("", "copy.sqlite")
    ended = desk.run(*words)
    assert ended.code == 7, ended.err
    assert f"this needs the database itself, and {reach.web.url} is a server" in ended.err


def test_what_is_the_servers_own_leads_to_its_page(desk: Desk, reach: Reach) -> None:
    reach.machine()
    ended = desk.run("login", "orders")
    assert (ended.code, f"Log in at {reach.web.url}/records/orders." in ended.err) == (7, True)
    ended = desk.run("logout", "orders")
    assert (ended.code, "kept by" in ended.err) == (7, True)


def test_the_store_option_names_a_server_too(desk: Desk, reach: Reach) -> None:
    desk.unset("AUTHRECORD_STORE")
    assert desk.run("list", "--store", reach.web.url, "--json").data["store"] == reach.web.url


def test_a_scope_that_is_missing_is_named(desk: Desk, reach: Reach) -> None:
    reach.machine()
    desk.set("AUTHRECORD_API_TOKEN", reach.web.token("records:read"))
    ended = desk.run("request", "orders", "GET", f"{reach.provider.api_url}/orders", "--json")
    assert (ended.code, ended.data["error"]["code"]) == (7, "forbidden")
    assert "tokens:use" in ended.data["error"]["message"]
