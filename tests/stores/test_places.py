"""Where files go on each system, by an explicit environment."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores.deferred import local_store
from authrecord.stores.places import cache_file, config_folder, data_folder, key_file, state_folder
from tests.canary_watch import Canary

from .contract import ORDERS, plain_token


def test_linux_follows_the_xdg_specification() -> None:
    home = {"HOME": "/home/ada"}
    assert config_folder(home, "linux") == Path("/home/ada/.config/authrecord")
    assert data_folder(home, "linux") == "/home/ada/.local/share/authrecord"
    assert state_folder(home, "linux") == "/home/ada/.local/state/authrecord"
    assert config_folder({**home, "XDG_CONFIG_HOME": "/x"}, "linux") == Path("/x/authrecord")
    assert state_folder({**home, "XDG_STATE_HOME": "/x"}, "linux") == "/x/authrecord"
    assert data_folder({**home, "XDG_DATA_HOME": "relative"}, "linux") == "/home/ada/.local/share/authrecord"


def test_macos_and_windows_use_their_own_folders() -> None:
    mac = state_folder({"HOME": "/Users/ada"}, "darwin")
    assert mac == "/Users/ada/Library/Application Support/authrecord/state"
    windows = {"APPDATA": "/r", "LOCALAPPDATA": "/l"}
    assert config_folder(windows, "win32") == Path("/r/authrecord/config")
    assert data_folder(windows, "win32") == os.path.join("/l", "authrecord", "data")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_AUTHRECORD_HOME_overrides_everything(platform: str) -> None:
    environment = {"AUTHRECORD_HOME": "/own", "HOME": "/h", "XDG_STATE_HOME": "/x", "LOCALAPPDATA": "/l"}
    assert cache_file(environment, platform) == os.path.join("/own", "state", "tokens.sqlite")
    assert config_folder(environment, platform) == Path("/own/config")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_key_and_cache_never_share_a_folder(platform: str) -> None:
    for environment in ({"HOME": "/h", "USERPROFILE": "/h"}, {"AUTHRECORD_HOME": "/own"}):
        key, cache = Path(key_file(environment, platform)), Path(cache_file(environment, platform))
        assert key.parent not in cache.parents
        assert cache.parent not in key.parents


@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_no_home_is_a_typed_fault(environment: dict[str, str]) -> None:
    with pytest.raises(StoreFault) as caught:
        cache_file(environment, "linux")
    assert caught.value.code == "no_home"
    assert "AUTHRECORD_HOME" in caught.value.hint


def test_the_users_store_is_made_at_its_first_use(tmp_path: Path, canary: Canary) -> None:
    environment = {"AUTHRECORD_HOME": str(tmp_path / "own")}
    store = local_store(environment, time)
    store.close()
    assert not (tmp_path / "own").exists()
    token = plain_token(canary)
    saved = store.settle(store.claim(ORDERS, seconds=30, patience=0), token)
    store.release(store.claim(ORDERS, seconds=30, patience=0))
    store.close()
    again = local_store(environment, time)
    assert again.load(ORDERS) == saved
    again.forget(ORDERS)
    assert again.load(ORDERS) is None
    again.close()


def test_L2_the_users_cache_without_its_key_is_refused(tmp_path: Path) -> None:
    environment = {"AUTHRECORD_HOME": str(tmp_path)}
    store = local_store(environment, time)
    assert store.load(ORDERS) is None
    store.close()
    Path(key_file(environment)).unlink()
    with pytest.raises(StoreFault) as caught:
        local_store(environment, time).load(ORDERS)
    assert caught.value.code == "no_key"
    assert not Path(key_file(environment)).exists()
