"""The local certificate authority: bound to its hosts, short-lived leaves, a key that nobody else can read."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from authrecord.core.errors import RecordFault, StoreFault
from authrecord.gateway.authority import Authority, _is_same, kept_authority

NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def check_handshake(authority: Authority, host: str, asked: str, *, signs_for: str = "") -> None:
    """A TLS handshake in memory. Raises `ssl.SSLError`."""
    client_context = ssl.create_default_context(cadata=authority.pem.decode())
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=asked)
    server = authority.context(signs_for or host).wrap_bio(to_server, to_client, server_side=True)
    done: set[str] = set()
    for _ in range(10):
        for name, side in (("client", client), ("server", server)):
            if name in done:
                continue
            try:
                side.do_handshake()
                done.add(name)
            except ssl.SSLWantReadError:
                continue
    assert done == {"client", "server"}


@pytest.mark.parametrize("host", ["api.example.com", "127.0.0.1", "::1", "a.below.example.com"])
def test_a_strict_client_that_trusts_it_accepts_its_leaves_for_its_hosts(host: str) -> None:
    authority = Authority.made(["api.example.com", "127.0.0.1", "[::1]", "*.below.example.com"], now)
    check_handshake(authority, host, host)


@pytest.mark.parametrize("host", ["evil.example", "example.com", "10.0.0.1", "fe80::1"])
@pytest.mark.parametrize("hosts", [["api.example.com"], ["127.0.0.1"], ["[::1]"]])
def test_its_constraints_keep_it_from_speaking_for_others_even_if_its_key_is_stolen(
    host: str, hosts: list[str]
) -> None:
    authority = Authority.made(hosts, now)
    assert not authority.covers(host)
    with pytest.raises(ssl.SSLError):
        check_handshake(authority, host, host)


def test_O10_a_leaf_is_not_shown_to_whoever_asks_for_another_name() -> None:
    authority = Authority.made(["api.example.com", "other.example.com"], now)
    with pytest.raises(ssl.SSLError):
        check_handshake(authority, "api.example.com", "other.example.com")


def test_a_server_name_may_have_its_port_behind_it_and_still_names_the_host() -> None:
    assert _is_same("api.example.com:443", "api.example.com")
    assert _is_same("API.example.com.", "api.example.com")
    assert not _is_same("evil.example:443", "api.example.com")
    assert not _is_same("api.example.com:443:443", "api.example.com")


def test_leaves_live_for_a_day_and_the_authority_for_a_year() -> None:
    authority = Authority.made(["api.example.com"], lambda: NOW)
    leaf = authority._leaf("api.example.com")
    assert leaf.not_valid_after_utc - NOW <= dt.timedelta(hours=24)
    assert authority.certificate.not_valid_after_utc - NOW <= dt.timedelta(days=365)
    basic = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert authority.certificate.extensions.get_extension_for_class(x509.NameConstraints).critical


def test_a_leaf_is_made_again_before_it_runs_out() -> None:
    at = [NOW]
    authority = Authority.made(["api.example.com"], lambda: at[0])
    first = authority.context("api.example.com")
    assert authority.context("api.example.com") is first
    at[0] += dt.timedelta(hours=13)
    assert authority.context("api.example.com") is not first


def test_it_is_kept_in_files_of_mode_0600_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    made = kept_authority(folder, ["api.example.com"], now)
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600
    assert kept_authority(folder, ["api.example.com"], now).fingerprint == made.fingerprint
    with pytest.raises(RecordFault, match="ca rotate"):
        kept_authority(folder, ["api.example.com", "new.example.org"], now)


@pytest.mark.parametrize("fault", ["mode", "garbage", "link"])
def test_an_unsafe_or_broken_key_is_refused(tmp_path: Path, fault: str) -> None:
    kept_authority(tmp_path / "g", ["api.example.com"], now)
    key = tmp_path / "g" / "ca.key"
    if fault == "mode":
        key.chmod(0o644)
    elif fault == "garbage":
        key.write_bytes(b"garbage")
    else:
        key.rename(tmp_path / "elsewhere")
        key.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreFault):
        Authority.loaded(tmp_path / "g", now)


def test_one_that_is_about_to_run_out_covers_nothing() -> None:
    at = [NOW]
    authority = Authority.made(["api.example.com"], lambda: at[0])
    assert authority.covers("api.example.com")
    at[0] += dt.timedelta(days=364, hours=1)
    assert not authority.covers("api.example.com")


def test_there_is_none_without_a_host() -> None:
    with pytest.raises(RecordFault):
        Authority.made([], now)
