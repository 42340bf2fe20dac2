"""Authorization Code and Implicit with values alone: what is asked, and in which order an answer is judged."""

from __future__ import annotations

import re
from collections.abc import Callable
from secrets import token_urlsafe
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.errors import BadAnswer, LoginFailed, RecordFault
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants import authorization_code, implicit
from authrecord.grants.authorization_code import s256
from authrecord.grants.client import OAuthClient, ResolvedParameter
from authrecord.grants.pending import LIFE_SECONDS, Answer, PendingLogin, parse_answer
from tests.canary_watch import Canary
from tests.grants.drive import NOW, answer, client, drive, form, means

CALLBACK = "http://127.0.0.1:8765/callback"
RANDOM = "r" * 43


def begun(one: OAuthClient | None = None, *, random: Callable[[], str] = lambda: RANDOM) -> PendingLogin:
    return authorization_code.begin(one or client(), means(random=random), redirect_uri=CALLBACK)


def asked(pending: PendingLogin) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(pending.authorization_url.reveal()).query))


def finish(pending: PendingLogin, given: Answer, one: OAuthClient | None = None) -> object:
    return authorization_code.finish(one or client(), pending, given, means())


def failure(pending: PendingLogin, given: Answer, one: OAuthClient | None = None) -> LoginFailed:
    with pytest.raises(LoginFailed) as caught:
        finish(pending, given, one)
    return caught.value


def ours(*more: tuple[str, str]) -> Answer:
    return (("state", RANDOM), *more)


def test_S7_S15_the_redirect_uri_is_sent_byte_for_byte_in_both_requests(canary: Canary) -> None:
    pending = begun()
    given = {"access_token": canary("access"), "token_type": "Bearer"}
    flow = authorization_code.finish(client(), pending, ours(("code", canary("code"))), means())
    _, requests = drive(flow, answer(given))
    assert asked(pending)["redirect_uri"] == CALLBACK
    assert form(requests[0])["redirect_uri"] == CALLBACK


def test_S4_a_query_of_the_authorization_url_is_kept() -> None:
    pending = begun(client(authorization_url="https://id.example.com/authorize?tenant=7"))
    assert asked(pending)["tenant"] == "7"
    assert asked(pending)["response_type"] == "code"


def test_S12_S43_the_state_is_256_random_bits_and_new_for_each_login() -> None:
    states = {begun(random=lambda: token_urlsafe(32)).state.reveal() for _ in range(2000)}
    assert len(states) == 2000
    assert all(len(state) == 43 for state in states)


def test_S33_the_verifier_has_256_bits_of_unreserved_characters_and_is_new_for_each_login() -> None:
    verifiers = set()
    for _ in range(2000):
        verifier = begun(random=lambda: token_urlsafe(32)).code_verifier
        assert verifier is not None
        assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier.reveal())
        verifiers.add(verifier.reveal())
    assert len(verifiers) == 2000


