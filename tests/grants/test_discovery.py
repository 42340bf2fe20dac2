"""Discovery: where metadata is, whose it is, and what of it is used."""

from __future__ import annotations

import pytest

from authrecord.core.errors import BadAnswer, RecordFault, TryLater
from authrecord.grants.discovery import Metadata, discover, metadata_urls, with_metadata
from tests.grants.drive import answer, client, drive

ISSUER = "https://id.example.com/t1"


def metadata(**values: object) -> dict[str, object]:
    return {
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.example.com/t1/authorize",
        "token_endpoint": "https://id.example.com/t1/token",
        "code_challenge_methods_supported": ["S256", "plain"],
        "authorization_response_iss_parameter_supported": True,
        **values,
    }


def test_S66_the_well_known_part_stands_between_host_and_path() -> None:
    assert metadata_urls(ISSUER) == (
        "https://id.example.com/.well-known/oauth-authorization-server/t1",
        "https://id.example.com/t1/.well-known/openid-configuration",
        "https://id.example.com/.well-known/openid-configuration/t1",
    )
    assert metadata_urls("https://id.example.com/") == (
        "https://id.example.com/.well-known/oauth-authorization-server",
        "https://id.example.com/.well-known/openid-configuration",
    )


def test_S55_the_urls_of_a_record_fill_themselves() -> None:
    found, requests = drive(discover(ISSUER), answer({}, status=404), answer(metadata()))
    assert [request.method for request in requests] == ["GET", "GET"]
    filled = with_metadata(client(token_url="", authorization_url=""), found)
    assert filled.authorization_url == "https://id.example.com/t1/authorize"
    assert filled.token_url == "https://id.example.com/t1/token"
    assert filled.issuer == ISSUER
    assert filled.issuer_always_answers
    assert filled.discovered_token_url


def test_what_the_record_says_is_never_replaced() -> None:
    found, _ = drive(discover(ISSUER), answer(metadata()))
    filled = with_metadata(client(token_url="https://own.example.com/token"), found)
    assert filled.token_url == "https://own.example.com/token"
    assert not filled.discovered_token_url


@pytest.mark.parametrize(
    "said", ["https://id.example.com/T1", ISSUER + "/", "https://evil.example.net", None, 7]
)
def test_S67_metadata_of_another_issuer_is_not_used(said: object) -> None:
    with pytest.raises(BadAnswer) as bad:
        drive(discover(ISSUER), answer(metadata(issuer=said)))
    assert bad.value.code == "issuer_mismatch"


def test_S34_a_provider_that_knows_only_plain_is_refused_unless_pkce_is_off() -> None:
    plain = Metadata(issuer=ISSUER, code_challenge_methods=("plain",))
    with pytest.raises(RecordFault) as fault:
        with_metadata(client(pkce=True), plain)
    assert fault.value.code == "no_s256"
    assert with_metadata(client(pkce=False), plain).issuer == ISSUER


@pytest.mark.parametrize(
    "endpoint",
    ["http://id.example.com/token", "javascript:alert(1)", "https://u:p@id.example.com/", 7, "https://h/#f"],
)
def test_S68_an_endpoint_of_metadata_must_be_a_safe_url(endpoint: object) -> None:
    with pytest.raises(BadAnswer) as bad:
        drive(discover(ISSUER), answer(metadata(token_endpoint=endpoint)))
    assert bad.value.code == "bad_metadata"


def test_S66_an_issuer_is_asked_over_tls_only() -> None:
    with pytest.raises(RecordFault) as fault:
        next(discover("http://id.example.com"))
    assert fault.value.code == "insecure_url"
    assert next(discover("http://127.0.0.1:9")).url.startswith("http://127.0.0.1:9/.well-known/")


@pytest.mark.parametrize("issuer", ["https://id.example.com?x=1", "https://id.example.com#x"])
def test_an_issuer_has_no_query_and_no_fragment(issuer: str) -> None:
    with pytest.raises(RecordFault, match="no query"):
        next(discover(issuer))


def test_an_issuer_that_publishes_nothing_is_a_fault_of_the_record() -> None:
    nothing = answer(b"<html>", status=404)
    with pytest.raises(RecordFault) as fault:
        drive(discover(ISSUER), nothing, nothing, nothing)
    assert fault.value.code == "no_metadata"


def test_an_issuer_that_is_unwell_is_asked_later() -> None:
    with pytest.raises(TryLater):
        drive(discover(ISSUER), answer(b"", status=503, headers=[("retry-after", "5")]))
