"""Coming in, staying, going."""

from __future__ import annotations

import pytest

from authrecord.core.errors import RecordFault
from authrecord.stores.sql import sessions
from authrecord.web.address import address_of, parse_listen
from authrecord.web.passwords import MOST_FAILURES
from tests.canary_watch import Canary
from tests.web.stage import Stage, bearer


def test_M10_the_one_time_link_opens_once_and_makes_an_administrator(web: Stage, canary: Canary) -> None:
    link = canary.watch(web.site.first_link.make().reveal(), "link")
    first = web.visitor()
    assert first.send("/sign-in/link", {"link": link}).status_code == 200
    assert first.get("/records").status_code == 200
    assert web.visitor().send("/sign-in/link", {"link": link}).status_code == 403
    (person,) = web.site.people.listed("default")
    assert (person.role, person.may_reveal) == ("administrator", True)


def test_M11_a_secret_in_the_query_opens_nothing(web: Stage, canary: Canary) -> None:
    link = canary.watch(web.site.first_link.make().reveal(), "link")
    visitor = web.visitor()
    for path in ("/first", "/sign-in", "/records"):
        visitor.get(f"{path}?link={link}&token={link}")
    assert visitor.get("/records").status_code == 303


def test_M9_coming_in_makes_a_new_session_and_ends_the_old_one(web: Stage) -> None:
    visitor = web.browser("ann")
    before = dict(visitor.client.cookies)
    visitor.post("/sign-in", {"name": "ann", "password": visitor.password})
    assert dict(visitor.client.cookies) != before
    old = web.visitor()
    old.client.cookies.update(before)
    assert old.get("/records").status_code == 303


def test_M9_an_id_that_the_browser_brings_is_never_taken(web: Stage) -> None:
    visitor = web.visitor()
    name = f"authrecord_{web.url.rpartition(':')[2]}"
    visitor.client.cookies.set(name, "chosen-by-somebody-else")
    assert visitor.get("/records").status_code == 303
    password = web.person("ann", "viewer")
    answer = visitor.post("/sign-in", {"name": "ann", "password": password})
    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(web: Stage) -> None:
    visitor = web.visitor()
    password = web.person("ann", "viewer")
    cookie = visitor.post("/sign-in", {"name": "ann", "password": password}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie


def test_M19_signing_out_ends_the_session_at_the_server(web: Stage) -> None:
    visitor = web.browser("ann")
    kept = dict(visitor.client.cookies)
    visitor.post("/sign-out")
    again = web.visitor()
    again.client.cookies.update(kept)
    assert again.get("/records").status_code == 303


@pytest.mark.parametrize(
    ("idle", "age"), [(sessions.IDLE_SECONDS + 1, 0.0), (0.0, sessions.LONGEST_SECONDS + 1)]
)
def test_M19_a_session_that_idles_or_is_old_is_over(web: Stage, idle: float, age: float) -> None:
    visitor = web.browser("ann")
    with web.site.backend.writing() as transaction:
        transaction.change("UPDATE sessions SET seen_at = seen_at - ?, began_at = began_at - ?", (idle, age))
    assert visitor.get("/records").status_code == 303


def test_M14_D12_nobody_is_sent_elsewhere_after_signing_in(web: Stage) -> None:
    visitor = web.visitor()
    password = web.person("ann", "viewer")
    for target in ("//evil.example", "/\\evil.example", "https:evil.example", "%2F%2Fevil.example"):
        answer = visitor.post(
            f"/sign-in?next={target}", {"name": "ann", "password": password, "next": target}
        )
        assert answer.headers["location"] == "/records"


def test_N6_too_many_wrong_passwords_close_the_door_for_every_spelling(web: Stage, canary: Canary) -> None:
    password = web.person("Ann", "viewer")
    visitor = web.visitor()
    for attempt, name in zip(range(MOST_FAILURES), ["ann", "ANN", " ann ", "Ａnn"] * 3, strict=False):
        assert visitor.post("/sign-in", {"name": name, "password": f"wrong {attempt}"}).status_code == 403
    assert visitor.post("/sign-in", {"name": "ann", "password": password}).status_code == 429


def test_N7_an_unknown_name_and_a_wrong_password_get_the_same_answer(web: Stage) -> None:
    web.person("ann", "viewer")
    visitor = web.visitor()
    known = visitor.post("/sign-in", {"name": "ann", "password": "not the right one"})
    unknown = visitor.post("/sign-in", {"name": "bob", "password": "not the right one"})
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)


def test_a_removed_person_is_out_at_once(web: Stage) -> None:
    visitor = web.browser("ann", "viewer")
    web.person("boss", "administrator")
    identity = next(one.identity for one in web.site.people.listed("default") if one.name == "ann")
    web.site.people.remove(identity, tenant="default")
    assert visitor.get("/records").status_code == 303


def test_the_last_administrator_stays(web: Stage) -> None:
    web.person("boss", "administrator")
    (person,) = web.site.people.listed("default")
    with pytest.raises(RecordFault, match="somebody must be left"):
        web.site.people.remove(person.identity, tenant="default")


def test_a_new_password_ends_the_other_sessions(web: Stage, canary: Canary) -> None:
    visitor = web.browser("ann")
    other = web.visitor()
    other.post("/sign-in", {"name": "ann", "password": visitor.password})
    answer = visitor.post("/welcome", {"current": visitor.password, "password": canary("new password")})
    assert answer.status_code == 303
    assert other.get("/records").status_code == 303
    assert visitor.get("/records").status_code == 200


def test_a_password_is_changed_by_who_knows_it_only(web: Stage, canary: Canary) -> None:
    visitor = web.browser("ann")
    answer = visitor.post("/welcome", {"current": "something else", "password": canary("new password")})
    assert answer.status_code == 422
    assert "not your password" in answer.text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_M17_another_address_than_loopback_wants_tls(host: str) -> None:
    with pytest.raises(RecordFault) as caught:
        address_of(host, 8642, has_tls=False, behind_tls_proxy=False, names=("auth.example.com",))
    assert caught.value.code == "needs_tls"
    made = address_of(host, 8642, has_tls=False, behind_tls_proxy=True, names=("auth.example.com",))
    assert made.base == "https://auth.example.com"
    assert not made.local


def test_M17_beyond_loopback_the_names_must_be_said() -> None:
    with pytest.raises(RecordFault) as caught:
        address_of("0.0.0.0", 8642, has_tls=True, behind_tls_proxy=False)
    assert caught.value.code == "needs_name"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        (":9000", ("127.0.0.1", 9000)),
        ("[::1]:9000", ("::1", 9000)),
        ("localhost", ("localhost", 8642)),
    ],
)
def test_an_address_to_listen_on_is_read(text: str, expected: tuple[str, int]) -> None:
    assert parse_listen(text) == expected


@pytest.mark.parametrize("text", ["127.0.0.1:x", "127.1:80", "a b:80", "host:99999"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RecordFault, match="cannot be read"):
        parse_listen(text)


def test_a_person_sees_the_records_of_the_chosen_tenant_only(web: Stage, canary: Canary) -> None:
    visitor = web.browser("ann")
    web.site.people.add("ann", tenant="other", role="viewer", may_reveal=False)
    web.put(bearer(canary, "here"))
    web.put(bearer(canary, "there"), tenant="other")
    assert "here" in visitor.get("/records").text
    visitor.post("/tenant", {"tenant": "other"})
    page = visitor.get("/records").text
    assert "there" in page
    assert "/records/here" not in page
    assert visitor.post("/tenant", {"tenant": "third"}).status_code == 403
