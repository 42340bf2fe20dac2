"""A login that waits, as the store keeps it: JSON, which is sealed before it is written."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..core.secret import Secret
from ..grants.pending import PendingLogin
from ..keeper.naming import token_key
from ..record import Record


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """`paste`: the answer comes back by hand. `digest`, `binding`: of the record that it was begun with."""

    pending: PendingLogin
    paste: bool
    digest: str
    binding: str

    def belongs_to(self, record: Record) -> bool:
        """False when the record has changed in anything that its token, or the way of its code, depends on."""
        key = token_key(record)
        return (key.digest, key.binding) == (self.digest, self.binding)


def written(pending: PendingLogin, record: Record, *, paste: bool) -> bytes:
    """The login as it is kept. The address to open is not: it was opened."""
    key, verifier = token_key(record), pending.code_verifier
    kept = {
        "record": pending.record,
        "grant": pending.grant,
        "redirect_uri": pending.redirect_uri,
        "state": pending.state.reveal(),
        "verifier": None if verifier is None else verifier.reveal(),
        "issuer": pending.issuer,
        "must_answer": pending.issuer_must_answer,
        "authorization_url": pending.authorization_url.reveal().partition("?")[0],
        "began_at": pending.began_at,
        "paste": paste,
        "digest": key.digest,
        "binding": key.binding,
    }
    return json.dumps(kept).encode()


def read_pending(plain: bytes) -> KeptLogin:
    """What `written` wrote."""
    kept = json.loads(plain)
    pending = PendingLogin(
        record=kept["record"],
        grant=kept["grant"],
        authorization_url=Secret(kept["authorization_url"]),
        redirect_uri=kept["redirect_uri"],
        state=Secret(kept["state"]),
        code_verifier=None if kept["verifier"] is None else Secret(kept["verifier"]),
        issuer=kept["issuer"],
        issuer_must_answer=kept["must_answer"],
        began_at=kept["began_at"],
    )
    return KeptLogin(pending, kept["paste"], kept["digest"], kept["binding"])
