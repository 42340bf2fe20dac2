"""Where the key comes from that wraps all others (the KEK). One source, and no fall-back to another.

```
file:/path                     32 bytes in base64, mode 0600
keyring:service/name           the same in the operating system's keyring
env:NAME                       the same in a variable
command:["program", "word"]    the same, printed by a command: no shell, 10 seconds, 4 KiB
vault-transit:https://host:8200/transit/name    a key that never leaves HashiCorp Vault or OpenBao
```

A key that does not exist yet is made, once, in a file or a keyring; but never when a store is already there: it was
sealed by a key that is missing now, and a fresh one would hide that (attack rows L1 to L3, L13).
"""

from __future__ import annotations

import os
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping, MutableMapping

from . import places
from .private_files import make_folder, read, refuse_unsafe, unusable, write_new
from .sealing import KEY_BYTES, Random, SealingKey, bad_key

TYPE_CHECKING = False  # as `typing` has it; importing that costs 6 ms
if TYPE_CHECKING:
    from typing import Final

    from ..core.errors import StoreFault
    from .kek import Kek

KEY_VARIABLE: Final = "AUTHRECORD_KEY"
"""The setting that names the source of the key. It holds a source, never the key itself."""

_MOST_BYTES: Final = 4096
LOCAL: Final = ("file", "keyring", "env", "command")
"""The sources that give the key itself."""

TRANSIT: Final = "vault-transit"

_hidden: Final[dict[str, Callable[[], str]]] = {}

SOURCES: Final = (
    'file:/path, keyring:service/name, env:NAME, command:["program", …] or vault-transit:https://…'
)


def default_key_source(environment: Mapping[str, str]) -> str:
    """The source in `AUTHRECORD_KEY`, or else the key file in the user's data folder. Raises `StoreFault`."""
    return environment.get(KEY_VARIABLE, "") or f"file:{places.key_file(environment)}"


def open_kek(
    source: str, *, environment: Mapping[str, str], cache: str = "", random: Random | None = None
) -> Kek:
    """The key-encryption key of `source`, whichever kind it is. See `sealing_key`, which it raises as.

    `random`: makes the key of a file or keyring that has none, unless the file `cache` exists.
    """
    scheme, argument = split_source(source)
    if scheme == TRANSIT:
        from .transit import TransitKek

        return TransitKek(argument, environment)
    from .kek import LocalKek

    key = sealing_key(source, environment=environment, cache=cache, random=random)
    return LocalKek(key, shown_source(source), os.urandom)


def sealing_key(
    source: str, *, environment: Mapping[str, str], cache: str, random: Random | None = None
) -> SealingKey:
    """The key of a `LOCAL` source. With `random` given it is made where there is none, unless `cache` exists.

    Raises `StoreFault`: code `key_source` for a source that cannot be read, `bad_key` for a key that is none,
    `no_key` when it is missing, `unsafe_file` when its file may be known to others.
    """
    scheme, argument = split_source(source)
    if scheme == "file":
        return _from_file(argument, cache, random)
    if scheme == "env":
        return _decoded(_from_environment(argument, environment), f"the variable {argument}")
    if scheme == "keyring":
        return _from_keyring(argument, cache, random)
    if scheme == "command":
        return _from_command(argument, environment)
    raise _fault(
        f"{scheme} does not give its key away.", hint="Use it as the store's key.", code="key_source"
    )


def split_source(source: str) -> tuple[str, str]:
    """Scheme and argument. Raises `StoreFault` (code `key_source`) for what is no source."""
    scheme, colon, argument = source.partition(":")
    if colon and scheme in (*LOCAL, TRANSIT) and argument.strip():
        return scheme, argument
    # The text is not shown: somebody may have set the key itself here.
    raise _fault(
        f"the source of the key is not one of {SOURCES}.",
        hint=f"Set {KEY_VARIABLE}, or `key` in settings.toml, to one of these.",
        code="key_source",
    )


def shown_source(source: str) -> str:
    """`source` as it may be shown and written down: of a command only the program."""
    scheme, argument = split_source(source)
    if scheme != "command":
        return source
    return f"command:{_words(argument)[0]}"


