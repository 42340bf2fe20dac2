"""`invalid_client`: the doctor tries the other ways of client authentication, and names the one that works."""

from __future__ import annotations

import pytest

from authrecord.testing import Client, HonestServer
from tests.canary_watch import Canary
from tests.cli.desk import Shop
from tests.doctor.consultation import checked

GRANTS = ("client_credentials", "password", "authorization_code")


def registered(shop: Shop, way: str, secret: str) -> Client:
    """A client that the server takes in one way only."""
    client = shop.server.register_client(client_id="picky", secret=secret, authentication=way)
    shop.desk.set("PICKY", secret)
    return client


def document(shop: Shop, grant: str, way: str) -> None:
    """A record for it that is set to `way`."""
    user = ", username: ada, password: '${env:ADA}'" if grant == "password" else ""
    page = (
        f"      authorization: {{url: '{shop.server.authorization_url}'}}\n"
        if grant == "authorization_code"
        else ""
    )
    shop.document(
        f"  - name: picky\n    allowed_origins: ['{shop.server.url}']\n    auth:\n      type: oauth2\n"
        f"      grant: {grant}\n{page}"
        f"      credentials: {{client_id: picky, client_secret: '${{env:PICKY}}'{user}}}\n"
        f"      token_exchange: {{url: '{shop.server.token_url}', client_authentication: {way}}}\n"
    )


@pytest.fixture(autouse=True)
def a_provider_that_asks_for_a_login(server: HonestServer) -> None:
    """As every provider does that has not met this browser: its page must not hand out a code to the doctor."""
    server.auto_login = False


@pytest.fixture
def secret(canary: Canary) -> str:
    """With every character that form encoding changes."""
    return canary("client_secret", alphabet="hard")


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize(
    ("takes", "record"),
    [("body", "basic"), ("basic_raw", "basic"), ("basic", "basic_raw"), ("basic", "body")],
)
def test_the_advice_names_the_way_that_the_provider_takes(
    shop: Shop, secret: str, grant: str, takes: str, record: str
) -> None:
    registered(shop, takes, secret)
    shop.desk.set("ADA", shop.server.register_user("ada").password)
    document(shop, grant, record)
    found = checked(shop.desk, "picky")
    assert found.verdict("token") == "failed"
    assert found.steps["token"]["code"] == "invalid_client"
    assert f"client_authentication to {takes}:" in found.advice
    assert found.code == 3
    document(shop, grant, takes)
    after = checked(shop.desk, "picky")
    assert "client_authentication" not in after.advice
    assert after.code == (4 if grant == "authorization_code" else 0)


def test_body_is_never_advised_where_only_basic_works(shop: Shop, secret: str) -> None:
    """The order of trials does not matter for what is said."""
    registered(shop, "basic", secret)
    document(shop, "client_credentials", "body")
    found = checked(shop.desk, "picky")
    assert "to basic:" in found.advice
    assert "basic_raw:" not in found.advice


def test_what_was_tried_is_told_way_by_way_without_a_secret(shop: Shop, secret: str) -> None:
    registered(shop, "body", secret)
    document(shop, "client_credentials", "basic")
    details = checked(shop.desk, "picky").details("token")
    assert "client in the Authorization header" in details
    assert "client secret in the body" in details
    assert "error invalid_client" in details


def test_a_wrong_secret_is_said_to_be_one(shop: Shop, canary: Canary) -> None:
    registered(shop, "basic", canary("right_secret"))
    shop.desk.set("PICKY", canary("wrong_secret"))
    document(shop, "client_credentials", "basic")
    found = checked(shop.desk, "picky")
    assert found.advice == (
        "Change this: Check client_id and client_secret: the provider refuses them in the header and in the body."
    )
    assert found.code == 3


@pytest.mark.parametrize("grant", ["client_credentials", "authorization_code"])
def test_a_client_that_the_provider_does_not_know_is_not_advised_another_way(
    shop: Shop, canary: Canary, grant: str
) -> None:
    shop.desk.set("PICKY", canary("client_secret"))
    document(shop, grant, "basic")
    found = checked(shop.desk, "picky")
    assert found.code in {1, 3}
    assert "client_authentication to" not in found.advice
    assert "client_id" in found.advice


def test_the_made_up_code_is_never_a_real_one_and_spends_nothing(shop: Shop, server: HonestServer) -> None:
    shop.document(shop.code_record())
    found = checked(shop.desk, "person")
    assert found.code == 4
    assert found.advice == "Change this: Run `authrecord login person`."
    assert dict(server.last_token_request.form)["code"].startswith("authrecord-check-")
    assert server.counters.tokens_issued == 0


def test_a_public_client_where_a_secret_is_wanted_is_told_so(shop: Shop, canary: Canary) -> None:
    registered(shop, "basic", canary("client_secret"))
    shop.document(
        f"  - name: picky\n    allowed_origins: ['{shop.server.url}']\n    auth:\n      type: oauth2\n"
        f"      grant: authorization_code\n      authorization: {{url: '{shop.server.authorization_url}'}}\n"
        "      credentials: {client_id: picky}\n"
        f"      token_exchange: {{url: '{shop.server.token_url}', client_authentication: none}}\n"
    )
    found = checked(shop.desk, "picky")
    assert "client_secret" in found.advice
