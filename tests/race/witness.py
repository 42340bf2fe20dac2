"""Stands between the keeper and its store and sender, and writes down what passes. Changes nothing."""

from __future__ import annotations

import time
from typing import Any, cast

from authrecord.core.errors import AuthrecordError, TryLater
from authrecord.core.messages import Request, Response, plain
from authrecord.core.token import Token
from authrecord.keeper.ports import Claim, Sender, TokenStore

from .history import Journal, fingerprint


def token_marks(token: Token) -> dict[str, Any]:
    """What of `token` goes into a history."""
    refresh = token.refresh_token
    return {
        "generation": token.generation,
        "access": fingerprint(token.access_token.reveal()),
        "refresh": fingerprint(refresh.reveal()) if refresh is not None else "",
    }


def witnessed(store: TokenStore, journal: Journal) -> TokenStore:
    """`store`, whose settlements are noted; everything else is its own."""
    return cast("TokenStore", _WitnessStore(store, journal))


class _WitnessStore:
    def __init__(self, store: TokenStore, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def settle(self, claim: Claim, token: Token) -> Token | None:
        """The store's own answer, noted."""
        began = time.monotonic()
        marks = token_marks(token.numbered(claim.generation + 1))
        try:
            saved = self._store.settle(claim, token)
        except AuthrecordError as error:
            self._journal.note("unsaved", record=claim.key.name, began=began, detail=error.code, **marks)
            raise
        kind = "stale" if saved is None else "settled"
        self._journal.note(kind, record=claim.key.name, began=began, **marks)
        return saved


class WitnessSender:
    """A sender whose refresh requests are noted."""

    def __init__(self, send: Sender, journal: Journal) -> None:
        self._send = send
        self._journal = journal

    def __call__(self, request: Request) -> Response:
        """The answer. See `Sender`."""
        form = {name: plain(value) for name, value in request.form or ()}
        # The client of a race has the record's name.
        about = {"record": _client_of(request), "presented": fingerprint(form.get("refresh_token", ""))}
        began = time.monotonic()
        self._journal.note("send", at=began, **about)
        try:
            answer = self._send(request)
        except AuthrecordError as error:
            unknown = isinstance(error, TryLater) and error.outcome_unknown
            self._journal.note("answer", began=began, detail="unknown" if unknown else error.code, **about)
            raise
        self._journal.note("answer", began=began, detail=str(answer.status), **about)
        return answer

    def close(self) -> None:
        """Close kept connections."""
        self._send.close()


def _client_of(request: Request) -> str:
    """The client id of a request with `client_secret_post`."""
    return next(plain(value) for name, value in request.form or () if name == "client_id")
