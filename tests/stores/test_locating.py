"""A server's URL as the store: which are taken, and where its API token may be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores.locating import located, place_of
from tests.canary_watch import Canary

HOME = {"AUTHRECORD_HOME": "/nowhere"}
TOKEN = "AUTHRECORD_API_TOKEN"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://AUTH.example.com:443/", "https://auth.example.com"),
        ("https://auth.example.com:8642", "https://auth.example.com:8642"),
        ("http://127.0.0.1:8642", "http://127.0.0.1:8642"),
        ("http://localhost:8642/", "http://localhost:8642"),
        ("http://[::1]:8642", "http://[::1]:8642"),
    ],
)
def test_a_server_is_named_by_its_origin(url: str, origin: str) -> None:
    found = located({**HOME, "AUTHRECORD_STORE": url})
    assert (found.url, found.path, found.is_server, found.is_named) == (origin, "", True, True)
    assert place_of(found) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.example.com",
        "http://10.0.0.1:8642",
        "http://127.0.0.1.evil.example",
        "https://auth.example.com/api",
        "https://auth.example.com?a=b",
        "https://auth.example.com#a",
        "https://auth.example.com\\@evil.example",
        "https://",
        "https://127.1",
        "HTTPS://auth.example.com",
        "ftp://auth.example.com",
    ],
)
def test_D8_D9_what_is_no_origin_over_tls_is_refused(url: str) -> None:
    with pytest.raises(StoreFault) as caught:
        located({**HOME, "AUTHRECORD_STORE": url})
    assert caught.value.code == "store_url"


def test_D8_a_password_in_the_url_is_refused_and_not_shown(canary: Canary) -> None:
    url = f"https://ada:{canary('password')}@auth.example.com"
    for given in ({**HOME, "AUTHRECORD_STORE": url}, HOME):
        with pytest.raises(StoreFault) as caught:
            located(given, url="" if "AUTHRECORD_STORE" in given else url)
        assert caught.value.code == "store_url"
        canary.scan(str(caught.value), "fault")


def test_the_api_token_is_named_by_its_source_and_never_held(canary: Canary) -> None:
    assert located(HOME).api_token == f"env:{TOKEN}"
    assert located({**HOME, TOKEN: "ar_" + canary("API token")}).api_token == f"env:{TOKEN}"
    assert located({**HOME, TOKEN: "keyring:authrecord/api"}).api_token == "keyring:authrecord/api"


def test_the_settings_file_names_a_source_and_the_variable_is_louder(tmp_path: Path, canary: Canary) -> None:
    settings = tmp_path / "config" / "settings.toml"
    settings.parent.mkdir()
    settings.write_text('store = "https://auth.example.com"\napi_token = "file:/run/secrets/authrecord"\n')
    home = {"AUTHRECORD_HOME": str(tmp_path)}
    found = located(home)
    assert (found.url, found.api_token) == ("https://auth.example.com", "file:/run/secrets/authrecord")
    assert located({**home, TOKEN: "ar_" + canary("API token")}).api_token == f"env:{TOKEN}"


def test_P1_the_settings_file_holds_no_api_token(tmp_path: Path, canary: Canary) -> None:
    secret = canary("API token")
    settings = tmp_path / "config" / "settings.toml"
    settings.parent.mkdir()
    settings.write_text(f'api_token = "ar_{secret}"\n')
    canary.allow(secret, sink="file:settings.toml")
    with pytest.raises(StoreFault) as caught:
        located({"AUTHRECORD_HOME": str(tmp_path)})
    assert caught.value.code == "settings"
    assert secret not in str(caught.value)
