"""The commands on the user's store, where no document is: what is written there, read, changed and taken out."""

from __future__ import annotations

import pytest

from tests.canary_watch import Canary
from tests.cli.desk import Desk, Shop

API = "https://api.example.com"
KEY = ("--type", "api_key", "--origin", API, "--set", "key=X-Key", "--secret-stdin", "value")


@pytest.fixture
def secret(canary: Canary) -> str:
    return canary("api_key")


def printed(shop: Shop) -> str:
    """The token, as `authrecord token` prints it for a script."""
    ended = shop.desk.spawn("token", "orders")
    assert ended.code == 0, ended.err
    shop.canary.allow(ended.out.strip(), sink="stdout")
    return ended.out


def test_a_record_is_written_listed_changed_and_removed(desk: Desk, secret: str) -> None:
    added = desk.run("add", "weather", *KEY, "--json", typed=secret)
    assert added.code == 0, added.err
    assert added.data == {"name": "weather", "store": str(desk.cache), "warnings": []}
    assert not (desk.folder / "authrecord.yaml").exists()
    (line,) = desk.run("list", "--json").data["records"]
    assert (line["name"], line["state"], line["allowed_origins"]) == ("weather", "static", [API])
    assert desk.run("edit", "weather", "--set", "description=Rain").code == 0
    assert "description: Rain" in desk.run("show", "weather").out
    assert desk.run("remove", "weather", "--yes").code == 0
    assert desk.run("list", "--json").data["records"] == []


def test_a_name_that_is_taken_is_refused_before_anything_is_asked(desk: Desk, secret: str) -> None:
    assert desk.run("add", "weather", *KEY, typed=secret).code == 0
    again = desk.run("add", "weather", "--json")
    assert (again.code, again.data["error"]["code"]) == (3, "exists")


def test_an_unknown_name_leads_to_the_near_one(desk: Desk, secret: str) -> None:
    assert desk.run("add", "weather", *KEY, typed=secret).code == 0
    ended = desk.run("show", "wether")
    assert ended.code == 3
    assert "Did you mean 'weather'?" in ended.err


def test_filters_and_pages_reach_the_store(desk: Desk, secret: str) -> None:
    for name in ("alpha", "alpine", "beta"):
        assert desk.run("add", name, *KEY, "--set", f"tags={name[0]}", typed=secret).code == 0
    names = [one["name"] for one in desk.run("list", "--name", "al", "--json").data["records"]]
    assert names == ["alpha", "alpine"]
    assert len(desk.run("list", "--tag", "b", "--json").data["records"]) == 1
    page = desk.run("list", "--limit", "2", "--json").data
    assert (len(page["records"]), page["after"]) == (2, "alpine")
    (rest,) = desk.run("list", "--after", "alpine", "--json").data["records"]
    assert rest["name"] == "beta"


