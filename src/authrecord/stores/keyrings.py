"""The operating system's keyring, through the package `keyring` (extra `keyring`), and only a real one.

`keyring` falls back by itself to whatever is installed, plaintext files included; here only the backends that
belong to an operating system are used, and nothing is ever tried in their place (attack row L13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

REAL_BACKENDS: Final = (
    "keyring.backends.SecretService",
    "keyring.backends.libsecret",
    "keyring.backends.kwallet",
    "keyring.backends.macOS",
    "keyring.backends.Windows",
)
"""The modules of the backends that are used."""

OTHER_SOURCES: Final = (
    "Use ${env:NAME}, ${file:path} or ${command:…} (for the key: file:, env: or command:) instead."
)


class KeyringUnusable(Exception):
    """There is no keyring here that may be used, or it did not answer. The text is fit to be shown."""


def split_name(name: str) -> tuple[str, str]:
    """`service/name` in its two parts. Raises `KeyringUnusable` for anything else."""
    service, slash, user = name.partition("/")
    if not slash or not service or not user or any(character < " " for character in name):
        raise KeyringUnusable("a keyring entry is written service/name")
    return service, user


def get(name: str) -> str | None:
    """The entry `service/name`, or `None` when the keyring has none. Raises `KeyringUnusable`."""
    service, user = split_name(name)
    backend = _real_backend()
    from keyring.errors import KeyringError

    try:
        return backend.get_password(service, user)
    except KeyringError as error:
        raise KeyringUnusable(f"the keyring did not answer ({type(error).__name__}); is it locked?") from None


def put(name: str, value: str) -> None:
    """Write the entry `service/name`. Raises `KeyringUnusable`."""
    service, user = split_name(name)
    backend = _real_backend()
    from keyring.errors import KeyringError

    try:
        backend.set_password(service, user, value)
    except KeyringError as error:
        raise KeyringUnusable(f"the keyring took no entry ({type(error).__name__}); is it locked?") from None


def _real_backend() -> KeyringBackend:
    try:
        import keyring
        from keyring.backends.chainer import ChainerBackend
    except ImportError:
        raise KeyringUnusable("the package keyring is missing: pip install 'authrecord[keyring]'") from None
    chosen = keyring.get_keyring()
    candidates = list(chosen.backends) if isinstance(chosen, ChainerBackend) else [chosen]
    for backend in candidates:
        if type(backend).__module__ in REAL_BACKENDS:
            return backend
    raise KeyringUnusable("this machine has no keyring of the operating system that can be used")
