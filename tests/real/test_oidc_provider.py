"""oidc-provider: a record that knows only the issuer, PKCE, `iss` in the answer, and clients with signed proofs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from authrecord.core.errors import BadAnswer, LoginFailed, Misconfigured, Refused
from authrecord.record import OAuth2
from authrecord.signin import login
from tests.canary_watch import Canary
from tests.real import raw
from tests.real.browser import HeadlessChromium
from tests.real.browser_login import BrowserLogin, at_oidc_provider
from tests.real.checks import LOGIN_SECONDS, check_every_library_is_let_in, check_nowhere, log_in, watched
from tests.real.conftest import Open
from tests.real.oidc_site import BRIEF_SECONDS, METHODS, ODD_CLIENT, OidcProvider, new_client_key

pytestmark = pytest.mark.node


@pytest.fixture
def browser(oidc_provider: OidcProvider, chromium: HeadlessChromium) -> BrowserLogin:
    """Ann, at her browser."""
    return BrowserLogin(chromium, at_oidc_provider, oidc_provider.person)


@pytest.fixture(autouse=True)
def a_provider_that_did_not_fail(oidc_provider: OidcProvider) -> Iterator[None]:
    """A test that passes although the provider broke down would prove nothing."""
    yield
    assert "server_error" not in oidc_provider.server.log_text()


@pytest.mark.browser
def test_S55_S8_a_record_with_an_issuer_only_logs_in_by_code_and_pkce(
    oidc_provider: OidcProvider, browser: BrowserLogin, open_records: Open, canary: Canary
) -> None:
    """The provider refuses every authorization request without PKCE S256, and always answers with `iss`."""
    records = open_records([oidc_provider.code()], oidc_provider.secrets)
    token, seen = log_in(records, "app", browser, canary)
    assert "You are logged in" in seen.text
    assert any("code_challenge_method=S256" in address for address in seen.requested)
    assert "state=" not in browser.opened
    (answer,) = [url for url in seen.requested if "code=" in url and "/callback?" in url]
    assert "&iss=" in answer
    check_nowhere(code_in(answer), seen)
    check_nowhere(token.access_token.reveal(), seen)
    metadata = records.keeper.provider(records["app"]).metadata()
    assert (metadata.issuer, metadata.names_itself) == (oidc_provider.server.origin, True)
    assert token.id_token is not None
    check_every_library_is_let_in(records, "app", oidc_provider.api, "ann", canary)


@pytest.mark.browser
def test_A11_S64_an_answer_of_another_issuer_than_the_records_ends_the_login(
    oidc_provider: OidcProvider, browser: BrowserLogin, open_records: Open
) -> None:
    """The browser changes `iss` on its way back, as the answer of another honest provider would differ."""
    records = open_records([oidc_provider.code()], oidc_provider.secrets)
    browser.on_the_way_back = lambda url: url.replace(
        "iss=http%3A%2F%2F127.0.0.1", "iss=https%3A%2F%2Fother.test"
    )
    with pytest.raises(LoginFailed) as failed:
        login(records.keeper, records["app"], open_url=browser, timeout=LOGIN_SECONDS)
    assert failed.value.code == "mixed_up"
    assert "The login did not work" in browser.seen().text


@pytest.mark.browser
def test_A9_S59_a_code_of_another_login_is_worth_nothing_without_its_verifier(
    oidc_provider: OidcProvider, browser: BrowserLogin, open_records: Open, canary: Canary
) -> None:
    """An attacker's code with the victim's state: all is right but the verifier, and the provider says no."""
    redirect_uri = f"http://127.0.0.1:{free_port()}/callback"
    records = open_records([oidc_provider.code(callback_url=redirect_uri)], oidc_provider.secrets)
    taken: list[str] = []

    def take(url: str) -> str:
        taken.append(url)
        return f"{oidc_provider.server.origin}/done"

    browser.on_the_way_back = take
    attack = records.keeper.begin_login(records["app"], redirect_uri=redirect_uri)
    browser(attack.authorization_url.reveal())
    browser.seen()
    stolen = canary.watch(code_in(taken[0]), "stolen_code")
    browser.on_the_way_back = lambda url: url.replace(code_in(url), stolen)
    with pytest.raises(Refused, match="invalid_grant"):
        login(records.keeper, records["app"], open_url=browser, timeout=LOGIN_SECONDS)
    assert "The login did not work" in browser.seen().text
    assert "code_verifier does not match code_challenge" in oidc_provider.server.log_text()


def code_in(address: str) -> str:
    """The code in the address of an answer."""
    return dict(parse_qsl(urlsplit(address).query))["code"]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
    return port


@pytest.mark.browser
def test_S65_an_answer_without_iss_from_a_provider_that_always_sends_it_ends_the_login(
    oidc_provider: OidcProvider, browser: BrowserLogin, open_records: Open
) -> None:
    records = open_records([oidc_provider.code()], oidc_provider.secrets)
    browser.on_the_way_back = lambda url: url.replace("&iss=", "&ignored=")
    with pytest.raises(LoginFailed) as failed:
        login(records.keeper, records["app"], open_url=browser, timeout=LOGIN_SECONDS)
    assert failed.value.code == "mixed_up"
    assert "The login did not work" in browser.seen().text


@pytest.mark.browser
def test_S22_a_login_lives_on_by_rotating_refresh_tokens(
    oidc_provider: OidcProvider, browser: BrowserLogin, open_records: Open, canary: Canary
) -> None:
    """The provider's own trap is armed: a used refresh token is refused, and ends the login."""
    records = open_records([oidc_provider.code("app-brief")], oidc_provider.secrets)
    record = records["app-brief"]
    first, _ = log_in(records, "app-brief", browser, canary)
    assert first.life == BRIEF_SECONDS
    assert first.refresh_token is not None
    second = watched(canary, records.keeper.token(record, rejected=first))
    assert second.refresh_token is not None
    assert second.refresh_token.reveal() != first.refresh_token.reveal()
    check_every_library_is_let_in(records, "app-brief", oidc_provider.api, "ann", canary)
    client = ("app-brief", oidc_provider.secrets["CLIENT_SECRET"])
    used = first.refresh_token.reveal()
    status, error = raw.refresh(f"{oidc_provider.server.origin}/token", client, used, basic=True)
    assert (status, error) == (400, "invalid_grant")


