"""People who come in through an OpenID Connect provider: who was invited, and nobody by a wrong answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc.jwk import RSAKey

from authrecord.core.errors import RecordFault
from authrecord.core.secret import Secret
from authrecord.stores.sql.identities import EMAIL, SUBJECT, Invitation
from authrecord.web.assembling import Wishes
from authrecord.web.provider_login import ProviderLogin, ProviderSettings
from tests.canary_watch import Canary
from tests.web.id_provider import CLIENT_ID, IdProvider, by_shared_secret, id_provider, unsigned
from tests.web.stage import OTHER, Stage, Visitor, bearer, stage


@pytest.fixture(scope="module")
def provider(session_canary: Canary) -> Iterator[IdProvider]:
    with id_provider(session_canary) as made:
        yield made


@pytest.fixture(scope="module")
def running(session_canary: Canary, provider: IdProvider) -> Iterator[Stage]:
    """A server that knows the provider."""
    settings = ProviderSettings(provider.issuer, CLIENT_ID, Secret(provider.secret))
    with stage(session_canary, wishes=Wishes(provider=settings)) as made:
        yield made


@pytest.fixture(autouse=True)
def honest(provider: IdProvider, running: Stage) -> None:
    provider.begin()
    login = running.site.provider
    assert login is not None
    login._keys = None


def invite(
    web: Stage, value: str = "0001", *, role: str = "viewer", tenant: str = "default", name: str = "Ada"
) -> str:
    """Somebody who may come in; their identity."""
    site = web.site
    assert site.provider is not None
    kind = EMAIL if "@" in value else SUBJECT
    invitation = Invitation(site.provider.issuer, kind, value)
    return site.identities.invite(invitation, name=name, tenant=tenant, role=role, may_reveal=True).identity


def begin(provider: IdProvider, visitor: Visitor, path: str = "/sign-in/provider") -> dict[str, str]:
    """On the way: what the provider was asked."""
    answer = visitor.get(path)
    assert answer.status_code == 303, answer.text
    asked = {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    provider.nonce = asked["nonce"]
    return asked


def end(provider: IdProvider, visitor: Visitor, asked: dict[str, str], **changes: str) -> Any:
    """The provider sends the browser back."""
    query = {"code": provider.canary("code"), "state": asked["state"], "iss": provider.issuer} | changes
    sent = urlencode({key: value for key, value in query.items() if value})
    return visitor.get(f"/sign-in/answer?{sent}", sec_fetch_site="cross-site")


def come(provider: IdProvider, visitor: Visitor, **changes: str) -> Any:
    return end(provider, visitor, begin(provider, visitor), **changes)


def is_in(visitor: Visitor) -> bool:
    return bool(visitor.get("/records").status_code == 200)


def test_who_was_invited_comes_in_and_is_told_of(web: Stage, provider: IdProvider) -> None:
    invite(web)
    visitor = web.visitor()
    asked = begin(provider, visitor)
    assert asked["scope"] == "openid email"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == f"{web.url}/sign-in/answer"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    answer = end(provider, visitor, asked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/records")
    assert is_in(visitor)
    assert ("session.begin", "ok") in web.told()
    (form,) = provider.asked
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert len(form["code_verifier"]) >= 43
    assert visitor.get("/settings").status_code == 200


def test_the_sign_in_page_leads_to_the_provider(web: Stage, provider: IdProvider) -> None:
    page = web.visitor().get("/sign-in").text
    assert 'href="/sign-in/provider"' in page
    assert 'name="password"' not in page, "nobody has one"
    web.person("bob", "viewer")
    assert 'name="password"' in web.visitor().get("/sign-in").text


def test_nobody_comes_in_who_was_not_invited(web: Stage, provider: IdProvider) -> None:
    visitor = web.visitor()
    answer = come(provider, visitor)
    assert answer.status_code == 403
    assert "nobody has invited" in answer.text.lower()
    assert "ada@example.com" in answer.text
    assert not is_in(visitor)
    assert ("session.refuse", "not_invited") in web.told()
    invite(web, "another")
    assert come(provider, visitor).status_code == 403


def test_an_invitation_by_address_counts_once_and_only_if_verified(web: Stage, provider: IdProvider) -> None:
    invite(web, "Ada@Example.com")
    for claims in ({"email_verified": None}, {"email_verified": "true"}, {"email": "eve@example.com"}):
        provider.claims = dict(claims)
        assert come(provider, web.visitor()).status_code == 403
    provider.claims = {}
    assert come(provider, web.visitor()).status_code == 303
    provider.claims = {"email": None}
    assert come(provider, web.visitor()).status_code == 303, "now it is the subject"
    provider.claims = {"sub": "0002"}
    assert come(provider, web.visitor()).status_code == 403, "the next one who has that address"


def test_who_was_removed_is_out_and_stays_out(web: Stage, provider: IdProvider) -> None:
    web.person("owner", "administrator")
    identity = invite(web)
    visitor = web.visitor()
    come(provider, visitor)
    assert is_in(visitor)
    web.site.people.remove(identity, tenant="default")
    assert not is_in(visitor)
    assert come(provider, visitor).status_code == 403


WRONG: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "another"},
    "several audiences and no azp": {"aud": [CLIENT_ID, "another"]},
    "given to another client": {"azp": "another"},
    "another issuer": {"iss": "https://evil.example"},
    "run out": {"exp": 1_700_000_000},
    "no end": {"exp": None},
    "an end that is no number": {"exp": "tomorrow"},
    "of the future": {"iat": 4_000_000_000},
    "not yet": {"nbf": 4_000_000_000},
    "nobody": {"sub": ""},
    "a subject that is no text": {"sub": 1},
    "a subject of control characters": {"sub": "0001\u0000"},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
def test_S_an_id_token_that_is_not_right_opens_nothing(
    web: Stage, provider: IdProvider, claims: dict[str, Any]
) -> None:
    invite(web)
    provider.claims = claims
    visitor = web.visitor()
    answer = come(provider, visitor)
    assert answer.status_code == 502
    assert "ID token" in answer.text
    assert not is_in(visitor)
    assert ("session.refuse", "id_token") in web.told()


def test_a_signature_that_does_not_count_opens_nothing(web: Stage, provider: IdProvider) -> None:
    invite(web)
    public = provider.key.as_pem(private=False)
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    from joserfc import jwt

    ways: list[Any] = [
        unsigned,
        by_shared_secret(public),
        by_shared_secret(provider.secret.encode()),
        lambda header, claims: jwt.encode(header, claims, stranger),
        lambda header, claims: "not.a.token",
        lambda header, claims: "a.b.c.d.e",
        lambda header, claims: "x" * 70_000,
    ]
    for way in ways:
        provider.signs = way
        visitor = web.visitor()
        assert come(provider, visitor).status_code == 502
        assert not is_in(visitor)
    provider.answer = {"id_token": None}
    assert come(provider, web.visitor()).status_code == 502


def test_a_new_key_is_looked_for_and_not_again_and_again(web: Stage, provider: IdProvider) -> None:
    invite(web)
    assert come(provider, web.visitor()).status_code == 303
    before = provider.key_requests
    provider.key_requests = before
    provider.header = {"alg": "RS256", "kid": "two"}
    assert come(provider, web.visitor()).status_code == 502
    assert come(provider, web.visitor()).status_code == 502
    assert provider.key_requests == before, "the keys were read less than a minute ago"
    login = web.site.provider
    assert login is not None
    assert login._keys is not None
    login._keys = (login._keys[0], login._keys[1] - 61)
    two = RSAKey.generate_key(2048, {"kid": "two"})
    provider.keys = [two.as_dict(private=False), {"kty": "oct", "kid": "two", "k": "AAAA"}]
    from joserfc import jwt

    provider.signs = lambda header, claims: jwt.encode(header, claims, two)
    assert come(provider, web.visitor()).status_code == 303


@pytest.mark.parametrize("keys", [None, "all", [1], [{"kty": "RSA", "n": "?"}], [{"kty": "RSA"}] * 101])
def test_keys_that_cannot_be_read_open_nothing(web: Stage, provider: IdProvider, keys: Any) -> None:
    invite(web)
    provider.keys = keys
    assert come(provider, web.visitor()).status_code == 502


def test_A6_an_answer_in_another_browser_opens_nothing(web: Stage, provider: IdProvider) -> None:
    """Login CSRF: somebody's own answer, sent to another browser, signs nobody in there."""
    invite(web)
    attacker, victim = web.visitor(), web.visitor()
    asked = begin(provider, attacker)
    assert end(provider, victim, asked).status_code == 403
    begin(provider, victim)
    assert end(provider, victim, asked).status_code == 403
    assert not is_in(victim)
    assert provider.asked == [], "no code was used"
    assert ("session.refuse", "not_ours") not in web.told()


