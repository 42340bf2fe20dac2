"""The pages: what they show, what they keep to themselves, what they change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from authrecord.core.secret import Secret
from authrecord.testing.devserver import DevServer, start
from authrecord.web.application import PAGES
from authrecord.web.drawing import STYLES, assets
from authrecord.web.passwords import Passwords
from tests.canary_watch import Canary
from tests.web.stage import Stage, bearer, form_of_record, text_of
from tests.web.test_api import machine

XSS = "<img src=x onerror=alert(1)>{{constructor}}\"'><svg/onload=alert(1)>"


def test_a_record_is_made_changed_exported_and_deleted_at_the_page(web: Stage, canary: Canary) -> None:
    visitor, record = web.browser("ann"), bearer(canary)
    assert (
        visitor.post("/new", form_of_record(record), hx_request="true").headers["hx-redirect"]
        == "/records/orders"
    )
    page = visitor.get("/records/orders").text
    canary.scan(page, "page")
    assert "Set on" in page
    stored = web.store().read("orders")
    form = [
        (":revision", str(stored.revision)),
        ("name", "orders"),
        ("auth.type", "bearer"),
        ("auth.prefix", "Bearer"),
    ]
    form += [
        ("allowed_origins", "http://127.0.0.1:9"),
        ("description", "New"),
        ("auth.token:keep", "auth.token"),
    ]
    assert visitor.post("/records/orders", form, hx_request="true").status_code == 204
    changed = web.store().read("orders").record
    assert (changed.description, changed.auth) == ("New", stored.record.auth)
    exported = visitor.get("/records/orders/export").text
    assert "name: orders" in exported
    canary.scan(exported, "export")
    assert visitor.post("/records/orders/delete", {":revision": "2"}).status_code == 303
    assert not web.store().holds("orders")


def test_every_fault_stands_at_its_field_and_repeats_no_value(web: Stage, canary: Canary) -> None:
    visitor, wrong = web.browser("ann"), canary("wrong value")
    form = {
        "name": f"{wrong} !",
        "allowed_origins": f"ftp://{wrong}",
        "auth.type": "bearer",
        "auth.prefix": f"{wrong}\n",
    }
    answer = visitor.post("/new", form, hx_request="true")
    assert answer.status_code == 422
    for slug in ("name", "allowed_origins", "auth-prefix", "auth-token"):
        assert f'id="error-{slug}"' in answer.text, slug
    canary.scan(answer.text, "faults")


def test_N17_a_page_that_is_old_does_not_overwrite(web: Stage, canary: Canary) -> None:
    visitor = web.browser("ann")
    web.put(bearer(canary))
    form = [
        ("name", "orders"),
        ("allowed_origins", "http://127.0.0.1:9"),
        ("auth.type", "bearer"),
        ("auth.prefix", "Bearer"),
    ]
    form += [("auth.token:keep", "auth.token"), (":revision", "7")]
    answer = visitor.post("/records/orders", form, hx_request="true")
    assert answer.status_code == 409
    assert "Somebody else" in answer.text


def test_M5_what_people_type_is_text_wherever_it_is_shown(web: Stage, canary: Canary) -> None:
    """Description, tags, origins, parameters: inert on every page that shows them."""
    visitor = web.browser("ann")
    record = bearer(canary, tags=["<b>x</b>"], description=XSS)
    web.put(record)
    web.site.people.add("<script>alert(1)</script>", tenant="default", role="viewer", may_reveal=False)
    for path in (
        "/records",
        "/records/orders",
        "/records/orders/history",
        "/settings",
        "/records?tag=%3Cscript%3E&name=%22%3E",
    ):
        page = visitor.get(path).text
        assert "<img src=x" not in page
        assert "<b>x</b>" not in page
        assert "<script>alert" not in page


def test_no_page_has_a_script_or_a_style_of_its_own(web: Stage, canary: Canary) -> None:
    visitor = web.browser("ann")
    web.put(bearer(canary))
    for path in (
        "/records",
        "/new",
        "/records/orders",
        "/settings",
        "/sign-in",
        "/welcome",
        "/callback?state=x",
    ):
        page = visitor.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert "<style" not in page, path
        assert not re.search(r"\sstyle=|\son[a-z]+=", page), path
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page), f"{path} loads from elsewhere"


def test_M3_no_get_changes_anything(web: Stage, canary: Canary) -> None:
    """Every GET route is replayed; the store's rows are the same after it."""
    visitor = web.browser("ann")
    web.put(bearer(canary))

    def digest() -> list[object]:
        with web.site.backend.reading() as transaction:
            return [
                transaction.rows(f"SELECT * FROM {table} ORDER BY 1, 2")
                for table in ("records", "secrets", "tokens", "people", "members", "api_tokens", "audit")
            ]

    paths = [path for handler in PAGES if "GET" in handler.http_methods for path in handler.paths]
    assert len(paths) > 10
    before = digest()
    for path in paths:
        if not path.startswith("/callback"):  # guarded by state and session, see test_authorize
            visitor.get(re.sub(r"\{[^}]+\}", "orders", path))
    assert digest() == before


def test_M15_a_secret_is_revealed_to_who_may_and_gives_the_password_again(web: Stage, canary: Canary) -> None:
    record = bearer(canary)
    web.put(record)
    visitor = web.browser("ann", may_reveal=True)
    wrong = visitor.send("/records/orders/reveal", {"path": "auth.token", "password": "not it"})
    assert wrong.status_code == 403
    canary.scan(wrong.text, "refusal")
    shown = visitor.send("/records/orders/reveal", {"path": "auth.token", "password": visitor.password})
    assert shown.json() == {"value": record["auth"]["token"]}
    assert [one for one in web.told() if one[0] == "secret.reveal"] == [
        ("secret.reveal", "refused"),
        ("secret.reveal", "ok"),
    ]


