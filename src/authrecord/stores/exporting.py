"""Records, and tokens if they are asked for, as the bytes that go into a sealed export, and back.

The bytes are JSON in UTF-8, and exist inside the seal only (`passphrase`):

```
{"format": 1,
 "records": [ … as in a document, secrets revealed, references as they are … ],
 "tokens": [ {"name": "orders", "digest": "…", "binding": "…", "token": "<payload, base64>"} ]}
```

A refresh token must not live twice: two copies destroy each other's login (attack row I13). So tokens are left out
unless they are asked for by name, and whoever exports one hands it over: the store that it came from keeps the access
token until that ends, and has no refresh token any more (`hand_over`).
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..core.errors import StoreFault, TryLater
from ..core.faults import fault
from ..core.token import Token
from ..documents import Format, records_from, write
from ..keeper.naming import token_key
from ..keeper.ports import TokenKey, TokenStore
from ..record import Record
from .payload import read_token, written_token
from .sealing import DoesNotOpen
from .sql.audit import Entry, append
from .sql.tenancy import TenantStore

FORMAT: Final = 1
CLAIM_SECONDS: Final = 45.0
PATIENCE: Final = 30.0
TRIES: Final = 5
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Export:
    """What an export holds. `tokens`: each with the key of the record that it belongs to."""

    records: tuple[Record, ...]
    tokens: tuple[tuple[TokenKey, Token], ...] = field(default=(), repr=False)


def written_export(export: Export) -> bytes:
    """The bytes to be sealed. Raises `RecordFault` for a secret that would be read back as a reference."""
    document = json.loads(write(export.records, format=Format.JSON, reveal=True).text)
    tokens = [
        {
            "name": key.name,
            "digest": key.digest,
            "binding": key.binding,
            "token": b64encode(written_token(token)).decode(),
        }
        for key, token in export.tokens
    ]
    found = {"format": FORMAT, "records": document["records"], "tokens": tokens}
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")


def read_export(plain: bytes) -> Export:
    """What `written_export` wrote. Raises `StoreFault` (code `export_format`), `DocumentFault`."""
    try:
        data: Any = json.loads(plain)
        if data["format"] != FORMAT:
            raise StoreFault(
                "the export was written by a newer authrecord.", hint="Use that one.", code="export_format"
            )
        tokens = tuple(_token(one) for one in data["tokens"])
        documents = data["records"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        documents = None
        tokens = ()
    if not isinstance(documents, list):
        raise StoreFault(
            "the export opens, and is not what authrecord writes.",
            hint="Make it again, on the machine that it comes from.",
            code="export_format",
        )
    records = records_from({"records": documents}) if documents else ()
    known = {token_key(record) for record in records}
    return Export(records, tuple((key, token) for key, token in tokens if key in known))


def tokens_of(store: TokenStore, records: Iterable[Record]) -> tuple[tuple[TokenKey, Token], ...]:
    """What the store holds for these records now. Raises `StoreFault` (`tampered`) as `load` does."""
    keys = (token_key(record) for record in records)
    found = ((key, store.load(key)) for key in keys)
    return tuple((key, token) for key, token in found if token is not None)


def move_logins(
    store: TokenStore, records: Iterable[Record], write: Callable[[Export], None]
) -> tuple[str, ...]:
    """Export `records` with their tokens, and take the refresh tokens out of `store`; the names of those that moved.

    `write` puts an export on disk, in place of what it wrote before: it is called before a login leaves the store, so
    that whoever is killed in between has it in both places and not in none. Raises `TryLater` when tokens are renewed
    again and again meanwhile, and as `hand_over` does.
    """
    records = tuple(records)
    tokens = tokens_of(store, records)
    for _ in range(TRIES):
        write(Export(records, tokens))
        handed = [hand_over(store, key, token) for key, token in tokens]
        if all(handed):
            return tuple(key.name for key, token in tokens if token.refresh_token is not None)
        newer = (
            (key, token if is_handed else store.load(key))
            for (key, token), is_handed in zip(tokens, handed, strict=True)
        )
        tokens = tuple((key, token) for key, token in newer if token is not None)
    raise TryLater(
        "tokens were renewed again and again, and the export does not hold the newest of each.",
        hint="What it does not hold is here still. Try again, with another file.",
        code="store_busy",
    )


def tell_export(store: TenantStore, records: Iterable[Record], how: str) -> None:
    """Write down in the audit log that each of `records` is exported; before it is. `how`: in a few words."""
    named = list(records)
    for start in range(0, len(named), BATCH):
        with store.backend.writing() as transaction:
            for record in named[start : start + BATCH]:
                origin = " ".join(record.allowed_origins)
                entry = Entry("record.export", "ok", name=record.name, origin=origin, detail=how)
                append(transaction, store.vault, store.tenant, store.actor, entry)
            fault("export.before_commit")
        fault("export.after_commit")


def hand_over(store: TokenStore, key: TokenKey, exported: Token) -> bool:
    """Take the refresh token out of the store, after it was exported; `False` when it was renewed meanwhile.

    Then the exported one is stale: export again. Nobody renews while this is done. A token without a refresh token
    stays as it is. Raises `TryLater`, `StoreFault` as `TokenStore.claim` does.
    """
    if exported.refresh_token is None:
        return True
    claim = store.claim(key, seconds=CLAIM_SECONDS, patience=PATIENCE)
    token = claim.token
    if token is None or token.refresh_token is None or token.refresh_token != exported.refresh_token:
        store.release(claim)
        return token is None or token.refresh_token is None
    return store.settle(claim, replace(token, refresh_token=None)) is not None


def take_in(store: TokenStore, key: TokenKey, token: Token) -> bool:
    """Put an exported token into the store, unless it has one that may be renewed. Raises as `claim` does."""
    claim = store.claim(key, seconds=CLAIM_SECONDS, patience=PATIENCE)
    if claim.token is not None and claim.token.refresh_token is not None:
        store.release(claim)
        return False
    return store.settle(claim, token) is not None


def _token(data: Any) -> tuple[TokenKey, Token]:
    key = TokenKey(str(data["name"]), str(data["digest"]), str(data["binding"]))
    try:
        return key, read_token(b64decode(data["token"], validate=True), 0)
    except DoesNotOpen:
        raise ValueError("a token of another format") from None