def hide_key(source: str, environment: MutableMapping[str, str]) -> None:
    """Take the key of a source `env:NAME` out of the process's `environment`, and remember it for `variable`.

    Programs that this one starts do not get it then (attack row P11). The kernel's own copy, which
    `/proc/self/environ` shows to the same user, stays.
    """
    name = source.removeprefix("env:")
    if name != source and name in environment:
        value = environment.pop(name)
        _hidden[name] = lambda: value


def variable(name: str, environment: Mapping[str, str]) -> str | None:
    """The variable in `environment`, one that `hide_key` took out of the process's own included."""
    value = environment.get(name)
    if value is None and name in _hidden and environment is os.environ:
        return _hidden[name]()
    return value


def _from_environment(name: str, environment: Mapping[str, str]) -> str:
    value = variable(name, environment)
    if value is None:
        raise _fault(f"the key's variable {name} is not set.", hint=f"Set {name} to the key.", code="no_key")
    return value


def _from_file(path: str, cache: str, random: Random | None) -> SealingKey:
    if not os.path.isabs(path):
        raise _fault(
            "the key file is not an absolute path.", hint="Write file:/path/to/key.", code="key_source"
        )
    try:
        return _decoded(_read_key_file(path), path)
    except FileNotFoundError:
        pass  # then it is made below, where it may be
    if random is None:
        raise _missing(path)
    make_folder(os.path.dirname(path))
    refuse_unsafe(path)
    from .locks import locked

    try:
        with locked(path + ".lock"):
            if not os.path.lexists(path):
                _refuse_beside_cache(path, cache)
                write_new(path, b2a_base64(random(KEY_BYTES)))
    except OSError as error:
        raise unusable(path, error) from None
    return _decoded(_read_key_file(path), path)


def _read_key_file(path: str) -> str:
    """The text of the key file. Raises `FileNotFoundError`, else `StoreFault`."""
    try:
        data = read(path, _MOST_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unusable(path, error) from None
    return data.decode("latin-1")


def _from_keyring(name: str, cache: str, random: Random | None) -> SealingKey:
    from .keyrings import OTHER_SOURCES, KeyringUnusable, get, put

    where = f"the keyring entry {name}"
    try:
        value = get(name)
        if value is None:
            if random is None:
                raise _missing(where)
            _refuse_beside_cache(where, cache)
            put(name, b2a_base64(random(KEY_BYTES), newline=False).decode())
            value = get(name)  # what is kept counts: another process may have written at the same moment
    except KeyringUnusable as error:
        raise _fault(f"{error}.", hint=OTHER_SOURCES, code="key_source") from None
    return _decoded(value or "", where)


def _from_command(argument: str, environment: Mapping[str, str]) -> SealingKey:
    from .commands import CommandFailed, output_of

    words = _words(argument)
    where = f"the command {words[0]}"
    try:
        output = output_of(words, environment=environment, folder=os.path.abspath(os.sep))
    except CommandFailed as error:
        raise _fault(
            f"{where}, which prints the key, {error}.", hint="Run it by hand and look.", code="key_source"
        ) from None
    return _decoded(output.decode("latin-1"), where)


def _words(argument: str) -> list[str]:
    """Program and arguments from their JSON list: nothing is split at blanks, so that nothing needs quoting."""
    import json

    try:
        words = json.loads(argument)
    except ValueError:
        words = None
    if isinstance(words, list) and words and all(isinstance(word, str) and word for word in words):
        return words
    raise _fault(
        "the command that prints the key is not a JSON list of words.",
        hint='Write it as command:["pass", "show", "authrecord"].',
        code="key_source",
    )


def _decoded(text: str, where: str) -> SealingKey:
    """The key that `text` holds in base64; one newline at its end does not count (L3)."""
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise bad_key(f"{where} is empty")
    try:
        value = a2b_base64(text, strict_mode=True)
    except (NotBase64, ValueError):
        raise bad_key(f"{where} is not base64") from None
    return SealingKey(value)


def _refuse_beside_cache(where: str, cache: str) -> None:
    if os.path.lexists(cache):
        raise _missing(where, f", but the tokens in {cache} were sealed with it")


def _missing(where: str, why: str = "") -> StoreFault:
    return _fault(
        f"there is no key: {where} does not exist{why}.",
        hint="Bring the key back; or delete the sealed tokens and log in again.",
        code="no_key",
    )


def _fault(message: str, *, hint: str, code: str) -> StoreFault:
    from ..core.errors import StoreFault

    return StoreFault(message, hint=hint, code=code)
