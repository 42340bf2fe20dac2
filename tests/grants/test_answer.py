"""The token endpoint's answer: the C rows. Tolerant where real providers differ, never about a token."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.errors import AuthrecordError, BadAnswer, Misconfigured, Refused, TryLater
from authrecord.core.secret import Secret
from authrecord.core.token import LONGEST_LIFE, Token
from authrecord.grants.answer import token_from
from tests.canary_watch import Canary
from tests.grants.drive import NOW, answer, client


def good(canary: Canary, **values: object) -> dict[str, object]:
    return {"access_token": canary("access_token"), "token_type": "Bearer", "expires_in": 3600, **values}


def refused(response: object, canary: Canary, **settings: object) -> AuthrecordError:
    with pytest.raises(AuthrecordError) as caught:
        token_from(response, client(**settings))  # type: ignore[arg-type]  # a response of `answer`
    canary.scan(repr(caught.value) + str(caught.value), "exception text")
    return caught.value


def test_a_good_answer_becomes_a_token_whose_life_counts_from_the_sending(canary: Canary) -> None:
    refresh = canary("refresh_token")
    token = token_from(answer(good(canary, refresh_token=refresh, scope="a b")), client(), asked_scope="a b")
    assert (token.obtained_at, token.obtained_monotonic, token.life) == (NOW, 10.0, 3600)
    assert token.expires_at == NOW + 3600
    assert token.refresh_token == Secret(refresh)
    assert token.scope == "a b"
    assert token.remarks == ()


def test_C1_a_login_page_is_a_typed_error_that_does_not_echo_it(canary: Canary) -> None:
    page = f"<html>{canary('page')}</html>".encode()
    error = refused(answer(page, headers=[("content-type", "text/html; charset=utf-8")]), canary)
    assert isinstance(error, BadAnswer)
    assert error.code == "not_json"
    assert "text/html" in str(error)


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"null", b"7", "\ufeff{}".encode("utf-16")])
def test_C2_what_is_no_json_object_is_a_typed_error(canary: Canary, body: bytes) -> None:
    assert refused(answer(body), canary).code in {"not_json", "no_token"}


def test_C2_a_byte_order_mark_before_the_json_is_tolerated(canary: Canary) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(good(canary)).encode()
    assert token_from(answer(body), client()).life == 3600


def test_C3_a_form_encoded_answer_is_accepted_only_when_the_record_says_so(canary: Canary) -> None:
    body = f"access_token={canary('token')}&token_type=bearer&expires_in=60".encode()
    assert refused(answer(body), canary).code == "not_json"
    assert token_from(answer(body), client(form_encoded_answer=True)).life == 60
    as_json = json.dumps(good(canary)).encode()
    assert token_from(answer(as_json), client(form_encoded_answer=True)).life == 3600


def test_C4_json_with_another_content_type_or_none_is_accepted(canary: Canary) -> None:
    for headers in ([("content-type", "text/plain")], []):
        assert token_from(answer(good(canary), headers=headers), client()).life == 3600


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000 + b"]" * 100_000, b'{"a":' + b"[" * 100_000, b'{"expires_in":' + b"9" * 5000 + b"}"],
)
def test_C5_deep_nesting_and_huge_numbers_are_typed_errors(canary: Canary, body: bytes) -> None:
    assert isinstance(refused(answer(body), canary), BadAnswer)


@pytest.mark.parametrize("status", [301, 302, 303])
def test_C10_a_redirect_is_not_followed_and_only_its_origin_is_named(canary: Canary, status: int) -> None:
    location = f"https://other.example.com/token?secret={canary('query')}"
    error = refused(answer(b"", status=status, headers=[("location", location)]), canary)
    assert error.code == "redirect"
    assert "https://other.example.com;" in str(error)


@pytest.mark.parametrize("status", [307, 308])
def test_C11_S62_S85_a_redirect_that_would_repeat_the_post_is_an_error(canary: Canary, status: int) -> None:
    assert refused(answer(b"", status=status, headers=[("location", "//evil")]), canary).code == "redirect"


@pytest.mark.parametrize(
    ("value", "life"), [("3600", 3600), (3600.0, 3600), (3599.9, 3599.9), ("3599.9", 3599.9)]
)
def test_C12_S83_numbers_in_other_forms_are_accepted(canary: Canary, value: object, life: float) -> None:
    assert token_from(answer(good(canary, expires_in=value)), client()).life == life


@pytest.mark.parametrize("value", [-1, 0, "0"])
def test_C13_a_life_that_is_over_is_kept_with_a_remark(canary: Canary, value: object) -> None:
    token = token_from(answer(good(canary, expires_in=value)), client())
    assert token.life is not None
    assert token.life <= 0
    assert "already over" in token.remarks[0]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", "true", '"soon"', "[]", "{}"])
def test_C14_a_life_that_is_no_number_is_unknown_and_remarked(canary: Canary, value: str) -> None:
    body = json.dumps(good(canary)).replace("3600", value).encode()
    token = token_from(answer(body), client())
    assert token.life is None
    assert "no number of seconds" in token.remarks[0]


def test_C14_a_life_of_ages_is_cut_to_ten_years(canary: Canary) -> None:
    assert token_from(answer(good(canary, expires_in=10**30)), client()).life == LONGEST_LIFE


def test_C14_null_is_as_if_it_were_missing(canary: Canary) -> None:
    token = token_from(answer(good(canary, expires_in=None)), client())
    assert token.life is None
    assert token.remarks == ()


def test_C16_a_missing_token_type_is_an_error_unless_the_record_tolerates_it(canary: Canary) -> None:
    body = good(canary)
    del body["token_type"]
    assert refused(answer(body), canary).code == "no_token_type"
    assert token_from(answer(body), client(assume_bearer=True)).token_type == "Bearer"


@pytest.mark.parametrize("kind", ["mac", "dpop", "N_A", 7, ["bearer"]])
def test_C17_S23_a_token_of_another_type_is_not_used(canary: Canary, kind: object) -> None:
    error = refused(answer(good(canary, token_type=kind)), canary, assume_bearer=True)
    assert error.code == "token_type"


def test_S21_the_token_type_is_read_without_regard_to_case(canary: Canary) -> None:
    assert token_from(answer(good(canary, token_type="bEaReR")), client()).token_type == "Bearer"


def test_S21_a_token_of_64_kib_works(canary: Canary) -> None:
    long = canary("token") * 1600
    assert token_from(answer(good(canary, access_token=long)), client()).access_token == Secret(long)


@pytest.mark.parametrize("value", [7, None, "", {"a": 1}, ["x"], True])
def test_C18_an_access_token_that_is_no_text_is_an_error(canary: Canary, value: object) -> None:
    assert refused(answer(good(canary, access_token=value)), canary).code in {"unsafe_token", "no_token"}


@pytest.mark.parametrize("part", ["\r\nX-Injected: 1", "\x00", " ", "é", "\x7f", "\t"])
@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
def test_C19_a_token_with_characters_that_no_token_has_is_refused(
    canary: Canary, name: str, part: str
) -> None:
    error = refused(answer(good(canary, **{name: canary("evil") + part})), canary)
    assert error.code == "unsafe_token"
    assert name in str(error)


def test_C20_a_key_that_stands_twice_is_an_error(canary: Canary) -> None:
    body = f'{{"access_token":"{canary("a")}","access_token":"{canary("b")}","token_type":"Bearer"}}'.encode()
    assert refused(answer(body), canary).code == "duplicate_key"


def test_C21_a_nested_token_is_found_by_its_pointer_and_never_guessed(canary: Canary) -> None:
    nested = {"ok": True, "data": good(canary)}
    error = refused(answer(nested), canary)
    assert error.code == "no_token"
    assert "/data" in error.hint
    assert token_from(answer(nested), client(token_pointer="/data")).life == 3600
    assert refused(answer(nested), canary, token_pointer="/other").code == "no_token"


@pytest.mark.parametrize(
    "body", [{"error": "invalid_scope"}, {"ok": False}, {"ok": False, "error": "x"}, {"error": {"code": "y"}}]
)
def test_C22_an_error_with_status_200_is_an_error(canary: Canary, body: dict[str, object]) -> None:
    assert isinstance(refused(answer({**good(canary), **body}), canary), Refused)


def test_C23_invalid_grant_names_itself(canary: Canary) -> None:
    error = refused(answer({"error": "invalid_grant", "error_description": "gone"}, status=400), canary)
    assert isinstance(error, Refused)
    assert (error.error, error.description, error.status) == ("invalid_grant", "gone", 400)


@pytest.mark.parametrize("status", [400, 401])
def test_C24_invalid_client_is_a_fault_of_the_record(canary: Canary, status: int) -> None:
    error = refused(answer({"error": "invalid_client"}, status=status), canary)
    assert isinstance(error, Misconfigured)
    assert "client_authentication" in error.hint


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("-1", 0.0), ("1000000000", 6 * 3600.0), ("soon", 0.0), ("", 0.0), ("9" * 40, 0.0)],
)
def test_C25_retry_after_is_honoured_and_capped(canary: Canary, value: str, seconds: float) -> None:
    for status in (429, 503):
        error = refused(answer(b"", status=status, headers=[("retry-after", value)]), canary)
        assert isinstance(error, TryLater)
        assert error.retry_after == seconds


def test_C25_retry_after_may_be_a_date(canary: Canary) -> None:
    from email.utils import formatdate

    error = refused(
        answer(b"", status=503, headers=[("retry-after", formatdate(NOW + 90, usegmt=True))]), canary
    )
    assert isinstance(error, TryLater)
    assert error.retry_after == 90.0


@pytest.mark.parametrize("status", [500, 502, 504])
def test_C26_a_server_error_is_transient_whatever_its_body(canary: Canary, status: int) -> None:
    page = f"<html>{canary('page')}".encode()
    assert isinstance(refused(answer(page, status=status), canary), TryLater)


def test_C27_a_scope_list_is_joined_and_a_null_refresh_token_is_none(canary: Canary) -> None:
    token = token_from(answer(good(canary, scope=["a", "b"], refresh_token=None)), client())
    assert token.scope == "a b"
    assert token.refresh_token is None
    assert "list" in token.remarks[0]


def test_C28_S16_a_hostile_description_is_cut_and_cleaned(canary: Canary) -> None:
    hostile = "\x1b[31m<script>\u202e\n" + "x" * 1_000_000
    error = refused(answer({"error": "invalid_request", "error_description": hostile}, status=400), canary)
    assert isinstance(error, Refused)
    assert len(error.description) == 300
    assert not set("\x1b\u202e\n") & set(str(error))


def test_C29_an_answer_that_echoes_our_secret_is_masked(canary: Canary) -> None:
    secret, code = canary("client_secret"), canary("code")
    echo = {"error": "invalid_request", "error_description": f"bad {secret} and {code}"}
    with pytest.raises(Refused) as caught:
        token_from(answer(echo, status=400), client(client_secret=Secret(secret)), sent=(Secret(code),))
    canary.scan(str(caught.value) + caught.value.description, "exception text")


def test_C31_garbage_behind_the_json_is_an_error(canary: Canary) -> None:
    assert refused(answer(json.dumps(good(canary)).encode() + b"x"), canary).code == "not_json"


def test_S11_fewer_scopes_than_asked_are_stored_and_remarked(canary: Canary) -> None:
    token = token_from(answer(good(canary, scope="read")), client(), asked_scope="read write")
    assert token.scope == "read"
    assert "fewer scopes" in token.remarks[0]
    assert "write" in token.remarks[0]


def test_S11_a_missing_scope_means_as_asked(canary: Canary) -> None:
    assert token_from(answer(good(canary)), client(), asked_scope="read write").scope == "read write"


def test_S14_unknown_keys_are_ignored(canary: Canary) -> None:
    token = token_from(answer(good(canary, unknown={"deep": [1]}, another=canary("extra"))), client())
    canary.scan(repr(token), "repr")
    assert token.life == 3600


def test_an_answer_without_an_oauth_error_is_reported_with_its_status(canary: Canary) -> None:
    for body in (b"<html>", b"{}"):
        error = refused(answer(body, status=404), canary)
        assert error.code == "no_oauth_error"
        assert "404" in str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from(
    ["access_token", "token_type", "expires_in", "refresh_token", "scope", "error", "ok", "error_description"]
)


@given(st.dictionaries(KEYS, JSON | st.just("Bearer"), max_size=8), st.integers(100, 599))
def test_S26_any_object_gives_a_token_or_a_typed_error(body: dict[str, object], status: int) -> None:
    try:
        token = token_from(answer(body, status=status), client())
    except AuthrecordError as error:
        assert len(str(error)) < 2000
    else:
        assert isinstance(token, Token)
        assert status in {200, 201}


@given(st.binary(max_size=200))
def test_S26_any_bytes_give_a_typed_error_or_a_token(body: bytes) -> None:
    for tolerant in (False, True):
        with pytest.raises(AuthrecordError):
            token_from(answer(body), client(form_encoded_answer=tolerant))