def test_M15_no_page_holds_a_stored_secret(web: Stage, canary: Canary) -> None:
    web.put(bearer(canary))
    visitor = web.browser("ann", may_reveal=True)
    for path in (
        "/records",
        "/records/orders",
        "/records/orders/history",
        "/records/orders/export",
        "/settings",
    ):
        canary.scan(visitor.get(path).text, path)


@pytest.fixture
def devserver(canary: Canary) -> Iterator[DevServer]:
    server = start(make_secret=canary.make)
    yield server
    server.server.stop()


def test_M7_an_answer_of_the_api_is_shown_as_text(web: Stage, canary: Canary, devserver: DevServer) -> None:
    visitor = web.browser("ann")
    web.put(machine(devserver))
    origin = devserver.server.url
    answer = visitor.post("/records/machine/try", {"method": "GET", "origin": origin, "path": f"/{XSS}"})
    assert "<img src=x" not in answer.text
    good = visitor.post("/records/machine/try", {"method": "GET", "origin": origin, "path": "/api/orders"})
    assert "200" in text_of(good.text)
    canary.scan(good.text, "trial")


def test_try_it_goes_to_the_records_own_origins_only(web: Stage, canary: Canary) -> None:
    visitor = web.browser("ann")
    web.put(bearer(canary))
    for origin in ("http://127.0.0.1:10", "https://evil.example", "http://127.0.0.1:9@evil.example"):
        answer = visitor.post("/records/orders/try", {"method": "GET", "origin": origin, "path": "/"})
        assert "does not allow" in answer.text or "holds a user name" in answer.text
        canary.scan(answer.text, "refusal")


def test_several_records_get_a_tag_and_lose_their_tokens_at_once(
    web: Stage, canary: Canary, devserver: DevServer
) -> None:
    visitor = web.browser("ann")
    web.put(machine(devserver))
    web.put(bearer(canary))
    assert web.program("tokens:use").post("/records/machine/token").status_code == 200
    chosen = [("record", "machine"), ("record", "orders")]
    assert visitor.post("/bulk", [*chosen, ("what", "tag"), ("tag", "shop")]).status_code == 303
    assert web.store().read("orders").record.tags == ("shop",)
    assert "records:" in visitor.post("/bulk", [*chosen, ("what", "export")]).text
    visitor.post("/bulk", [("record", "machine"), ("what", "forget")])
    assert web.store().read("machine").record.tags == ("shop",)
    with web.site.backend.reading() as transaction:
        assert not transaction.rows("SELECT 1 FROM tokens")


def test_the_kill_switch_forgets_tokens_and_revokes_api_tokens(
    web: Stage, canary: Canary, devserver: DevServer
) -> None:
    visitor, program = web.browser("ann"), web.program("tokens:use")
    web.put(machine(devserver))
    program.post("/records/machine/token")
    assert visitor.post("/settings/kill", {"word": "no"}).status_code == 422
    assert visitor.post("/settings/kill", {"word": "stop"}).status_code == 200
    assert program.post("/records/machine/token").status_code == 401
    with web.site.backend.reading() as transaction:
        assert not transaction.rows("SELECT 1 FROM tokens")


def test_an_api_token_made_at_the_page_is_shown_once(web: Stage, canary: Canary) -> None:
    visitor = web.browser("ann")
    page = visitor.post("/settings/tokens", [("label", "ci"), ("scope", "records:read"), ("days", "30")]).text
    found = re.search(r"ar_[0-9A-Za-z]{10}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", page)
    assert found
    text = canary.watch(found.group(), "API token")
    canary.scan(visitor.get("/settings").text, "settings")
    answer = web.plain().get("/api/v1/records", headers={"authorization": f"Bearer {text}"})
    assert answer.status_code == 200


def test_people_are_added_and_changed_by_administrators(web: Stage, canary: Canary) -> None:
    boss, password = web.browser("boss"), canary("first password")
    boss.post("/settings/people", {"name": "bob", "password": password, "role": "viewer"})
    visitor = web.visitor()
    assert visitor.post("/sign-in", {"name": "bob", "password": password}).status_code == 303
    bob = next(one for one in web.site.people.listed("default") if one.name == "bob")
    boss.post(f"/settings/people/{bob.identity}", {"role": "editor"})
    assert visitor.get("/new").status_code == 200
    refused = boss.post(f"/settings/people/{bob.identity}", {"role": "editor", "may_reveal": "on"})
    assert "you have it not" in refused.text


def test_the_first_page_is_small(web: Stage) -> None:
    """What the first visit of the list takes over the wire, all assets with it."""
    visitor = web.browser("ann")
    page = visitor.get("/records")
    total = len(page.content)
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        asset = visitor.client.get(address, headers={"accept-encoding": "gzip"})
        total += int(asset.headers["content-length"])
    assert 1_000 < total < 100_000


def test_every_file_of_styles_is_in_the_one_that_a_page_loads() -> None:
    folder = files("authrecord.web") / "static" / "styles"
    assert sorted(one.name for one in folder.iterdir()) == sorted(f"{name}.css" for name in STYLES)
    loaded = assets()["page.css"].content
    assert all(one.read_bytes() in loaded for one in folder.iterdir())


def test_a_password_is_kept_as_argon2id_with_the_costs_of_rfc_9106(canary: Canary) -> None:
    password, passwords = canary("password"), Passwords()
    kept = passwords.hashed(Secret(password))
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify(kept, Secret(password))
    assert not passwords.verify("", Secret(password))
