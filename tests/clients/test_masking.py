"""P20, P23, P24, P25 and F7, F8: masking by value."""

from __future__ import annotations

import base64
import logging
import os
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.clients import masking
from authrecord.clients.masking import Known, forms, masked, remember
from authrecord.clients.scrubbing import scrub
from authrecord.core.secret import MASK
from tests.canary_watch import Canary


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60),
    before=st.text(max_size=40),
    after=st.text(max_size=40),
)
def test_F7_a_known_secret_is_found_wherever_it_stands(secret: str, before: str, after: str) -> None:
    known = Known()
    known.add([secret])
    clean = known.masked(before + secret + after)
    assert MASK in clean
    assert secret not in clean.replace(MASK, "")


@given(
    secret=st.binary(min_size=12, max_size=40).map(lambda data: data.hex()),
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
)
def test_F8_base64_is_found_in_all_three_alignments(secret: str, before: bytes, after: bytes) -> None:
    known = Known()
    known.add(forms(secret))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert MASK in known.masked(encode(before + secret.encode() + after).decode())


def test_F8_percent_encoded_and_prefixed_forms_are_found(canary: Canary) -> None:
    secret = canary("key") + "+/ =ü"
    remember(["Bearer " + secret.replace(" ", "")])
    text = f"?k={quote(secret.replace(' ', ''), safe='')}&x"
    assert masked(text) == f"?k={MASK}&x"
    assert masked(repr(secret.replace(" ", ""))) == f"'{MASK}'"


def test_P23_short_secrets_are_never_masked() -> None:
    known = Known()
    known.add(form for secret in ("admin", "1234", "a", "", "seven77") for form in forms(secret))
    assert len(known) == 0
    assert known.masked("admin 1234 a seven77") == "admin 1234 a seven77"


def test_P24_the_number_of_texts_is_bounded_and_the_oldest_go_first() -> None:
    known = Known(most=100)
    values = [f"{number:04d}" + os.urandom(8).hex() for number in range(300)]
    known.add(values)
    assert len(known) == 100
    assert known.masked(values[0]) == values[0]
    assert known.masked(values[299]) == MASK
    assert sum(len(holders) for holders in known._by_gram.values()) <= 400


def test_a_secret_that_was_let_go_is_known_no_longer_and_others_that_end_alike_stay() -> None:
    known = Known()
    first, second = (os.urandom(8).hex() + "the same end" for _ in range(2))
    known.add([first, second])
    known.drop([first, "never known before"])
    assert known.masked(f"{first} {second}") == f"{first} {MASK}"
    known.drop([second])
    assert (len(known), known._by_gram) == (0, {})


def test_P24_a_search_looks_at_every_fourth_place_whatever_the_number_of_secrets() -> None:
    known = Known()
    known.add(os.urandom(16).hex() for _ in range(10_000))
    looked: list[str] = []

    class Watched(dict[str, set[str]]):
        def get(self, gram: str, default: object = None) -> None:  # type: ignore[override]  # counts look-ups
            looked.append(gram)

    known._by_gram = Watched()
    known.masked("x" * 120)
    assert len(looked) == 29


def test_F2_messages_arguments_and_tracebacks_are_masked(
    canary: Canary, caplog: pytest.LogCaptureFixture
) -> None:
    secret = canary("key")
    remember([secret])
    masking.install()
    masking.install()
    logger = logging.getLogger("urllib3.connectionpool")
    assert logger.filters.count(masking._FILTER) == 1
    with caplog.at_level("DEBUG"):
        logger.debug('%s "GET /?k=%s"', "http", secret)
        logger.debug("GET /?k=" + secret)  # noqa: G003 - libraries do so
        try:
            raise ValueError(secret)
        except ValueError:
            logger.exception("failed")
    assert caplog.text.count(MASK) >= 3
    assert secret not in caplog.text


def test_a_message_that_does_not_fit_its_arguments_is_left_to_logging() -> None:
    record = logging.LogRecord("httpx", logging.DEBUG, __file__, 1, "%d", ("not a number",), None)
    assert masking.MaskingFilter().filter(record)
    assert record.args == ("not a number",)


def test_F3_a_chain_of_exceptions_is_cleaned_in_place(canary: Canary) -> None:
    secret = canary("key")
    remember([secret])
    inner = ValueError(f"GET /?k={secret}", 7, secret.encode())
    outer = RuntimeError(inner)
    outer.__context__ = KeyError(secret)
    outer.url = f"/?k={secret}"  # type: ignore[attr-defined]  # libraries keep such fields
    scrub(outer)
    assert inner.args == (f"GET /?k={MASK}", 7, MASK.encode())
    assert secret not in f"{outer!r}{outer.__context__!r}{vars(outer)}"