def test_an_import_says_first_what_it_would_change_and_shows_no_value(desk: Desk, canary: Canary) -> None:
    one, two = canary("first"), canary("second")
    for value in (one, two):
        canary.allow(value, sink="file:ours.yaml")
    text = "name: {0}\nallowed_origins: ['https://api.example.com']\nauth: {{type: bearer, token: '{1}'}}\n"
    path = desk.write(text.format("orders", one), "ours.yaml")
    dry = desk.run("import", str(path), "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert dry.data["records"] == [{"name": "orders", "change": "new", "fields": []}]
    assert desk.run("list", "--json").data["records"] == []
    assert desk.run("import", str(path)).code == 0
    assert desk.run("import", str(path), "--json").data["records"][0]["change"] == "unchanged"
    desk.write(text.format("orders", two), "ours.yaml")
    changed = desk.run("import", str(path), "--json").data["records"]
    assert changed == [{"name": "orders", "change": "changed", "fields": ["auth.token"]}]
    assert path.read_text() == text.format("orders", two)


def test_a_relative_file_reference_is_made_absolute_by_an_import(desk: Desk) -> None:
    path = desk.write(
        "name: orders\nallowed_origins: ['https://api.example.com']\n"
        "auth: {type: bearer, token: '${file:token.txt}'}\n",
        "sub/ours.yaml",
    )
    assert desk.run("import", str(path)).code == 0
    assert f"${{file:{desk.folder / 'sub' / 'token.txt'}}}" in desk.run("show", "orders").out


def test_the_whole_life_of_an_oauth_record_in_the_store(shop: Shop, canary: Canary) -> None:
    desk = shop.desk
    assert desk.run("import", "authrecord.yaml").code == 0
    (desk.folder / "authrecord.yaml").unlink()
    first = printed(shop)
    state = desk.run("list", "--json").data["records"][0]["state"]
    assert state == "live"
    requests = shop.server.counters.token_requests
    assert printed(shop) == first
    assert shop.server.counters.token_requests == requests
    assert desk.run("headers", "orders", f"{shop.server.url}/api/orders").code == 0
    check = desk.run("check", "orders", shop.server.api_url)
    assert check.code == 0, check.out
    assert desk.run("logout", "orders").code == 0
    assert desk.run("list", "--json").data["records"][0]["state"] == "not_yet"


def test_a_store_may_be_named_by_an_option_a_variable_and_the_settings_file(desk: Desk, secret: str) -> None:
    by_option, by_variable, by_file = (desk.home / name / "s.sqlite" for name in ("one", "two", "three"))
    assert desk.run("--store", f"sqlite://{by_option}", "add", "weather", *KEY, typed=secret).code == 0
    desk.set("AUTHRECORD_KEY", f"file:{desk.home / 'k' / 'two.key'}")
    desk.set("AUTHRECORD_STORE", f"sqlite://{by_variable}")
    assert desk.run("list", "--json").data == {"store": str(by_variable), "records": [], "after": ""}
    desk.unset("AUTHRECORD_STORE")
    desk.unset("AUTHRECORD_KEY")
    settings = desk.home / "authrecord" / "config" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'store = "sqlite://{by_file}"\nkey = "file:{desk.home / "k" / "three.key"}"\n')
    assert desk.run("list", "--json").data["store"] == str(by_file)
    assert by_file.exists()
    settings.write_text("store = 7\n")
    ended = desk.run("list", "--json")
    assert (ended.code, ended.data["error"]["code"]) == (7, "settings")
    ended = desk.run("--store", "mysql://x", "list", "--json")
    assert (ended.code, ended.data["error"]["code"]) == (7, "settings")
    settings.unlink()
    ended = desk.run("--store", "mysql://x", "list", "--json")
    assert (ended.code, ended.data["error"]["code"]) == (7, "store_url")


def test_L2_the_users_store_without_its_key_is_refused(desk: Desk, secret: str) -> None:
    assert desk.run("add", "weather", *KEY, typed=secret).code == 0
    desk.key.unlink()
    ended = desk.run("list", "--json")
    assert (ended.code, ended.data["error"]["code"]) == (7, "no_key")
    assert not desk.key.exists()


def test_P10_a_password_in_the_store_option_is_refused(desk: Desk, canary: Canary) -> None:
    ended = desk.run("--store", f"postgresql://ada:{canary('password')}@127.0.0.1/x", "list", "--json")
    assert (ended.code, ended.data["error"]["code"]) == (7, "store_url")


@pytest.mark.parametrize("stored", [True, False])
def test_removing_a_record_gives_its_token_back_to_the_provider(shop: Shop, stored: bool) -> None:
    """The provider names its endpoint for it in the metadata of its issuer (RFC 7009, RFC 8414)."""
    desk = shop.desk
    shop.document(
        shop.record().replace(
            "      credentials:", f'      issuer: "{shop.server.issuer}"\n      credentials:'
        )
    )
    if stored:
        assert desk.run("import", "authrecord.yaml").code == 0
        (desk.folder / "authrecord.yaml").unlink()
    printed(shop)
    ended = desk.run("remove", "orders", "--yes", "--json")
    assert ended.data == {"name": "orders", "removed": True, "revoked": True}, ended.err
    assert any(request.target.startswith("/revoke") for request in shop.server.requests)


def test_a_record_of_the_store_says_when_it_was_used_last(desk: Desk, canary: Canary, secret: str) -> None:
    assert desk.run("add", "weather", *KEY, typed=secret).code == 0
    assert desk.run("list", "--json").data["records"][0]["used_at"] is None
    canary.allow(secret, sink="stdout")
    assert desk.run("token", "weather").code == 0
    assert desk.run("list", "--json").data["records"][0]["used_at"] > 1_700_000_000