def test_A12_an_answer_of_another_issuer_is_not_used(web: Stage, provider: IdProvider) -> None:
    """Mix-up (RFC 9207): another issuer's name, and none where one was promised."""
    invite(web)
    for issuer in ("https://evil.example", ""):
        assert come(provider, web.visitor(), iss=issuer).status_code == 403
    assert provider.asked == []
    assert ("session.refuse", "mixed_up") in web.told()


def test_A13_an_answer_is_taken_once(web: Stage, provider: IdProvider) -> None:
    invite(web)
    visitor = web.visitor()
    asked = begin(provider, visitor)
    assert end(provider, visitor, asked).status_code == 303
    assert end(provider, visitor, asked).status_code == 403
    assert len(provider.asked) == 1


def test_a_refusal_is_said_in_words_and_never_as_markup(web: Stage, provider: IdProvider) -> None:
    visitor = web.visitor()
    answer = come(provider, visitor, code="", error="access_denied", error_description="<b>no</b>")
    assert answer.status_code == 403
    assert "access_denied" in answer.text
    assert "<b>no</b>" not in answer.text


def test_what_the_browser_holds_is_sealed_and_its_own(
    web: Stage, provider: IdProvider, canary: Canary
) -> None:
    visitor = web.visitor()
    asked = begin(provider, visitor)
    (cookie,) = [one for one in visitor.client.cookies.jar if one.name.endswith("_way")]
    assert cookie.value is not None
    for word in (asked["state"], asked["nonce"]):
        assert word not in cookie.value
    assert cookie.has_nonstandard_attr("HttpOnly")
    for broken in ("", "x", cookie.value[:-8] + "AAAAAAA=", "é", "A" * 5000):
        with pytest.raises(Exception, match="no sign-in of this browser"):
            web.site.provider.finish(broken, urlencode({"state": asked["state"]}))  # type: ignore[union-attr] # it is there