@pytest.mark.parametrize("method", METHODS)
def test_S54_S76_a_client_proves_itself_by_secret_or_by_signature(
    oidc_provider: OidcProvider, open_records: Open, canary: Canary, method: str
) -> None:
    """The provider lets each of these clients in by its own method only, and checks the audience."""
    records = open_records([oidc_provider.machine(method)], oidc_provider.secrets)
    watched(canary, records.token(f"machine-{method}"))
    check_every_library_is_let_in(
        records, f"machine-{method}", oidc_provider.api, f"machine-{method}", canary
    )


def test_an_id_and_a_secret_of_odd_characters_are_form_encoded_in_basic(
    oidc_provider: OidcProvider, open_records: Open, canary: Canary
) -> None:
    """A colon in the id, or a plus sign or a space in either, is lost without the encoding of RFC 6749 §2.3.1."""
    records = open_records([oidc_provider.odd_machine()], oidc_provider.secrets)
    watched(canary, records.token("odd"))
    check_every_library_is_let_in(records, "odd", oidc_provider.api, ODD_CLIENT, canary)


def test_the_same_without_the_encoding_is_refused(oidc_provider: OidcProvider, open_records: Open) -> None:
    """That the encoding is accepted means something only if the provider refuses its absence."""
    record = oidc_provider.odd_machine()
    record["auth"]["token_exchange"]["client_authentication"] = "basic_raw"
    records = open_records([record], oidc_provider.secrets)
    with pytest.raises(Refused, match="not properly encoded"):
        records.token("odd")


@pytest.mark.parametrize("method", METHODS)
def test_S20_short_lived_tokens_are_renewed_with_a_new_proof(
    oidc_provider: OidcProvider, open_records: Open, canary: Canary, method: str
) -> None:
    """A signed proof is accepted once: the second token needs another one."""
    name = f"machine-{method}-brief"
    records = open_records([oidc_provider.machine(method, brief=True)], oidc_provider.secrets)
    first = watched(canary, records.token(name))
    second = watched(canary, records.keeper.token(records[name], rejected=first))
    assert first.life == BRIEF_SECONDS
    assert not second.is_same(first)
    # A token of two seconds may run out on its way to a busy server, so the library takes it there.
    with records.attach(httpx2.Client(trust_env=False, timeout=60), name) as client:
        assert client.get(oidc_provider.api).status_code == 200


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_secret_or_key_is_refused_and_named_by_its_error(
    oidc_provider: OidcProvider, open_records: Open, canary: Canary, method: str
) -> None:
    wrong = {"CLIENT_SECRET": canary("wrong_secret"), "CLIENT_KEY": new_client_key(canary)[0]}
    records = open_records([oidc_provider.machine(method)], wrong)
    with pytest.raises(Misconfigured) as refused:
        records.token(f"machine-{method}")
    assert "invalid_client" in str(refused.value)


def test_the_wrong_way_to_prove_itself_is_refused(oidc_provider: OidcProvider, open_records: Open) -> None:
    """That the right way is accepted means something only if the provider refuses another."""
    record: dict[str, Any] = oidc_provider.machine("client_secret_basic")
    record["auth"]["token_exchange"]["client_authentication"] = "client_secret_jwt"
    records = open_records([record], oidc_provider.secrets)
    with pytest.raises(Misconfigured, match="invalid_client"):
        records.token(record["name"])


def test_S67_an_issuer_written_differently_is_not_used(
    oidc_provider: OidcProvider, open_records: Open
) -> None:
    """The metadata name the issuer without the last slash; what differs by a character is another issuer."""
    records = open_records([oidc_provider.machine("client_secret_basic")], oidc_provider.secrets)
    record = records["machine-client_secret_basic"]
    assert isinstance(record.auth, OAuth2)
    differently = replace(record, auth=replace(record.auth, issuer=record.auth.issuer + "/"))
    with pytest.raises(BadAnswer) as bad:
        records.keeper.token(differently)
    assert bad.value.code == "issuer_mismatch"
