"""The honest server's client authentication: each way works, and works only as it should."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_plus

import httpx2
import pytest
import trustme
from joserfc import jwk, jwt

from authrecord.testing import Client, HonestServer, TurnableClock
from tests.canary_watch import Canary

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASK = {"grant_type": "client_credentials"}


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def server(clock: TurnableClock, canary: Canary) -> Iterator[HonestServer]:
    with HonestServer(clock=clock.time, make_secret=canary.make) as one:
        yield one


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False) as one:
        yield one


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def test_basic_is_form_decoded_and_basic_raw_is_not(
    http: httpx2.Client, server: HonestServer, canary: Canary
) -> None:
    """RFC 6749 §2.3.1: id and secret are form-encoded before base64. The other way is refused, both ways."""
    secret = canary("client_secret", alphabet="hard")
    decoded = server.register_client("client_credentials", client_id="a b", secret=secret)
    raw = server.register_client(
        "client_credentials", client_id="c d", secret=secret, authentication="basic_raw"
    )
    encoded = (quote_plus(decoded.client_id), quote_plus(secret))

    def status(user: str, password: str) -> int:
        return http.post(server.token_url, data=ASK, headers=basic(user, password)).status_code

    assert status(*encoded) == 200
    assert status(decoded.client_id, secret) == 401
    assert status(raw.client_id, secret) == 200
    assert status(raw.client_id, quote_plus(secret)) == 401


def test_a_public_client_gets_no_token_by_client_credentials(
    http: httpx2.Client, server: HonestServer
) -> None:
    public = server.register_client(secret="")
    answer = http.post(server.token_url, data={**ASK, "client_id": public.client_id})
    assert (public.authentication, answer.json()["error"]) == ("none", "unauthorized_client")


def test_only_post_reaches_the_token_endpoint(http: httpx2.Client, server: HonestServer) -> None:
    assert http.get(server.token_url).status_code == 405
    assert server.counters.tokens_issued == 0


@pytest.mark.parametrize("name", ["client_secret", "client_assertion", "password", "code", "refresh_token"])
def test_no_secret_is_taken_from_the_url(http: httpx2.Client, server: HonestServer, name: str) -> None:
    client = server.register_client("client_credentials")
    headers = basic(client.client_id, client.secret)
    answer = http.post(server.token_url, params={name: "x"}, data=ASK, headers=headers)
    assert answer.json()["error"] == "invalid_request"


def test_resource_alone_may_appear_twice(http: httpx2.Client, server: HonestServer) -> None:
    client = server.register_client("client_credentials")
    body = "grant_type=client_credentials&resource=https://a.example.com&resource=https://b.example.com"
    headers = {
        **basic(client.client_id, client.secret),
        "content-type": "application/x-www-form-urlencoded",
    }
    assert http.post(server.token_url, content=body, headers=headers).status_code == 200


def asserting(
    http: httpx2.Client, server: HonestServer, client: Client, key: jwk.Key, **changed: object
) -> int:
    """The status that an assertion of that client gets, with some claims changed."""
    now = server.now()
    claims = {"iss": client.client_id, "sub": client.client_id, "aud": server.issuer, "exp": now + 60}
    header = {"alg": "HS256" if isinstance(key, jwk.OctKey) else "ES256"}
    assertion = jwt.encode(header, {**claims, "jti": f"jti-{len(server.requests)}", **changed}, key)
    form = {**ASK, "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    return http.post(server.token_url, data=form).status_code


def register(server: HonestServer, way: str) -> tuple[Client, jwk.Key]:
    """A client for assertions, and the key that it signs with."""
    if way == "client_secret_jwt":
        client = server.register_client("client_credentials", authentication=way)
        return client, jwk.OctKey.import_key(client.secret)
    key = jwk.ECKey.generate_key("P-256")
    public = json.dumps(key.as_dict(private=False))
    return server.register_client("client_credentials", authentication=way, secret="", public_key=public), key


@pytest.mark.parametrize("way", ["private_key_jwt", "client_secret_jwt"])
def test_an_assertion_is_good_once_for_this_server_and_for_a_short_time(
    http: httpx2.Client, server: HonestServer, way: str
) -> None:
    client, key = register(server, way)
    now = server.now()
    assert asserting(http, server, client, key, jti="first") == 200
    assert asserting(http, server, client, key, jti="first") == 401
    assert asserting(http, server, client, key, aud=server.token_url) == 200
    assert asserting(http, server, client, key, aud="https://id.example.com") == 401
    assert asserting(http, server, client, key, aud=[server.issuer, "https://id.example.com"]) == 401
    assert asserting(http, server, client, key, exp=now - 120) == 401
    assert asserting(http, server, client, key, exp=now + 86400) == 401
    assert asserting(http, server, client, key, iss="somebody") == 401
    assert asserting(http, server, client, key, jti=None) == 401
    server.accepts_token_url_as_audience = False
    assert asserting(http, server, client, key, aud=server.token_url) == 401
    assert asserting(http, server, client, key) == 200


@pytest.mark.parametrize("way", ["private_key_jwt", "client_secret_jwt"])
def test_an_assertion_with_another_key_does_not_verify(
    http: httpx2.Client, server: HonestServer, canary: Canary, way: str
) -> None:
    client, _ = register(server, way)
    other: jwk.Key = jwk.OctKey.import_key(canary("other secret"))
    if way == "private_key_jwt":
        other = jwk.ECKey.generate_key("P-256")
    assert asserting(http, server, client, other) == 401
    assert server.counters.invalid_client == 1


def test_a_client_certificate_proves_the_client_that_it_names(tmp_path: Path) -> None:
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    authority.configure_trust(serving)
    serving.verify_mode = ssl.CERT_OPTIONAL
    with HonestServer(tls=serving) as server:
        server.register_client(
            "client_credentials", client_id="robot", secret="", authentication="tls_client_auth"
        )
        statuses = []
        for name in ("robot", "another", ""):
            trusting = ssl.create_default_context()
            authority.configure_trust(trusting)
            if name:
                authority.issue_cert("client.example.com", common_name=name).configure_cert(trusting)
            with httpx2.Client(verify=trusting, trust_env=False) as http:
                form = {**ASK, "client_id": "robot"}
                statuses.append(http.post(server.token_url, data=form).status_code)
        assert statuses == [200, 401, 401]


def test_revocation_asks_who_the_client_is_and_ends_the_login(
    http: httpx2.Client, server: HonestServer
) -> None:
    """RFC 7009 §2.1; 200 for an unknown token, and nothing for the token of another client."""
    client, other = server.register_client(), server.register_client()
    access, refresh = server.issue_login(client)

    def revoke(by: Client, token: str, secret: str) -> int:
        headers = basic(by.client_id, secret)
        return http.post(server.issuer + "/revoke", data={"token": token}, headers=headers).status_code

    def api() -> int:
        return http.get(server.api_url, headers={"authorization": f"Bearer {access}"}).status_code

    assert revoke(client, refresh, "wrong") == 401
    assert revoke(other, refresh, other.secret) == 200
    assert api() == 200
    assert revoke(client, "unknown", client.secret) == 200
    assert revoke(client, refresh, client.secret) == 200
    assert api() == 401
