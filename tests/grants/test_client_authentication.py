"""Every way of client authentication, each alone in its request."""

from __future__ import annotations

import json
from base64 import b64decode
from urllib.parse import unquote_plus

import pytest

from authrecord.core.errors import RecordFault
from authrecord.core.messages import ClientCertificate, Request
from authrecord.core.secret import Secret
from authrecord.grants import authorization_code, client_credentials, password, refresh
from authrecord.grants.client import OAuthClient, ResolvedParameter
from authrecord.grants.client_authentication import ASSERTION_TYPE
from authrecord.grants.endpoint import token_request
from tests.canary_watch import Canary
from tests.grants.drive import NOW, client, form, headers, means

WAYS = ("basic", "basic_raw", "body", "none", "private_key_jwt", "client_secret_jwt", "tls_client_auth")
CERTIFICATE = ClientCertificate("cert.pem", "key.pem")


def request_of(one: OAuthClient) -> Request:
    return token_request(one, means(), one.token_url, (("grant_type", "x"),), one.token_parameters)


def test_S2_basic_form_encodes_id_and_secret_before_base64(canary: Canary) -> None:
    for value in (canary("secret", alphabet="hard"), "a:b", "p%q+r s", "é€", canary("long") * 80):
        request = request_of(client(client_id="id:with/odd", client_secret=Secret(value)))
        scheme, _, encoded = headers(request)["authorization"].partition(" ")
        identity, _, secret = b64decode(encoded).decode("ascii").partition(":")
        assert scheme == "Basic"
        assert (unquote_plus(identity), unquote_plus(secret)) == ("id:with/odd", value)


def test_basic_raw_leaves_the_form_encoding_out(canary: Canary) -> None:
    value = canary("secret", alphabet="hard")
    request = request_of(client(authentication="basic_raw", client_secret=Secret(value)))
    assert b64decode(headers(request)["authorization"].split()[1]).decode() == f"scanner:{value}"


@pytest.mark.parametrize("way", WAYS)
def test_S1_S81_there_is_one_way_of_client_authentication_in_a_request(canary: Canary, way: str) -> None:
    secret = canary("client_secret")
    request = request_of(client(authentication=way, client_secret=Secret(secret), certificate=CERTIFICATE))
    body = form(request)
    used = [
        "authorization" in headers(request),
        "client_secret" in body,
        "client_assertion" in body,
        way == "tls_client_auth" and request.client_certificate is not None,
    ]
    assert sum(used) == (0 if way == "none" else 1)
    assert (secret in request.wire_body().decode()) == (way == "body")


@pytest.mark.parametrize("way", WAYS)
def test_S3_no_way_puts_a_secret_into_the_url(canary: Canary, way: str) -> None:
    secret = canary("client_secret")
    request = request_of(client(authentication=way, client_secret=Secret(secret), certificate=CERTIFICATE))
    canary.scan(request.wire_url(), "url")
    assert request.wire_url() == "https://id.example.com/token"


@pytest.mark.parametrize("way", ["basic", "basic_raw", "body", "none"])
@pytest.mark.parametrize("secret", [None, Secret("")])
def test_S10_a_public_client_sends_its_id_and_never_an_empty_secret(way: str, secret: Secret | None) -> None:
    request = request_of(client(authentication=way, client_secret=secret))
    assert form(request) == {"grant_type": "x", "client_id": "scanner"}
    assert "authorization" not in headers(request)


@pytest.mark.parametrize("way", ["private_key_jwt", "client_secret_jwt"])
def test_S76_an_assertion_is_short_and_for_the_issuer_alone(way: str) -> None:
    request = request_of(client(authentication=way, issuer="https://id.example.com", key_id="k1"))
    body = form(request)
    made = json.loads(body["client_assertion"])
    assert body["client_assertion_type"] == ASSERTION_TYPE
    assert made["claims"] == {
        "iss": "scanner",
        "sub": "scanner",
        "aud": "https://id.example.com",
        "jti": "r" * 43,
        "iat": int(NOW),
        "exp": int(NOW) + 60,
    }
    assert made["algorithm"] == ("HS256" if way == "client_secret_jwt" else "")
    assert made["key_id"] == "k1"


def test_J6_an_assertion_has_no_nbf_since_clocks_differ() -> None:
    made = json.loads(form(request_of(client(authentication="private_key_jwt")))["client_assertion"])
    assert "nbf" not in made["claims"]
    assert made["claims"]["aud"] == "https://id.example.com/token"


def test_the_audience_of_an_assertion_can_be_written_into_the_record() -> None:
    one = client(
        authentication="private_key_jwt", assertion_audience="https://other", issuer="https://id.example.com"
    )
    assert json.loads(form(request_of(one))["client_assertion"])["claims"]["aud"] == "https://other"


def test_mutual_tls_sends_the_client_id_and_the_certificate() -> None:
    request = request_of(
        client(authentication="tls_client_auth", certificate=CERTIFICATE, client_secret=None)
    )
    assert request.client_certificate == CERTIFICATE
    assert form(request)["client_id"] == "scanner"


@pytest.mark.parametrize("way", ["private_key_jwt", "client_secret_jwt", "tls_client_auth", "unheard_of"])
def test_a_way_that_lacks_what_it_needs_names_the_field(way: str) -> None:
    with pytest.raises(RecordFault) as fault:
        request_of(client(authentication=way, client_secret=None))
    assert fault.value.field.startswith("auth.")


@pytest.mark.parametrize("way", WAYS)
def test_the_same_proof_goes_with_every_grant(canary: Canary, way: str) -> None:
    from dataclasses import replace

    from authrecord.core.token import Token

    one = client(
        authentication=way,
        client_secret=Secret(canary("secret")),
        certificate=CERTIFICATE,
        password=Secret("p"),
    )
    held = Token(access_token=Secret("a"), obtained_at=NOW, refresh_token=Secret(canary("refresh")))
    pending = authorization_code.begin(one, means(), redirect_uri="http://127.0.0.1/cb")
    flows = [
        password.obtain(one, means()),
        refresh.obtain(one, held, means()),
        authorization_code.finish(one, pending, (("state", "r" * 43), ("code", "c")), means()),
    ]
    if way != "none":
        flows.append(client_credentials.obtain(one, means()))
    proofs = []
    for flow in flows:
        request = next(flow)
        proofs.append(
            replace(request, form=tuple(p for p in request.form or () if p[0].startswith("client_")))
        )
        flow.close()
    assert all(proof == proofs[0] for proof in proofs)


def test_S5_a_custom_parameter_with_a_name_of_the_protocol_is_refused() -> None:
    for place, name in (("body", "client_secret"), ("query", "grant_type"), ("header", "Authorization")):
        one = client(token_parameters=(ResolvedParameter(name, "x", place),))
        with pytest.raises(RecordFault, match="protocol owns"):
            request_of(one)
