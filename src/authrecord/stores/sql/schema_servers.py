"""The third migration: what several `authrecord serve` share, and who comes in by another provider. See `schema`."""

from __future__ import annotations

from typing import Final

THIRD: Final = """
CREATE INDEX claims_held ON claims (tenant, name) WHERE holder <> '';
CREATE TABLE failures (
    id TEXT PRIMARY KEY, whose {bytes} NOT NULL, at {float} NOT NULL
);
CREATE INDEX failures_by_whose ON failures (whose, at);
CREATE TABLE identities (
    issuer TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, person TEXT NOT NULL, made_at {float} NOT NULL,
    PRIMARY KEY (issuer, kind, value)
);
CREATE INDEX identities_by_person ON identities (person)
"""
"""`claims_held`: the few claims that somebody has, for the state "renewing".

`failures.whose`: SHA-256 of a name or an address that gave a wrong password; a row lives a quarter of an hour.
`identities.kind`: `subject`, whom a provider calls so; or `email`, somebody who was invited and has not come yet.
"""
