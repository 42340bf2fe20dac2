"""Checkpoints: where a tenant's audit log ended at a moment, signed, to be kept where the database is not.

One is a line of JSON. Without such a copy outside nobody can see that the newest rows were cut off, or that the
whole log was put back to an older state (attack row N14).
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ...core.errors import RecordFault
from .audit import BEGINNING, Keyed
from .backend import Transaction

VERSION: Final = 1
MOST_LINE: Final = 4096
"""Characters of one line of a file of checkpoints."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of a tenant's log. `at`: when it was looked at, UTC seconds. `signature`: keyed, over all the rest."""

    tenant: str
    seq: int
    hash: bytes
    at: float
    signature: bytes = b""

    def line(self) -> str:
        """One line of JSON in ASCII, without the line break."""
        told = {
            "authrecord_checkpoint": VERSION,
            "tenant": self.tenant,
            "seq": self.seq,
            "hash": self.hash.hex(),
            "at": self.at,
            "signature": self.signature.hex(),
        }
        return json.dumps(told, ensure_ascii=True)

    def canonical(self) -> bytes:
        """What the signature is over."""
        parts = [VERSION, self.tenant, self.seq, self.hash.hex(), self.at]
        return json.dumps(parts, separators=(",", ":"), ensure_ascii=True).encode()


def checkpoint(transaction: Transaction, vault: Keyed, tenant: str) -> Checkpoint:
    """The end of the log as it stands. Reads two rows; it does not check the chain, which `verify` does."""
    head = transaction.row("SELECT seq, hash FROM audit_heads WHERE tenant = ?", (tenant,))
    seq, digest = (int(head[0]), bytes(head[1])) if head is not None else (0, BEGINNING)
    unsigned = Checkpoint(tenant, seq, digest, transaction.now())
    return Checkpoint(tenant, seq, digest, unsigned.at, _signature(transaction, vault, unsigned))


def is_genuine(transaction: Transaction, vault: Keyed, one: Checkpoint) -> bool:
    """True when this store's key signed it."""
    return hmac.compare_digest(_signature(transaction, vault, one), one.signature)


def read_checkpoints(lines: Iterable[str], source: str) -> Iterator[Checkpoint]:
    """The checkpoints in a file; lines that are none of ours, such as those of other programs, are passed over.

    Raises `RecordFault` (code `checkpoint`) for one that is broken. `source`: names the file in the error.
    """
    for number, line in enumerate(lines, 1):
        start = line.find('{"authrecord_checkpoint"')
        if start < 0:  # a collected standard output has other lines, and perhaps a time before ours
            continue
        found = _read(line[start:])
        if found is None:
            raise RecordFault(
                f"{source}, line {number}: this checkpoint cannot be read.",
                hint="Take the file as `authrecord audit checkpoint` wrote it.",
                code="checkpoint",
            )
        yield found


def _read(text: str) -> Checkpoint | None:
    if len(text) > MOST_LINE:
        return None
    try:
        told: Any = json.loads(text)
        if told["authrecord_checkpoint"] != VERSION or type(told["seq"]) is not int:
            return None
        return Checkpoint(
            str(told["tenant"]),
            told["seq"],
            bytes.fromhex(told["hash"]),
            float(told["at"]),
            bytes.fromhex(told["signature"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _signature(transaction: Transaction, vault: Keyed, one: Checkpoint) -> bytes:
    return vault.keyed(transaction, one.tenant, "checkpoint", one.canonical())
