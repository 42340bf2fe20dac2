"""The sources of the sealing key, and that none is silently replaced by another."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors
import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores.keys import default_key_source, hide_key, open_kek, sealing_key, shown_source
from authrecord.stores.sealing import SealingKey
from tests.canary_watch import Canary

BOUND = b"place"


def same(one: SealingKey, other: SealingKey) -> bool:
    return other.open(one.seal(b"plain", BOUND, os.urandom), BOUND) == b"plain"


def of_file(path: Path, cache: Path, *, make: bool = True) -> SealingKey:
    return sealing_key(f"file:{path}", environment={}, cache=str(cache), random=os.urandom if make else None)


def code_of(source: str, environment: dict[str, str] | None = None, cache: str = "/nowhere") -> str:
    with pytest.raises(StoreFault) as caught:
        sealing_key(source, environment=environment or {}, cache=cache, random=os.urandom)
    return caught.value.code


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "cache.key"


def test_a_key_file_is_made_once_for_its_owner_alone(key_path: Path, cache: Path) -> None:
    first = of_file(key_path, cache)
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_path.parent.stat().st_mode) == 0o700
    assert len(base64.b64decode(key_path.read_bytes())) == 32
    assert same(first, of_file(key_path, cache))


def test_two_processes_that_begin_together_have_one_key(key_path: Path, cache: Path) -> None:
    barrier = threading.Barrier(8)

    def first_use(_: int) -> SealingKey:
        barrier.wait()
        return of_file(key_path, cache)

    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(first_use, range(8)))
    assert all(same(keys[0], key) for key in keys)


def test_L2_a_missing_key_beside_a_cache_is_refused_and_not_made(key_path: Path, cache: Path) -> None:
    cache.parent.mkdir()
    cache.touch()
    assert code_of(f"file:{key_path}", cache=str(cache)) == "no_key"
    assert not key_path.exists()


def test_L2_a_missing_key_is_not_made_by_somebody_who_only_reads(key_path: Path, cache: Path) -> None:
    with pytest.raises(StoreFault):
        of_file(key_path, cache, make=False)
    assert not key_path.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", base64.b64encode(os.urandom(16)), b"not base64 !", base64.b64encode(bytes(32)),
     base64.b64encode(os.urandom(32)) + b"\n\n", os.urandom(32)],
)  # fmt: skip
def test_L3_a_bad_key_file_is_refused_and_kept(key_path: Path, cache: Path, content: bytes) -> None:
    key_path.parent.mkdir(mode=0o700)
    key_path.touch(0o600)
    key_path.write_bytes(content)
    assert code_of(f"file:{key_path}", cache=str(cache)) == "bad_key"
    assert key_path.read_bytes() == content


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_L3_one_newline_at_the_end_does_not_count(end: str) -> None:
    text = base64.b64encode(os.urandom(32)).decode()
    plain = sealing_key("env:KEY", environment={"KEY": text}, cache="")
    assert same(plain, sealing_key("env:KEY", environment={"KEY": text + end}, cache=""))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_K14_a_key_file_that_others_read_is_refused(key_path: Path, cache: Path, mode: int) -> None:
    of_file(key_path, cache)
    key_path.chmod(mode)
    assert code_of(f"file:{key_path}") == "unsafe_file"


def test_K14_a_key_file_behind_a_link_is_refused(key_path: Path, cache: Path, tmp_path: Path) -> None:
    of_file(key_path, cache)
    (tmp_path / "link").symlink_to(key_path)
    assert code_of(f"file:{tmp_path / 'link'}") == "unsafe_file"


def test_L2_an_unset_variable_is_refused() -> None:
    assert code_of("env:NOT_SET") == "no_key"


@pytest.mark.parametrize("source", ["", "file:", "file:relative", "vault:x", "env", "env: "])
def test_a_source_that_is_none_is_refused(source: str) -> None:
    assert code_of(source) == "key_source"


def test_P1_a_key_given_where_its_source_belongs_is_not_shown(canary: Canary) -> None:
    assert code_of(canary("the_key_itself")) == "key_source"
    assert code_of("env:KEY", {"KEY": canary("not_base64", "hard")}) == "bad_key"


def test_the_default_is_a_file_apart_from_the_cache() -> None:
    assert default_key_source({"AUTHRECORD_KEY": "env:KEY"}) == "env:KEY"
    source = default_key_source({"HOME": "/home/ada"})
    assert source == "file:/home/ada/.local/share/authrecord/keys/store.key"


class RealBackend(keyring.backend.KeyringBackend):
    """Stands in for the operating system's: it has that one's module name, and a dictionary."""

    priority = 1.0

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


class LockedBackend(RealBackend):
    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("locked")


@pytest.fixture(autouse=True)
def previous_keyring() -> Iterator[None]:
    """Leave the process's keyring as it was."""
    previous = keyring.get_keyring()
    yield
    keyring.set_keyring(previous)


