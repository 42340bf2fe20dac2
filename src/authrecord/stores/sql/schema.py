"""The tables, as numbered migrations: one transaction each, the same text for both databases.

`{bytes}`, `{float}`, `{integer}` and `{name}` (text whose order is that of its bytes) stand for the database's own
names of those types. A migration that was released is never changed; a new one is added at the end. Each says which
programs can go on beside it: those that know at least the version `works_with` (attack rows K13, K17).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .schema_people import SECOND
from .schema_servers import THIRD

FIRST: Final = """
CREATE TABLE meta (
    name TEXT PRIMARY KEY, value TEXT NOT NULL
);
CREATE TABLE tenants (
    id TEXT PRIMARY KEY, label TEXT NOT NULL, active_key {integer} NOT NULL, created_at {float} NOT NULL
);
CREATE TABLE keks (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, key_check {bytes} NOT NULL, created_at {float} NOT NULL
);
CREATE TABLE tenant_keys (
    tenant TEXT NOT NULL, purpose TEXT NOT NULL, version {integer} NOT NULL, kek TEXT NOT NULL,
    wrapped {bytes} NOT NULL, state TEXT NOT NULL, created_at {float} NOT NULL, changed_at {float} NOT NULL,
    PRIMARY KEY (tenant, purpose, version, kek)
);
CREATE TABLE records (
    tenant TEXT NOT NULL, id TEXT NOT NULL, name {name} NOT NULL, revision {integer} NOT NULL,
    auth_type TEXT NOT NULL, grant_type TEXT NOT NULL, config TEXT NOT NULL, tags TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, live_until {float}, renew_at {float}, used_at {float},
    lookup {bytes}, keep_by TEXT NOT NULL, keep_until {float} NOT NULL,
    created_at {float} NOT NULL, created_by TEXT NOT NULL, updated_at {float} NOT NULL, updated_by TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX records_by_name ON records (tenant, name);
CREATE INDEX records_by_type ON records (tenant, auth_type, name);
CREATE INDEX records_by_grant ON records (tenant, grant_type, name);
CREATE INDEX records_by_state ON records (tenant, state, name);
CREATE INDEX records_to_renew ON records (renew_at) WHERE renew_at IS NOT NULL;
CREATE TABLE record_tags (
    tenant TEXT NOT NULL, tag {name} NOT NULL, name {name} NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (tenant, tag, name)
);
CREATE INDEX record_tags_by_record ON record_tags (tenant, record);
CREATE TABLE secrets (
    tenant TEXT NOT NULL, record TEXT NOT NULL, field TEXT NOT NULL, generation {integer} NOT NULL,
    key_version {integer} NOT NULL, sealed {bytes} NOT NULL, set_at {float} NOT NULL, set_by TEXT NOT NULL,
    PRIMARY KEY (tenant, record, field)
);
CREATE INDEX secrets_by_key ON secrets (tenant, key_version);
CREATE TABLE tokens (
    tenant TEXT NOT NULL, name TEXT NOT NULL, lookup {bytes} NOT NULL, binding TEXT NOT NULL,
    generation {integer} NOT NULL, key_version {integer} NOT NULL, sealed {bytes} NOT NULL,
    obtained_at {float} NOT NULL, renew_at {float}, expires_at {float},
    PRIMARY KEY (tenant, name, lookup)
);
CREATE INDEX tokens_by_key ON tokens (tenant, key_version);
CREATE TABLE claims (
    tenant TEXT NOT NULL, name TEXT NOT NULL, lookup {bytes} NOT NULL,
    epoch TEXT NOT NULL, holder TEXT NOT NULL, slot {integer} NOT NULL, until {float} NOT NULL,
    intent_generation {integer}, intent_fingerprint TEXT, intent_at {float}, intent_owner TEXT,
    failure_state TEXT, failure_code TEXT, failure_message TEXT, quiet_until {float} NOT NULL,
    failures {integer} NOT NULL,
    PRIMARY KEY (tenant, name, lookup)
);
CREATE TABLE entries (
    tenant TEXT NOT NULL, index_key {bytes} NOT NULL, name TEXT NOT NULL, number {integer} NOT NULL,
    key_version {integer} NOT NULL, sealed {bytes} NOT NULL,
    PRIMARY KEY (tenant, index_key)
);
CREATE INDEX entries_by_name ON entries (tenant, name, number);
CREATE TABLE logins (
    tenant TEXT NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL, key_version {integer} NOT NULL,
    sealed {bytes} NOT NULL, began_at {float} NOT NULL, expires_at {float} NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX logins_by_end ON logins (expires_at);
CREATE TABLE audit_heads (
    tenant TEXT PRIMARY KEY, seq {integer} NOT NULL, hash {bytes} NOT NULL
);
CREATE TABLE audit (
    tenant TEXT NOT NULL, seq {integer} NOT NULL, at {float} NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    record TEXT NOT NULL, name TEXT NOT NULL, origin TEXT NOT NULL, outcome TEXT NOT NULL,
    request TEXT NOT NULL, fingerprint TEXT NOT NULL, detail TEXT NOT NULL,
    previous {bytes} NOT NULL, hash {bytes} NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE INDEX audit_by_name ON audit (tenant, name, seq);
CREATE INDEX audit_by_time ON audit (tenant, at)
"""
"""`meta`: what holds for the whole store (`restored.py`).
`records.id`, `secrets.record`: a random identity that stays when the record is renamed.

`tenants.active_key`: the version that seals what is written now; 0 when the tenant was destroyed.
`tenant_keys.state`: `active` or `retired` (opens what is left, seals nothing), since `changed_at`.
`tokens.lookup`: a keyed hash of `TokenKey.digest`, which depends on secrets and must not be guessable from here.
`claims.epoch` is new after each `forget`; `holder` is empty when nobody holds the claim; `slot` is SQLite's lock.
`claims.until`, `quiet_until`: by `Transaction.ticks`; `failures`: one after another.
`records.lookup`: `tokens.lookup` of the record's own token; `keep_by`, `keep_until`: which background worker is at
it, and until when (UTC seconds).
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """From the version before to the next one. `works_with`: the oldest version whose programs need not stop."""

    text: str
    works_with: int


MIGRATIONS: Final = (
    Migration(FIRST, works_with=1),
    Migration(SECOND, works_with=1),
    Migration(THIRD, works_with=1),
)
"""Version N is made by the first N of them."""
