"""Seals a file with a passphrase: Argon2id (RFC 9106) makes the key, AES-256-GCM seals. Attack row L15.

The file is text. Its first line says how it was sealed and is bound to what follows; the rest is base64:

```
authrecord-export 1 argon2id m=65536 t=3 p=4 salt=<16 bytes, base64> nonce=<12 bytes, base64>
<ciphertext and its tag of 16 bytes, base64, in lines of 76 characters>
```

`m` is in KiB. The key has 32 bytes; the associated data are the first line without its line end. The passphrase is
UTF-8 in Unicode's form NFC, so that two keyboards give the same bytes.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final

from ..core.errors import RecordFault, StoreFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.secret import Secret

VERSION: Final = 1
MEMORY: Final = 64 * 1024
"""KiB; with 3 rounds and 4 lanes it takes about a quarter of a second, and who guesses as much for each guess."""
ROUNDS: Final = 3
LANES: Final = 4

MOST_MEMORY: Final = 1024 * 1024
MOST_ROUNDS: Final = 16
MOST_LANES: Final = 16
"""What a file may ask for: more would be an attack on the memory of whoever opens it."""

SHORTEST: Final = 10
"""Characters of a passphrase; fewer are guessed, whatever Argon2id costs."""

_BEGINNING: Final = b"authrecord-export "
_HEAD: Final = re.compile(
    r"authrecord-export (\d{1,4}) argon2id m=(\d{1,8}) t=(\d{1,4}) p=(\d{1,4})"
    r" salt=([A-Za-z0-9+/]{22}==) nonce=([A-Za-z0-9+/]{16})"
)
_LONGEST_HEAD: Final = 200
_LINE: Final = 76
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


def is_sealed_file(data: bytes) -> bool:
    """True when `data`, or its beginning, is that of a file that was sealed here."""
    return data.startswith(_BEGINNING)


def refuse_weak(passphrase: Secret) -> None:
    """Raises `RecordFault` (code `passphrase`) for one that is too short, before anything is done with it."""
    if len(_normal(passphrase)) < SHORTEST:
        raise RecordFault(
            f"a passphrase has {SHORTEST} characters at least.", hint="Take several words.", code="passphrase"
        )


def seal_file(plain: bytes, passphrase: Secret, random: Callable[[int], bytes]) -> bytes:
    """The file's bytes. Raises `RecordFault` (code `passphrase`) for a passphrase that is too short."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    refuse_weak(passphrase)
    salt, nonce = random(_SALT_BYTES), random(_NONCE_BYTES)
    head = (
        f"authrecord-export {VERSION} argon2id m={MEMORY} t={ROUNDS} p={LANES}"
        f" salt={b64encode(salt).decode()} nonce={b64encode(nonce).decode()}"
    ).encode()
    key = _key(passphrase, salt, MEMORY, ROUNDS, LANES)
    body = b64encode(AESGCM(key).encrypt(nonce, plain, head))
    lines = [body[start : start + _LINE] for start in range(0, len(body), _LINE)]
    return b"\n".join([head, *lines, b""])


def open_file(data: bytes, passphrase: Secret) -> bytes:
    """What was sealed. Raises `StoreFault`.

    Its code is `export_format` for what is no such file or of a newer version, and `passphrase` when it does not
    open: that the passphrase is another one, or the file was changed, cannot be told apart.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head, _, body = data.partition(b"\n")
    head = head.removesuffix(b"\r")
    found = _HEAD.fullmatch(head[:_LONGEST_HEAD].decode("ascii", "replace"))
    if found is None:
        raise _no_export("its first line is not that of an export")
    version, memory, rounds, lanes = (int(one) for one in found.groups()[:4])
    if version != VERSION:
        raise StoreFault(
            f"the export has version {version}, and this authrecord reads version {VERSION}.",
            hint="Use a newer authrecord.",
            code="export_format",
        )
    if not (8 * lanes <= memory <= MOST_MEMORY and 1 <= rounds <= MOST_ROUNDS and 1 <= lanes <= MOST_LANES):
        raise _no_export("it asks for more memory or time than an export needs")
    salt, nonce = b64decode(found[5]), b64decode(found[6])
    try:
        sealed = b64decode(b"".join(body.split()), validate=True)
    except ValueError:
        raise _no_export("it is not base64 below its first line") from None
    key = _key(passphrase, salt, memory, rounds, lanes)
    try:
        return AESGCM(key).decrypt(nonce, sealed, head)
    except InvalidTag:
        pass  # said below, outside of this block
    raise StoreFault(
        "the export does not open: the passphrase is another one, or the file was changed.",
        hint="Type the passphrase that it was made with, or bring the whole file again.",
        code="passphrase",
    )


def _key(passphrase: Secret, salt: bytes, memory: int, rounds: int, lanes: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    kdf = Argon2id(salt=salt, length=_KEY_BYTES, iterations=rounds, lanes=lanes, memory_cost=memory)
    return kdf.derive(_normal(passphrase).encode("utf-8", "surrogatepass"))


def _normal(passphrase: Secret) -> str:
    return unicodedata.normalize("NFC", passphrase.reveal())


def _no_export(why: str) -> StoreFault:
    return StoreFault(
        f"this is not a sealed export of authrecord: {why}.",
        hint="Bring the whole file again.",
        code="export_format",
    )
