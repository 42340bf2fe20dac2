"""A file sealed with a passphrase opens with it alone, whole or not at all, and asks for no more than it needs."""

from __future__ import annotations

import os
import unicodedata
from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from authrecord.core.errors import AuthrecordError
from authrecord.core.secret import Secret
from authrecord.stores import passphrase
from authrecord.stores.passphrase import is_sealed_file, open_file, seal_file
from tests.canary_watch import Canary

PLAIN = b"plain text of the export " * 20


@pytest.fixture
def phrase(canary: Canary) -> Secret:
    return Secret(canary("passphrase", "hard"))


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """As strong as a test needs."""
    monkeypatch.setattr(passphrase, "MEMORY", 64)
    monkeypatch.setattr(passphrase, "ROUNDS", 1)
    monkeypatch.setattr(passphrase, "LANES", 1)


def code_of(data: bytes, phrase: Secret) -> str:
    with pytest.raises(AuthrecordError) as caught:
        open_file(data, phrase)
    return caught.value.code


def test_L15_what_was_sealed_opens_with_its_passphrase(phrase: Secret, canary: Canary) -> None:
    secret = canary("client secret", "hard")
    data = seal_file(secret.encode(), phrase, os.urandom)
    assert is_sealed_file(data)
    canary.scan(data, "the file")
    assert open_file(data, phrase) == secret.encode()
    assert code_of(data, Secret(canary("another passphrase"))) == "passphrase"


def test_L15_the_file_is_what_the_page_says(phrase: Secret) -> None:
    """Opened here by the library alone, from the first line and RFC 9106's function."""
    head, *lines = seal_file(PLAIN, phrase, os.urandom).split(b"\n")
    words = dict(word.split("=", 1) for word in head.decode().split(" ")[3:])
    assert head.startswith(b"authrecord-export 1 argon2id m=65536 t=3 p=4 salt=")
    assert max(len(line) for line in lines) == 76
    key = Argon2id(
        salt=b64decode(words["salt"]),
        length=32,
        iterations=int(words["t"]),
        lanes=int(words["p"]),
        memory_cost=int(words["m"]),
    ).derive(phrase.reveal().encode())
    assert AESGCM(key).decrypt(b64decode(words["nonce"]), b64decode(b"".join(lines)), head) == PLAIN


@pytest.mark.usefixtures("cheap")
def test_L15_every_changed_character_is_found(phrase: Secret) -> None:
    data = seal_file(b"plain", phrase, os.urandom)
    for position, byte in enumerate(data[:-1]):
        changed = bytearray(data)
        changed[position] = ord("A") if byte != ord("A") else ord("B")
        if changed[position : position + 1].isspace() or bytes([byte]).isspace():
            continue
        assert code_of(bytes(changed), phrase) in ("passphrase", "export_format")
    assert code_of(data[:-9], phrase) in ("passphrase", "export_format")


@pytest.mark.usefixtures("cheap")
def test_a_mail_program_may_break_the_lines_anew(phrase: Secret) -> None:
    data = seal_file(PLAIN, phrase, os.urandom)
    head, _, body = data.partition(b"\n")
    assert open_file(head + b"\r\n" + body.replace(b"\n", b"\r\n"), phrase) == PLAIN
    assert open_file(head + b"\n" + b"".join(body.split()), phrase) == PLAIN


@pytest.mark.usefixtures("cheap")
def test_two_keyboards_give_one_passphrase(canary: Canary) -> None:
    written = canary("passphrase") + "é ü"
    data = seal_file(PLAIN, Secret(unicodedata.normalize("NFD", written)), os.urandom)
    assert open_file(data, Secret(unicodedata.normalize("NFC", written))) == PLAIN


@pytest.mark.parametrize(
    "cost",
    [
        "m=99999999 t=3 p=4",
        "m=65536 t=9999 p=4",
        "m=65536 t=3 p=9999",
        "m=65536 t=0 p=4",
        "m=8 t=3 p=4",
        "m=0 t=1 p=0",
    ],
)
def test_L15_a_file_that_asks_for_too_much_is_refused_before_it_is_given(cost: str, phrase: Secret) -> None:
    data = seal_file(PLAIN, phrase, os.urandom).replace(b"m=65536 t=3 p=4", cost.encode())
    assert code_of(data, phrase) == "export_format"


@pytest.mark.parametrize(
    "data",
    [b"", b"records: []", b"authrecord-export ", b"authrecord-export 1 scrypt m=1\nAAAA", b"\xff" * 300],
)
def test_what_is_no_export_is_said_to_be_none(data: bytes, phrase: Secret) -> None:
    assert code_of(data, phrase) == "export_format"


@pytest.mark.usefixtures("cheap")
def test_L8_a_newer_version_says_so(phrase: Secret) -> None:
    data = seal_file(PLAIN, phrase, os.urandom).replace(b"authrecord-export 1 ", b"authrecord-export 2 ")
    with pytest.raises(AuthrecordError, match="version 2"):
        open_file(data, phrase)


@pytest.mark.parametrize("short", ["", "123456789"])
def test_a_short_passphrase_is_refused(short: str) -> None:
    with pytest.raises(AuthrecordError) as caught:
        seal_file(PLAIN, Secret(short), os.urandom)
    assert caught.value.code == "passphrase"


@pytest.mark.usefixtures("cheap")
def test_L16_no_salt_or_nonce_is_used_twice(phrase: Secret) -> None:
    heads = {seal_file(b"", phrase, os.urandom).split(b"\n")[0] for _ in range(50)}
    assert len(heads) == 50