def use(backend: keyring.backend.KeyringBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(backend), "__module__", "keyring.backends.SecretService")
    keyring.set_keyring(backend)


def test_a_keyring_entry_is_made_once(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    backend = RealBackend()
    use(backend, monkeypatch)
    first = sealing_key("keyring:authrecord/cache", environment={}, cache=str(cache), random=os.urandom)
    assert list(backend.entries) == [("authrecord", "cache")]
    assert same(first, sealing_key("keyring:authrecord/cache", environment={}, cache=str(cache)))


def test_L2_a_missing_keyring_entry_beside_a_cache_is_refused(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    backend = RealBackend()
    use(backend, monkeypatch)
    cache.parent.mkdir()
    cache.touch()
    assert code_of("keyring:authrecord/cache", cache=str(cache)) == "no_key"
    assert not backend.entries


def test_L13_a_backend_that_is_not_the_systems_is_refused() -> None:
    backend = RealBackend()
    failing = keyring.backends.fail.Keyring()  # type: ignore[no-untyped-call]  # the library has no type there
    for refused in (backend, failing):
        keyring.set_keyring(refused)
        assert code_of("keyring:authrecord/cache") == "key_source"
    assert not backend.entries


def test_L13_a_locked_keyring_says_so_and_names_the_other_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    use(LockedBackend(), monkeypatch)
    with pytest.raises(StoreFault, match="locked") as caught:
        sealing_key("keyring:authrecord/cache", environment={}, cache="", random=os.urandom)
    assert "file:" in caught.value.hint
    assert "env:" in caught.value.hint


@pytest.mark.parametrize("name", ["service", "/user", "service/", "ser\nvice/user"])
def test_D13_a_keyring_name_is_service_and_name(name: str) -> None:
    assert code_of(f"keyring:{name}") == "key_source"


def command(*words: str) -> str:
    return "command:" + json.dumps([sys.executable, "-c", *words])


def test_a_command_prints_the_key(canary: Canary) -> None:
    text = canary.watch(base64.b64encode(os.urandom(32)).decode(), "key")
    source = command("import os; print(os.environ['HOME'])")  # how a password manager finds itself
    assert same(
        sealing_key(source, environment={"HOME": text}, cache=""),
        sealing_key("env:KEY", environment={"KEY": text}, cache=""),
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("raise SystemExit(1)", "status 1"),
        ("while True: print('x' * 1000)", "4096 bytes"),
        ("print()", "empty"),
        ("print('no key')", "not base64"),
    ],
)
def test_L12_a_command_that_gives_no_key_is_refused(words: str, why: str) -> None:
    with pytest.raises(StoreFault, match=why):
        sealing_key(command(words), environment={}, cache="", random=os.urandom)


def test_L12_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authrecord.stores.commands.SECONDS", 0.2)
    with pytest.raises(StoreFault, match="did not end"):
        sealing_key(command("import time; time.sleep(60)"), environment={}, cache="")


def test_L12_what_a_command_says_on_standard_error_is_shown_nowhere(
    canary: Canary, capfd: pytest.CaptureFixture[str]
) -> None:
    said = canary("said by the command")
    source = command("import os, sys; sys.exit(os.environ['HOME'])")
    with pytest.raises(StoreFault, match="status 1"):
        sealing_key(source, environment={"HOME": said}, cache="")
    assert capfd.readouterr().err == ""


def test_P11_a_command_gets_a_bare_environment(canary: Canary) -> None:
    environment = {"AUTHRECORD_KEY": "env:KEY", "KEY": canary("the key"), "VAULT_TOKEN": canary("a token")}
    source = command(
        "import os; raise SystemExit(len({'KEY', 'VAULT_TOKEN', 'AUTHRECORD_KEY'} & {*os.environ}))"
    )
    with pytest.raises(StoreFault, match="empty"):  # it printed nothing, and ended with status 0
        sealing_key(source, environment=environment, cache="")


@pytest.mark.parametrize(
    "source", ["command:", "command:pass show x", "command:[]", 'command:["a", 1]', "command:{}"]
)
def test_L12_a_command_is_a_list_of_words(source: str) -> None:
    assert code_of(source) == "key_source"


def test_of_a_command_only_the_program_is_shown() -> None:
    source = 'command:["/bin/false", "an argument"]'
    assert shown_source(source) == "command:/bin/false"
    with pytest.raises(StoreFault, match="/bin/false") as caught:
        sealing_key(source, environment={}, cache="")
    assert "argument" not in str(caught.value)


def test_L13_each_source_that_fails_names_the_others() -> None:
    keyring.set_keyring(RealBackend())
    with pytest.raises(StoreFault) as caught:
        sealing_key("keyring:authrecord/key", environment={}, cache="", random=os.urandom)
    assert all(source in caught.value.hint for source in ("file:", "env:", "command:"))


def test_a_kek_of_each_kind_says_where_it_is(key_path: Path) -> None:
    kek = open_kek(f"file:{key_path}", environment={}, random=os.urandom)
    again = open_kek(f"file:{key_path}", environment={})
    assert kek.source == f"file:{key_path}"
    assert kek.identity == again.identity
    assert again.unwrap(kek.wrap(b"k", b"place"), b"place") == b"k"
    other = open_kek("vault-transit:https://vault.invalid:8200/transit/key", environment={})
    assert other.source == "vault-transit:https://vault.invalid:8200/transit/key"
    assert other.identity != kek.identity


def test_a_key_that_its_service_keeps_is_not_given_away() -> None:
    assert code_of("vault-transit:https://vault.invalid:8200/transit/key") == "key_source"


def test_P11_a_hidden_key_serves_this_process_and_no_other(
    monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    text = canary.watch(base64.b64encode(os.urandom(32)).decode(), "key")
    monkeypatch.setenv("AUTHRECORD_TEST_KEY", text)
    hide_key("env:AUTHRECORD_TEST_KEY", os.environ)
    assert "AUTHRECORD_TEST_KEY" not in os.environ
    for _ in range(2):
        found = sealing_key("env:AUTHRECORD_TEST_KEY", environment=os.environ, cache="")
        assert same(found, sealing_key("env:KEY", environment={"KEY": text}, cache=""))
    assert code_of("env:AUTHRECORD_TEST_KEY", {}) == "no_key"
    program = "import os; raise SystemExit('AUTHRECORD_TEST_KEY' in os.environ)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_P11_other_sources_hide_nothing() -> None:
    environment = {"file:KEY": "-", "KEY": "-"}
    for source in ("file:KEY", "env:OTHER", "KEY"):
        hide_key(source, environment)
    assert environment == {"file:KEY": "-", "KEY": "-"}