def test_an_answer_that_comes_too_late_is_refused(
    web: Stage, provider: IdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite(web)
    visitor = web.visitor()
    asked = begin(provider, visitor)
    login = web.site.provider
    assert login is not None

    class Later:
        def time(self) -> float:
            return web.site.clock.time() + 601

        def monotonic(self) -> float:
            return web.site.clock.monotonic()

    from authrecord.core.contracts import Means

    monkeypatch.setattr(
        login, "_means", Means(now=Later().time, random=login._means.random, sign=login._means.sign)
    )
    assert end(provider, visitor, asked).status_code == 403


def test_M15_to_reveal_one_confirms_at_the_provider(web: Stage, provider: IdProvider, canary: Canary) -> None:
    secret = bearer(canary)
    web.put(secret)
    invite(web, role="editor")
    visitor = web.visitor()
    come(provider, visitor)
    wanted = {"path": "auth.token", "password": ""}
    refused = visitor.send("/records/orders/reveal", wanted)
    assert refused.status_code == 403
    assert "provider" in refused.json()["detail"]
    asked = begin(provider, visitor, "/sign-in/provider?again=true")
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    provider.claims = {"auth_time": 1_700_000_000}
    assert end(provider, visitor, asked).status_code == 502, "the provider did not ask again"
    provider.claims = {"auth_time": None}
    assert end(provider, visitor, begin(provider, visitor, "/sign-in/provider?again=true")).status_code == 502
    provider.claims = {}
    assert end(provider, visitor, begin(provider, visitor, "/sign-in/provider?again=true")).status_code == 303
    shown = visitor.send("/records/orders/reveal", wanted)
    assert shown.json() == {"value": secret["auth"]["token"]}
    welcome = visitor.get("/welcome").text
    assert "You have no password here" in welcome
    password = canary("password of Ada")
    assert visitor.post("/welcome", {"password": password}).status_code == 422


def test_an_administrator_invites_and_nobody_gets_anothers_identity(web: Stage, provider: IdProvider) -> None:
    boss = web.browser("boss", "administrator")
    form = {"invited": "0001", "name": "Ada", "role": "editor"}
    answer = boss.post("/settings/people/invite", form)
    assert (answer.status_code, "Ada may come in" in answer.text) == (200, True)
    assert ("person.invite", "ok") in web.told()
    for wrong in (
        form,
        form | {"invited": "0009"},
        form | {"invited": "0009", "name": "boss"},
        form | {"invited": "", "name": "x"},
        form | {"invited": "@example.com", "name": "x"},
        form | {"invited": "0010", "name": "y", "role": "king"},
        form | {"invited": "0010", "name": "y", "may_reveal": "on"},
    ):
        assert boss.post("/settings/people/invite", wrong).status_code == 422
    assert web.browser("reader", "viewer").post("/settings/people/invite", form).status_code == 403
    visitor = web.visitor()
    assert come(provider, visitor).status_code == 303
    invite(web, tenant=OTHER, name="whatever")
    assert len(web.site.people.tenants_of(web.site.people.listed(OTHER)[0].identity)) == 2
    with pytest.raises(RecordFault):
        invite(web, tenant=OTHER, name="whatever")


def test_a_server_without_a_provider_has_no_such_pages(canary: Canary, provider: IdProvider) -> None:
    with stage(canary) as web:
        for path in ("/sign-in/provider", "/sign-in/answer?code=a&state=b"):
            assert web.visitor().get(path).status_code == 404
        boss = web.browser("boss", "administrator")
        assert boss.post("/settings/people/invite", {"invited": "a", "role": "viewer"}).status_code == 422


def test_a_provider_that_is_away_is_said_to_be(canary: Canary) -> None:
    settings = ProviderSettings("http://127.0.0.1:9", CLIENT_ID)
    with stage(canary, wishes=Wishes(provider=settings)) as web:
        answer = web.visitor().get("/sign-in/provider")
        assert answer.status_code == 503
        assert web.visitor().get("/sign-in").status_code == 200


def test_two_servers_of_one_store_can_end_each_others_logins(web: Stage, provider: IdProvider) -> None:
    first = web.site.provider
    assert first is not None
    second = ProviderLogin(
        ProviderSettings(provider.issuer, CLIENT_ID, Secret(provider.secret)),
        base=web.url,
        sender=web.site.sender,
        backend=web.site.backend,
        vault=first._vault,
        clock=web.site.clock,
    )
    begun = first.begin(again=False)
    asked = {k: v[0] for k, v in parse_qs(urlsplit(begun.address.reveal()).query).items()}
    provider.nonce = asked["nonce"]
    query = urlencode({"code": "a-code", "state": asked["state"], "iss": provider.issuer})
    subject, again = second.finish(begun.kept.reveal(), query)
    assert (subject.subject, subject.email, again) == ("0001", "ada@example.com", False)