def test_S34_S36_S41_S49_the_challenge_is_s256_and_never_plain() -> None:
    pending = begun()
    query = asked(pending)
    assert query["code_challenge_method"] == "S256"
    assert pending.code_verifier is not None
    assert query["code_challenge"] == s256(pending.code_verifier)
    assert (
        s256(Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_S35_the_verifier_goes_with_the_code(canary: Canary) -> None:
    pending = begun(random=lambda: canary("random"))
    given = {"access_token": canary("access"), "token_type": "Bearer"}
    code = canary("code")
    flow = authorization_code.finish(
        client(), pending, (("state", pending.state.reveal()), ("code", code)), means()
    )
    _, requests = drive(flow, answer(given))
    assert pending.code_verifier is not None
    assert form(requests[0])["code_verifier"] == pending.code_verifier.reveal()
    assert form(requests[0])["code"] == code


def test_S37_the_verifier_is_not_the_state() -> None:
    values = iter(["first" * 9, "second" * 8])
    pending = begun(random=lambda: next(values))
    assert pending.code_verifier is not None
    assert pending.code_verifier != pending.state
    assert pending.code_verifier.reveal() not in pending.authorization_url.reveal()


def test_S47_state_and_pkce_always_go_together() -> None:
    assert {"state", "code_challenge"} <= asked(begun()).keys()


def test_S60_the_state_is_opaque_and_holds_no_data() -> None:
    """It is the drawn value and nothing else, whatever the record: the same draw gives the same state."""
    assert asked(begun())["state"] == RANDOM
    other = client(issuer="https://as.example.com", authorization_url="https://as.example.com/a?tenant=7")
    assert asked(begun(other))["state"] == RANDOM


def test_S37_pkce_is_off_only_where_the_record_says_so_by_name() -> None:
    pending = begun(client(pkce=False))
    assert "code_challenge" not in asked(pending)
    assert pending.code_verifier is None


def test_a_given_state_is_sent_as_given_and_still_compared() -> None:
    pending = begun(client(state="fixed"))
    assert asked(pending)["state"] == "fixed"
    assert failure(pending, (("state", "other"), ("code", "c"))).code == "not_ours"


def test_custom_parameters_go_with_the_request_and_names_of_the_protocol_are_refused(canary: Canary) -> None:
    value = canary("sensitive", alphabet="hard")
    custom = (ResolvedParameter("audience", Secret(value), "query"),)
    pending = begun(client(authorization_parameters=custom))
    assert asked(pending)["audience"] == value
    canary.scan(repr(pending), "repr")
    for name in ("state", "client_id", "redirect_uri", "code_challenge", "response_type"):
        with pytest.raises(RecordFault, match="protocol owns"):
            begun(client(authorization_parameters=(ResolvedParameter(name, "x", "query"),)))


@pytest.mark.parametrize(
    "given",
    [
        (("code", "c"),),
        (("state", ""), ("code", "c")),
        (("state", RANDOM[:-1]), ("code", "c")),
        (("state", RANDOM), ("state", RANDOM), ("code", "c")),
        (("state", RANDOM), ("state", "b"), ("code", "c")),
        (("state", "s" * 1_000_000), ("code", "c")),
        (("state", "ключ"), ("code", "c")),
    ],
)
def test_A1_A2_A3_an_answer_without_the_one_right_state_is_not_ours(given: Answer) -> None:
    assert failure(begun(), given).code == "not_ours"


def test_A5_an_answer_after_ten_minutes_finds_the_login_expired() -> None:
    from dataclasses import replace

    old = replace(begun(), began_at=NOW - LIFE_SECONDS - 1)
    assert failure(old, ours(("code", "c"))).code == "expired"


def test_A7_an_error_without_the_right_state_does_not_end_the_login() -> None:
    assert failure(begun(), (("error", "access_denied"),)).code == "not_ours"
    assert failure(begun(), (("error", "access_denied"), ("state", "x"))).code == "not_ours"


def test_A8_an_answer_with_error_and_code_is_an_error() -> None:
    assert failure(begun(), ours(("code", "c"), ("error", "access_denied"))).code == "refused"


def test_A8_a_doubled_code_is_not_ours() -> None:
    assert failure(begun(), ours(("code", "a"), ("code", "b"))).code == "not_ours"


def test_A11_S58_S64_an_issuer_that_is_not_the_records_ends_it_before_the_code_is_used() -> None:
    one = client(issuer="https://as.example.com")
    pending = begun(one)
    for issuer in (
        "https://as.example.com/",
        "https://AS.example.com",
        "https://evil.example.net",
        "https://as.example.com:443",
    ):
        assert failure(pending, ours(("code", "c"), ("iss", issuer)), one).code == "mixed_up"
        assert failure(pending, ours(("error", "access_denied"), ("iss", issuer)), one).code == "mixed_up"
    assert failure(pending, ours(("code", "c"), ("iss", "a"), ("iss", "b")), one).code == "not_ours"
    assert finish(pending, ours(("code", "c"), ("iss", "https://as.example.com")), one) is not None


def test_A11_without_a_known_issuer_one_at_another_host_is_refused() -> None:
    pending = begun()
    assert failure(pending, ours(("code", "c"), ("iss", "https://evil.example.net"))).code == "mixed_up"
    assert failure(pending, ours(("code", "c"), ("iss", "nonsense"))).code == "mixed_up"
    assert finish(pending, ours(("code", "c"), ("iss", "https://id.example.com/t1"))) is not None


def test_S65_a_missing_issuer_is_refused_where_it_was_promised() -> None:
    one = client(issuer="https://as.example.com", issuer_always_answers=True)
    assert failure(begun(one), ours(("code", "c")), one).code == "mixed_up"


def test_S48_the_expected_issuer_is_stored_with_the_login_and_decides_even_if_the_record_changes() -> None:
    one = client(issuer="https://as.example.com", issuer_always_answers=True)
    pending = begun(one)
    assert (pending.issuer, pending.issuer_must_answer) == ("https://as.example.com", True)
    edited = client(issuer="https://evil.example.com")
    crossed = ours(("code", "c"), ("iss", "https://evil.example.com"))
    assert failure(pending, crossed, edited).code == "mixed_up"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_A21_a_code_with_any_characters_is_decoded_once_and_sent_byte_for_byte(code: str) -> None:
    from urllib.parse import quote

    parsed = parse_answer(f"code={quote(code, safe='')}&state={RANDOM}")
    flow = authorization_code.finish(client(), begun(), parsed, means())
    assert form(next(flow))["code"] == code
    flow.close()


def test_S14_unknown_parameters_of_an_answer_are_ignored() -> None:
    assert (
        finish(begun(), ours(("code", "c"), ("session_state", "x"), ("foo", "1"), ("foo", "2"))) is not None
    )


def test_S16_C28_a_hostile_error_is_cut_and_cleaned() -> None:
    hostile = "\x1b[2J<script>\u202e" + "x" * 100_000
    error = failure(begun(), ours(("error", hostile), ("error_description", hostile)))
    assert len(str(error)) < 600
    assert not set("\x1b\u202e") & set(str(error))


@pytest.mark.parametrize(
    "query", ["a=" + "x" * 200_000, "&".join(f"k{n}=1" for n in range(500)), "code=%ff%fe"]
)
def test_S26_S87_an_answer_that_is_too_large_or_malformed_is_not_ours(query: str) -> None:
    with pytest.raises(LoginFailed) as caught:
        parse_answer(query)
    assert caught.value.code == "not_ours"


def test_S24_an_authorization_url_without_tls_is_refused() -> None:
    with pytest.raises(RecordFault) as fault:
        begun(client(authorization_url="http://id.example.com/authorize"))
    assert fault.value.code == "insecure_url"


def implicit_token(given: Answer, one: OAuthClient | None = None) -> Token:
    used = one or client(client_secret=None)
    pending = implicit.begin(used, means(), redirect_uri=CALLBACK)
    return implicit.finish(used, pending, given, means(), began_monotonic=5.0)


def test_the_implicit_grant_asks_for_a_token_without_pkce() -> None:
    query = asked(implicit.begin(client(), means(), redirect_uri=CALLBACK))
    assert query["response_type"] == "token"
    assert "code_challenge" not in query


def test_S17_state_type_and_life_are_checked_and_a_refresh_token_is_never_taken(canary: Canary) -> None:
    value = canary("access")
    good = ours(
        ("access_token", value),
        ("token_type", "bearer"),
        ("expires_in", "60"),
        ("refresh_token", canary("refresh")),
    )
    token = implicit_token(good)
    assert (token.access_token, token.life, token.refresh_token) == (Secret(value), 60.0, None)
    with pytest.raises(BadAnswer):
        implicit_token(ours(("access_token", value), ("token_type", "mac")))
    with pytest.raises(BadAnswer):
        implicit_token(ours(("access_token", value)))
    with pytest.raises(LoginFailed):
        implicit_token((("access_token", value), ("token_type", "bearer"), ("state", "x")))


def test_B7_odd_fragments_are_typed_errors_or_an_unknown_life(canary: Canary) -> None:
    value = canary("access")
    for life in ("abc", "1e400", "", "-1"):
        token = implicit_token(ours(("access_token", value), ("token_type", "bearer"), ("expires_in", life)))
        assert token.life is None or token.life <= 0
    with pytest.raises(LoginFailed):
        implicit_token(ours(("access_token", value), ("access_token", "b"), ("token_type", "bearer")))
    with pytest.raises(BadAnswer):
        implicit_token(ours(("access_token", value + "\r\nX: y"), ("token_type", "bearer")))
    with pytest.raises(LoginFailed):
        implicit_token(ours(("token_type", "bearer")))


def test_B6_S59_a_token_with_anothers_state_is_not_taken(canary: Canary) -> None:
    with pytest.raises(LoginFailed) as caught:
        implicit_token(
            (("state", "someone else's"), ("access_token", canary("evil")), ("token_type", "bearer"))
        )
    assert caught.value.code == "not_ours"
