"""The filters that ask who is calling. Every caller names itself, on loopback too (row O25)."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from ...core.secret import Secret
from ..listening import Listen
from . import scripts
from .logs import ADDRESS, PEER
from .routes import TOKEN
from .shapes import FROM_US, KEYS_TYPE, Json, extension, lua

USER: Final = "authrecord"
"""The user name that callers give with the gateway's password."""

CALLER: Final = "caller/"
"""The resource that holds the password for Envoy; no record has such a name."""

PROOFS: Final = (TOKEN, "proxy-authorization")
"""The fields in which callers prove who they are; the first counts where there are both."""

_PROOF: Final = "authrecord.proof"


def by_digest(password: Secret) -> list[Json]:
    """By the password in `X-Authrecord-Token`, where the listener puts what stands in `Proxy-Authorization` alone.

    For Envoys whose control process does not know it. The field holds `Basic` with the user `authrecord` and the
    password. Envoy is told a digest only; the password is 256 random bits or long, so that a plain SHA-1, which is what
    Envoy knows, gives nothing away.
    """
    users = {"inline_string": f"{USER}:{{SHA}}{_digest(password)}"}
    kind = "filters.http.basic_auth.v3.BasicAuth"
    return [extension("caller", kind, users=users, authentication_header=TOKEN)]


def by_password() -> list[Json]:
    """By the password in `X-Authrecord-Token` or `Proxy-Authorization`: by itself, as `Bearer` or in `Basic`.

    Envoy compares it as it is, so that it comes over the stream, as credentials do, and stands in no file. Until it is
    there, nobody is let in.
    """
    found = {"config_source": FROM_US, "type_urls": [KEYS_TYPE]}
    return [{"name": CALLER, "config_discovery": found}]


def keys_of(password: Secret) -> tuple[str, ...]:
    """What callers may send there; Envoy itself takes `Bearer` off."""
    basic = base64.b64encode(f"{USER}:{password.reveal()}".encode()).decode()
    return password.reveal(), f"Basic {basic}"


def by_control(place: Listen) -> list[Json]:
    """By what the control process says of the password or API token in one of these fields, in any of its forms.

    `place`: where they connect; where other machines do, the password opens nothing.
    """
    return [lua(scripts.admit(is_shared=not place.is_local))]


def noted(*, proof: bool, address: bool) -> list[Json]:
    """What a `CONNECT` takes along into the tunnel.

    `proof`: each request inside is asked about (row N8). `address`: the access log names the caller's.
    """
    notes = [_note(_PROOF, f"%REQ({TOKEN}?PROXY-AUTHORIZATION)%")] if proof else []
    if address:
        notes.append(_note(PEER, ADDRESS))
    if not notes:
        return []
    return [extension("note", "filters.http.set_filter_state.v3.Config", on_request_headers=notes)]


def _note(name: str, text: str) -> Json:
    return {
        "object_key": name,
        "factory_key": "envoy.string",
        "format_string": {"text_format_source": {"inline_string": text}},
        "shared_with_upstream": "ONCE",
    }


def by_note(place: Listen) -> list[Json]:
    """By the proof of the `CONNECT` that led here; nothing that stands inside counts."""
    proof = {"header": {"key": TOKEN, "value": f"%FILTER_STATE({_PROOF}:PLAIN)%"}}
    put = {"append": {**proof, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    kind = "filters.http.header_mutation.v3.HeaderMutation"
    return [extension("noted", kind, mutations={"request_mutations": [put]}), *by_control(place)]


def _digest(password: Secret) -> str:
    return base64.b64encode(hashlib.sha1(password.reveal().encode(), usedforsecurity=False).digest()).decode()
