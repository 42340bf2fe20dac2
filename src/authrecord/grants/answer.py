"""Reads the token endpoint's answer (RFC 6749 §5): tolerant where real providers differ, never about a token.

Every answer that cannot be used becomes a typed error without a word of its body: it may hold tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from ..core.errors import BadAnswer, Misconfigured, Refused, TryLater
from ..core.messages import Response
from ..core.origin import origin_of
from ..core.secret import Secret
from ..core.token import LONGEST_LIFE, Token
from .client import OAuthClient
from .lifetime import life_of
from .words import safe_words

CLIENT_ERRORS: Final = frozenset({"invalid_client", "unauthorized_client"})
LONGEST_RETRY_AFTER: Final = 6 * 3600.0


def token_from(
    response: Response, client: OAuthClient, *, asked_scope: str = "", sent: tuple[Secret, ...] = ()
) -> Token:
    """The token in `response`.

    `sent`: secrets of this request beyond the client's own (a code, a refresh token), which no message may
    echo. Raises `BadAnswer`, `Refused`, `Misconfigured` or `TryLater`.
    """
    secrets = (*client.secrets(), *sent)
    _refuse_redirect(response)
    _refuse_illness(response, secrets)
    answer = answer_of(response, form_encoded=client.form_encoded_answer)
    if answer is None:
        if response.status != 200:
            raise BadAnswer(
                f"the token endpoint answered {response.status} without an OAuth error.",
                code="no_oauth_error",
            )
        raise BadAnswer(
            f"the token endpoint answered {_content_type(response)} instead of a JSON object.",
            hint="Check the Access Token URL.",
            code="not_json",
        )
    _refuse_error(response, answer, secrets)
    if response.status not in {200, 201}:
        raise BadAnswer(
            f"the token endpoint answered {response.status} without an OAuth error.", code="no_oauth_error"
        )
    return _token(_inside(answer, client.token_pointer), client, response, asked_scope)


def answer_of(response: Response, *, form_encoded: bool = False) -> Mapping[str, object] | None:
    """The object in the body: JSON, or form encoding where the record says so; `None` when it is neither.

    Raises `BadAnswer` for JSON with duplicate keys (C20).
    """
    if form_encoded and not response.body.lstrip().startswith(b"{"):
        return _form(response.body)
    try:
        parsed = json.loads(response.body.decode("utf-8-sig"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _form(body: bytes) -> Mapping[str, object] | None:
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=200, strict_parsing=True)) or None
    except ValueError:
        return None


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadAnswer("the answer names a key twice.", code="duplicate_key")
    return found


def _refuse_redirect(response: Response) -> None:
    """A redirect is never followed: it would carry the client's secret to another place (C10, C11, S62)."""
    if not 300 <= response.status < 400:
        return
    try:
        target = f" to {origin_of(response.header('location'))}"
    except ValueError:
        target = ""
    raise BadAnswer(
        f"the token endpoint answered {response.status}, a redirect{target}; it is not followed.",
        hint="Write the final URL into the record.",
        code="redirect",
    )


def _refuse_illness(response: Response, secrets: tuple[Secret, ...]) -> None:
    if response.status != 429 and response.status < 500:
        return
    raise TryLater(
        f"the token endpoint answered {response.status}.",
        retry_after=retry_after(response),
        hint="Try again later.",
        code="provider_unwell",
    )


def retry_after(response: Response) -> float:
    """Seconds that the provider asks to wait, 0 when it does not or not sensibly; at most six hours (C25)."""
    text = response.header("retry-after").strip()
    if text.isascii() and text.isdigit() and len(text) < 12:
        return min(float(text), LONGEST_RETRY_AFTER)
    if not text.endswith("GMT"):
        return 0.0
    from email.utils import parsedate_to_datetime  # 20 ms to import, and few providers send a date

    try:
        seconds = parsedate_to_datetime(text).timestamp() - response.sent_at
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def _refuse_error(response: Response, answer: Mapping[str, object], secrets: tuple[Secret, ...]) -> None:
    """An OAuth error, also one that comes with status 200 (C22)."""
    error = answer.get("error")
    if isinstance(error, dict):
        error = error.get("code") or error.get("status") or error.get("message") or "error"
    if not error and answer.get("ok") is not False:
        return
    word = safe_words(error if isinstance(error, str) else "error", secrets)[:64] or "error"
    description = safe_words(answer.get("error_description") or answer.get("message"), secrets)
    said = f" ({description})" if description else ""
    if word in CLIENT_ERRORS:
        raise Misconfigured(
            f"the provider refuses the client: {word}{said}.",
            field="auth.credentials",
            hint="Check client_id, client_secret and client_authentication.",
            code=word,
        )
    if word in {"temporarily_unavailable", "server_error", "slow_down"}:
        raise TryLater(
            f"the provider answered {word}{said}.", retry_after=retry_after(response), code="provider_unwell"
        )
    raise Refused(
        f"the provider answered {word}{said}.", error=word, description=description, status=response.status
    )


