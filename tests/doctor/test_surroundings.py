"""What the environment does to requests, told without a value of it (row Q6)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from authrecord.doctor.step import Step, Verdict
from authrecord.doctor.surroundings import check_surroundings
from tests.canary_watch import Canary

Look = Callable[..., Step]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Looks at an environment of these variables, in an empty home."""
    return lambda **variables: check_surroundings({"HOME": str(tmp_path), **variables})


def test_an_empty_environment_is_nothing_unusual(look: Look) -> None:
    step = look()
    assert (step.verdict, step.details) == (Verdict.OK, ())


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"])
def test_Q6_a_proxy_is_told_by_its_host_and_never_by_its_password(
    look: Look, canary: Canary, name: str
) -> None:
    step = look(**{name: f"http://user:{canary('proxy password')}@proxy.example:3128/"})
    assert step.verdict is Verdict.OK
    assert (
        f"{name.upper()} sends the requests of your own HTTP client through proxy.example:3128"
        in step.details[0]
    )
    canary.scan(repr(step), "the step")


def test_Q6_a_proxy_that_cannot_be_read_is_not_repeated(look: Look, canary: Canary) -> None:
    step = look(HTTPS_PROXY=f"http://[{canary('proxy password')}")
    assert "an address that cannot be read" in step.details[0]
    canary.scan(repr(step), "the step")


def test_Q6_our_own_proxy_is_told_as_what_providers_see(look: Look) -> None:
    assert look(AUTHRECORD_PROXY="proxy.example:8080").details == (
        "AUTHRECORD_PROXY sends requests to providers through proxy.example:8080.",
    )


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_Q6_authorities_are_told_with_who_follows_them(look: Look, tmp_path: Path, name: str) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("")
    path.chmod(0o644)
    step = look(**{name: str(path)})
    assert step.verdict is Verdict.OK
    assert str(path) in step.details[0]
    assert ("requests to providers" in step.details[0]) == name.startswith("SSL_")


def test_Q6_authorities_that_are_gone_or_that_others_can_change_are_a_danger(
    look: Look, tmp_path: Path
) -> None:
    gone = look(SSL_CERT_FILE=str(tmp_path / "gone.pem"))
    assert gone.verdict is Verdict.FAILED
    assert "Unset SSL_CERT_FILE" in gone.advice
    path = tmp_path / "ca.pem"
    path.write_text("")
    path.chmod(0o666)
    mine = look(SSL_CERT_FILE=str(path))
    assert (mine.verdict, mine.advice) == (Verdict.FAILED, f"Take that right away: chmod o-w {path}.")


def test_Q6_a_file_of_connection_keys_is_better_not_written(look: Look) -> None:
    step = look(SSLKEYLOGFILE="/somewhere/keys.log")
    assert step.verdict is Verdict.NOTE
    assert "/somewhere/keys.log" in step.summary
    assert "Unset SSLKEYLOGFILE" in step.advice


def test_Q6_netrc_is_told_and_one_that_others_reach_is_noted(look: Look, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("")
    netrc.chmod(0o600)
    assert look().verdict is Verdict.OK
    assert str(netrc) in look().details[0]
    netrc.chmod(0o644)
    assert (look().verdict, look().advice) == (Verdict.NOTE, f"chmod 600 {netrc}")
    other = tmp_path / "other"
    other.write_text("")
    other.chmod(0o600)
    assert str(other) in look(NETRC=str(other)).details[0]


def test_Q6_code_from_elsewhere_is_noted_and_code_from_others_is_a_danger(look: Look, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir(mode=0o700)
    theirs.mkdir()
    theirs.chmod(0o777)
    assert look(PYTHONPATH=str(mine)).verdict is Verdict.NOTE
    step = look(PYTHONPATH=os.pathsep.join([str(mine), str(theirs)]))
    assert (step.verdict, str(theirs) in step.summary) == (Verdict.FAILED, True)


def test_Q6_commands_in_references_are_told(look: Look) -> None:
    assert "AUTHRECORD_ALLOW_COMMANDS=1" in look(AUTHRECORD_ALLOW_COMMANDS="1").details[0]


def test_the_gravest_finding_stands_first_and_the_others_stay(look: Look, tmp_path: Path) -> None:
    step = look(SSLKEYLOGFILE="/k", SSL_CERT_FILE=str(tmp_path / "gone"), HTTP_PROXY="http://p:1")
    assert (step.verdict, len(step.details)) == (Verdict.FAILED, 3)
    assert "SSL_CERT_FILE" in step.summary
