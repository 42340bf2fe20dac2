"""What Envoy answers by itself, in the words of the embedded gateway: status, problem document and code.

Envoy says in its `response code details` why it answered; each reason gets the refusal that the embedded gateway has
for it. The first condition that holds decides.
"""

from __future__ import annotations

from typing import Final

from ..refusals import SAYS_ERROR, Refusal, upstream_failure
from .callers import USER
from .doorkeeper import AWAY, NOT_ALLOWED, UNKNOWN
from .guard import REFUSED
from .logs import where
from .routes import OWN_REFUSALS
from .scripts import REALM
from .shapes import Json

NOT_BY_DIGEST: Final = Refusal(
    UNKNOWN.status,
    UNKNOWN.code,
    f"The gateway does not know the caller. Envoy reads Basic, with the user {USER} and the gateway's password.",
)
"""Where Envoy has a digest of the password: it knows one way to compare it."""

NO_CREDENTIAL: Final = Refusal(
    502, "no_credential", "There is no credential for this request, so it was not sent."
)

_UPSTREAM: Final = (
    ("CERTIFICATE_VERIFY_FAILED", "certificate_refused"),
    ("TLS_error", "tls_failed"),
    ("connection_timeout", "connect_timeout"),
    ("connection_failure", "connect_failed"),
    ("protocol_error", "bad_upstream_answer"),
    ("upstream_reset", "upstream_failed"),
    ("no_healthy_upstream", "unknown_name"),
    ("dns_resolution_failure", "unknown_name"),
    ("rbac_access_denied", "address_refused"),
)
"""What Envoy's details hold, and the code of `refusals.upstream_failure` that says the same."""

DETAILS: Final[dict[str, str]] = {
    refusal.code: refusal.detail
    for refusal in (
        UNKNOWN, NOT_ALLOWED, AWAY, NO_CREDENTIAL, *(Refusal(*one) for one in OWN_REFUSALS),
        *(upstream_failure(code) for _, code in _UPSTREAM),
    )
}  # fmt: skip
"""The sentence for each code with which Envoy answers by itself."""


def own_answers() -> Json:
    """The part of a manager's configuration (`LocalReplyConfig`)."""
    refused = {"header_filter": {"header": {"name": REFUSED, "present_match": True}}}
    return {
        "mappers": [
            _mapper(_details_hold("basic_auth"), NOT_BY_DIGEST, {"Proxy-Authenticate": REALM}),
            _mapper(_details_hold("api_key"), UNKNOWN, {"Proxy-Authenticate": REALM}),
            _mapper(refused, upstream_failure("address_refused"), {}),
            _mapper(_details_hold("inject_credential"), NO_CREDENTIAL, {}),
            *(_mapper(_details_hold(text), upstream_failure(code), {}) for text, code in _UPSTREAM),
        ]
    }


def _details_hold(text: str) -> Json:
    return where(f"response.code_details.contains('{text}')")


def _mapper(condition: Json, refusal: Refusal, headers: dict[str, str]) -> Json:
    added = {**headers, SAYS_ERROR.decode(): refusal.code, "Cache-Control": "no-store"}
    text = {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"}}
    return {
        "filter": condition,
        "status_code": refusal.status,
        "body": {"inline_string": refusal.body().decode()},
        "body_format_override": {**text, "content_type": "application/problem+json"},
        "headers_to_add": [
            *({"header": {"key": name, "value": value}} for name, value in added.items()),
            # Envoy's own names the whole URL, query and all, as the realm.
            {"header": {"key": "WWW-Authenticate", "value": REALM}, "append_action": "OVERWRITE_IF_EXISTS"},
        ],
    }