def _inside(answer: Mapping[str, object], pointer: str) -> Mapping[str, object]:
    """The object that the record's JSON pointer (RFC 6901) names. Nested tokens are never guessed (C21)."""
    found: object = answer
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise BadAnswer(
            "the answer has no object at the record's token pointer.",
            hint="Correct token_exchange.token_pointer.",
            code="no_token",
        )
    return found


def _token(answer: Mapping[str, object], client: OAuthClient, response: Response, asked_scope: str) -> Token:
    access_token = safe_token(answer.get("access_token"), "access_token")
    if access_token is None:
        raise BadAnswer("the answer holds no access_token.", code="no_token", hint=_hint_of_nesting(answer))
    remarks: list[str] = []
    life = life_of(answer, access_token, response.sent_at, remarks)
    scope = _scope(answer.get("scope"), asked_scope, remarks)
    return Token(
        access_token=access_token,
        token_type=_token_type(answer.get("token_type"), client),
        obtained_at=response.sent_at,
        obtained_monotonic=response.sent_monotonic,
        life=None if life is None else min(life, LONGEST_LIFE),
        refresh_token=safe_token(answer.get("refresh_token"), "refresh_token"),
        id_token=safe_token(answer.get("id_token"), "id_token"),
        scope=scope,
        issued_by=client.token_url,
        remarks=tuple(remarks),
    )


def safe_token(value: object, name: str) -> Secret | None:
    """A token as a secret; `None` when there is none.

    Raises `BadAnswer`, without the value, for anything but printable ASCII without spaces: it would break, or
    break into, the header that carries it (C18, C19).
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadAnswer(f"{name} is not a text.", code="unsafe_token")
    if any(not "!" <= character <= "~" for character in value):
        raise BadAnswer(f"{name} holds characters that no token has.", code="unsafe_token")
    return Secret(value)


def _token_type(value: object, client: OAuthClient) -> str:
    """RFC 6749 §7.1: a token of a type that is not understood must not be used."""
    if value is None or value == "":
        if client.assume_bearer:
            return "Bearer"
        raise BadAnswer(
            "the answer does not say its token_type.",
            hint="If the provider means Bearer, set token_exchange.assume_bearer.",
            code="no_token_type",
        )
    if isinstance(value, str) and value.lower() == "bearer":
        return "Bearer"
    raise BadAnswer(
        f"the token is of type {safe_words(value)[:40] or 'unknown'}, not Bearer.", code="token_type"
    )


def _scope(value: object, asked: str, remarks: list[str]) -> str | None:
    """The granted scope; missing means "as asked" (RFC 6749 §3.3, S11)."""
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        remarks.append("the provider sent scope as a list")
        value = " ".join(value)
    if not isinstance(value, str) or not value.strip():
        return asked or None
    scope = safe_words(value)
    missing = sorted(set(asked.split()) - set(scope.split()))
    if missing:
        remarks.append(
            f"the provider granted fewer scopes than asked: without {safe_words(' '.join(missing))}"
        )
    return scope


def _hint_of_nesting(answer: Mapping[str, object]) -> str:
    for key, value in answer.items():
        if isinstance(value, Mapping) and "access_token" in value and key.isidentifier():
            return f"It stands inside {key!r}: set token_exchange.token_pointer to /{key}."
    return ""


def _content_type(response: Response) -> str:
    return safe_words(response.header("content-type").partition(";")[0]) or "something"
