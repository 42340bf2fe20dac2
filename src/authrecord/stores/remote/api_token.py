"""The API token of a server: where it is named, and how it is read. It is never an argument and never written down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ...core.errors import RecordFault, StoreFault
from ...core.secret import REFERENCE_KINDS, Reference, Secret
from ..keys import variable
from ..locating import API_TOKEN, API_TOKEN_VARIABLE, SETTINGS_FILE
from ..references import resolver

HINT: Final = (
    f"Set {API_TOKEN_VARIABLE} to a token of the server's page, or to where it is: file:/path, "
    "keyring:service/name, command:program or env:NAME."
)


class ApiToken:
    """The token of `source`, `kind:argument` as in a reference; read once, and again when it was refused.

    A command runs: the setting is the user's own. A path is absolute, or begins with `~/`. There is no lock: two
    threads that read at once find the same, and a forked child waits for nobody.
    """

    def __init__(self, source: str, environment: Mapping[str, str]) -> None:
        self._source = source
        self._environment = environment
        self._token: Secret | None = None

    def __call__(self) -> Secret:
        """The token. Raises `StoreFault` (code `api_token`) when it is not there."""
        token = self._token
        if token is None:
            token = self._token = self._read()
        return token

    def again(self, refused: Secret) -> Secret | None:
        """Another token than `refused`, where the source has one by now."""
        token = self._token
        if token is None or token == refused:
            token = self._token = self._read()
        return None if token == refused else token

    def _read(self) -> Secret:
        kind, _, argument = self._source.partition(":")
        is_relative = kind == "file" and not (os.path.isabs(argument) or argument.startswith("~/"))
        if kind not in REFERENCE_KINDS or not argument.strip() or is_relative:
            # The source is not shown: somebody may have written the token itself.
            raise StoreFault("the source of the API token cannot be read.", hint=HINT, code="api_token")
        if kind == "env":
            value = variable(argument, self._environment)
            if not value:
                raise StoreFault(
                    f"there is no API token: {argument} is not set.", hint=HINT, code="api_token"
                )
            token = Secret(value)
        else:
            token = self._resolved(Reference(kind, argument))
        if not _is_token(token):
            raise StoreFault(
                "what was found as API token is none: it begins with ar_, and is one word.",
                hint=f"{HINT} Or correct `api_token` in {SETTINGS_FILE}.",
                code="api_token",
            )
        return token

    def _resolved(self, reference: Reference) -> Secret:
        resolve = resolver(self._environment, base=Path(os.sep), allow_commands=True)
        try:
            return resolve(reference)
        except RecordFault as fault:
            raise StoreFault(
                f"there is no API token: {fault.message}", hint=fault.hint, code="api_token"
            ) from None


def _is_token(token: Secret) -> bool:
    text = token.reveal()
    return text.startswith(API_TOKEN) and text.isascii() and text.isprintable() and " " not in text
