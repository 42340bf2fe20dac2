"""Where files go on each system, by an explicit environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores.places import config_folder, data_folder, key_file, settings_file, store_file


def test_linux_follows_the_xdg_specification() -> None:
    home = {"HOME": "/home/ada"}
    assert config_folder(home, "linux") == Path("/home/ada/.config/authrecord")
    assert data_folder(home, "linux") == "/home/ada/.local/share/authrecord"
    assert config_folder({**home, "XDG_CONFIG_HOME": "/x"}, "linux") == Path("/x/authrecord")
    assert data_folder({**home, "XDG_DATA_HOME": "/x"}, "linux") == "/x/authrecord"
    assert data_folder({**home, "XDG_DATA_HOME": "relative"}, "linux") == "/home/ada/.local/share/authrecord"


def test_macos_and_windows_use_their_own_folders() -> None:
    mac = data_folder({"HOME": "/Users/ada"}, "darwin")
    assert mac == "/Users/ada/Library/Application Support/authrecord/data"
    windows = {"APPDATA": "/r", "LOCALAPPDATA": "/l"}
    assert config_folder(windows, "win32") == Path("/r/authrecord/config")
    assert data_folder(windows, "win32") == os.path.join("/l", "authrecord", "data")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_AUTHRECORD_HOME_overrides_everything(platform: str) -> None:
    environment = {"AUTHRECORD_HOME": "/own", "HOME": "/h", "XDG_DATA_HOME": "/x", "LOCALAPPDATA": "/l"}
    assert store_file(environment, platform) == os.path.join("/own", "data", "store.sqlite")
    assert settings_file(environment, platform) == os.path.join("/own", "config", "settings.toml")
    assert config_folder(environment, platform) == Path("/own/config")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_key_and_store_never_share_a_folder(platform: str) -> None:
    for environment in ({"HOME": "/h", "USERPROFILE": "/h"}, {"AUTHRECORD_HOME": "/own"}):
        key, store = Path(key_file(environment, platform)), Path(store_file(environment, platform))
        assert key.parent != store.parent


@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_no_home_is_a_typed_fault(environment: dict[str, str]) -> None:
    with pytest.raises(StoreFault) as caught:
        store_file(environment, "linux")
    assert caught.value.code == "no_home"
    assert "AUTHRECORD_HOME" in caught.value.hint
