"""What each sealed value is bound to: its place. Moved to another place, it does not open (attack rows L5, L6).

The tenant is a part of every place. The fast path of `authrecord token` imports this module: nothing slow here.
"""

from __future__ import annotations

from ..sealing import packed


def wrapped_key_place(tenant: str, purpose: str, version: int, kek: str) -> bytes:
    """Of a tenant's key: whose it is, what for, which version, and the identity of the KEK that wraps it."""
    return packed(b"key/v1", text(tenant), text(purpose), b"%d" % version, text(kek))


def key_check_place(kek: str) -> bytes:
    """Of the value by which a wrong KEK is found."""
    return packed(b"key-check/v1", text(kek))


def secret_place(tenant: str, record: str, field: str, generation: int, destinations: bytes) -> bytes:
    """Of a secret field of the record with the identity `record`.

    `field`: its path; empty for the value that binds the record's plain part. `generation`: grows each time the
    field is sealed anew by a change. `destinations`: a digest of everything that says where the secret may go.
    """
    return packed(b"secret/v1", text(tenant), text(record), text(field), b"%d" % generation, destinations)


def destinations_of(config: str) -> bytes:
    """What a record's secrets are bound to of its `config` (JSON): all of `auth`, and the allowed origins.

    Name, description and tags may change without sealing anew. SHA-256; for a text that is no JSON object (somebody
    changed it) a digest that nothing was sealed with.
    """
    import hashlib
    import json

    try:
        data = json.loads(config)
    except ValueError:
        data = None
    kept = {key: data.get(key) for key in ("auth", "allowed_origins")} if isinstance(data, dict) else config
    return hashlib.sha256(text(json.dumps(kept, sort_keys=True, separators=(",", ":")))).digest()


def token_place(tenant: str, name: str, lookup: bytes, generation: int, binding: str) -> bytes:
    """Of a token: the columns of its row. `binding`: `TokenKey.binding`, where it may travel."""
    return packed(b"token/v1", text(tenant), text(name), lookup, b"%d" % generation, text(binding))


def entry_place(tenant: str, index_key: bytes) -> bytes:
    """Of an index entry of the fast path."""
    return packed(b"entry/v1", text(tenant), index_key)


def login_place(tenant: str, login: str, record: str) -> bytes:
    """Of a login that waits for its answer."""
    return packed(b"login/v1", text(tenant), text(login), text(record))


def text(value: str) -> bytes:
    """`value` in UTF-8; half a surrogate pair, which a name may hold, does not stop it."""
    return value.encode("utf-8", "surrogatepass")


def sign_in_place(issuer: str) -> bytes:
    """Of what a browser holds while its person signs in at the provider `issuer`."""
    return packed(b"sign-in/v1", text(issuer))
