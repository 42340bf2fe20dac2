"""The second migration: people, sessions and API tokens of `authrecord serve`. See `schema`."""

from __future__ import annotations

from typing import Final

SECOND: Final = """
CREATE TABLE people (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, shown TEXT NOT NULL, password TEXT NOT NULL, created_at {float} NOT NULL
);
CREATE UNIQUE INDEX people_by_name ON people (name);
CREATE TABLE members (
    tenant TEXT NOT NULL, person TEXT NOT NULL, role TEXT NOT NULL, may_reveal {integer} NOT NULL,
    PRIMARY KEY (tenant, person)
);
CREATE INDEX members_by_person ON members (person);
CREATE TABLE sessions (
    id {bytes} PRIMARY KEY, person TEXT NOT NULL, tenant TEXT NOT NULL,
    began_at {float} NOT NULL, seen_at {float} NOT NULL, confirmed_at {float} NOT NULL
);
CREATE INDEX sessions_by_person ON sessions (person, began_at);
CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, label TEXT NOT NULL, hash {bytes} NOT NULL, scopes TEXT NOT NULL,
    records TEXT NOT NULL, created_at {float} NOT NULL, created_by TEXT NOT NULL, begins_at {float} NOT NULL,
    expires_at {float} NOT NULL, used_at {float}, revoked_at {float}
);
CREATE INDEX api_tokens_by_tenant ON api_tokens (tenant, created_at);
CREATE TABLE repeats (
    tenant TEXT NOT NULL, caller TEXT NOT NULL, repeat_key {bytes} NOT NULL, request {bytes} NOT NULL,
    made TEXT NOT NULL, made_at {float} NOT NULL,
    PRIMARY KEY (tenant, caller, repeat_key)
);
CREATE INDEX repeats_by_time ON repeats (made_at)
"""
"""People, sessions and API tokens of `authrecord serve`. `sessions.id`, `api_tokens.hash`: SHA-256, never the text.

`api_tokens.scopes`: words with a blank between them; `records`: a JSON list of names, empty for all.
`repeats`: what a request with an idempotency key made, so that the same request again makes nothing.
"""
