"""A key-encryption key that never leaves HashiCorp Vault or OpenBao: their transit engine wraps and unwraps.

Two calls of its HTTP API are used, `POST /v1/MOUNT/encrypt/KEY` and `POST /v1/MOUNT/decrypt/KEY`. They are needed
when a program starts and when keys are made; in between the tenants' keys are in memory, and a service that is down
harms nobody (attack row L11). httpx2 is there already, so that no further package is needed.

The token is read from the environment for each call: `VAULT_TOKEN`, or the file that `VAULT_TOKEN_FILE` names, which
an agent keeps fresh. `VAULT_NAMESPACE` and `VAULT_CACERT` mean what they mean to Vault's own client.
"""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ..core.errors import AuthrecordError, StoreFault, TryLater
from .private_files import read
from .sealing import DoesNotOpen, packed

if TYPE_CHECKING:
    import httpx2

SECONDS: Final = 5.0
"""For connecting, for each wait, and for the whole answer once it has begun."""

MOST_BYTES: Final = 64 * 1024
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_FORM: Final = "Write it as vault-transit:https://vault.example.com:8200/transit/name-of-the-key."


class TransitKek:
    """Implements `kek.Kek` by the transit engine at `address`: its URL, the mount's path, the key's name.

    Raises `StoreFault` (code `key_source`) for an address that is none. Nothing is sent before the first call.
    """

    def __init__(self, address: str, environment: Mapping[str, str]) -> None:
        self._origin, self._mount, self._name = _split(address)
        self._environment = environment
        self._client: httpx2.Client | None = None
        self.source = f"vault-transit:{self._origin}/{self._mount}/{self._name}"
        namespace = environment.get("VAULT_NAMESPACE", "")
        # Without the host, which may have another name on another machine. The key check tells two services apart.
        place = packed(namespace.encode(), self._mount.encode(), self._name.encode())
        self.identity = f"transit_{sha256(place).hexdigest()[:32]}"

    def wrap(self, plain: bytes, bound_to: bytes) -> bytes:
        """See `Kek.wrap`.

        What it is bound to goes along twice: as the engine's associated data, and as a digest beside the key, since
        engines of before 2022 ignore the first.
        """
        place = sha256(bound_to).digest()
        answer = self._call("encrypt", {"plaintext": _text(place + plain), "associated_data": _text(place)})
        ciphertext = answer.get("ciphertext")
        if not isinstance(ciphertext, str):
            raise self._fault("answered without a ciphertext", "Is this address a Vault?")
        return ciphertext.encode()

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """See `Kek.unwrap`."""
        place = sha256(bound_to).digest()
        ciphertext = wrapped.decode("ascii", "replace")
        answer = self._call("decrypt", {"ciphertext": ciphertext, "associated_data": _text(place)})
        try:
            plain = b64decode(answer.get("plaintext", ""), validate=True)
        except (TypeError, ValueError):
            plain = b""
        if plain[: len(place)] != place:
            raise DoesNotOpen("the key service opened something that was wrapped for another place")
        return plain[len(place) :]

    def _call(self, verb: str, body: dict[str, str]) -> dict[str, Any]:
        """`data` of the answer. Raises `DoesNotOpen` when a ciphertext is refused, else as `Kek` says."""
        import httpx2

        url = f"{self._origin}/v1/{self._mount}/{verb}/{self._name}"
        ends = time.monotonic() + SECONDS
        try:
            with self._http().stream("POST", url, json=body, headers=self._headers()) as response:
                content = b""
                for part in response.iter_bytes():
                    content += part
                    if len(content) > MOST_BYTES or time.monotonic() > ends:
                        raise self._away("did not answer in time, or at too great length")
        except httpx2.HTTPError as error:
            raise self._away(f"does not answer ({type(error).__name__})") from None
        answer = _json(content)
        if response.status_code == 200 and isinstance(answer.get("data"), dict):
            data: dict[str, Any] = answer["data"]
            return data
        raise self._refusal(verb, response.status_code, answer)

    def _refusal(self, verb: str, status: int, answer: dict[str, Any]) -> AuthrecordError | DoesNotOpen:
        errors = " ".join(str(one) for one in answer.get("errors") or ())
        if status in (429, 473) or status >= 500:
            return self._away(f"is not ready (status {status}: sealed, standby or overloaded)")
        if status == 403:
            return self._fault(
                f"refuses the token for {verb} (status 403)",
                "Renew VAULT_TOKEN, or give its policy that right.",
            )
        if status == 400 and "not found" in errors:
            return self._fault("has no key of that name", "Make it, or correct the name.", code="no_key")
        if status == 400 and verb == "decrypt":
            return DoesNotOpen("the key service does not open it")
        return self._fault(f"answered with status {status}", "Check the address, the mount and the key.")

    def _headers(self) -> dict[str, str]:
        headers = {"X-Vault-Request": "true", "X-Vault-Token": self._token()}
        if namespace := self._environment.get("VAULT_NAMESPACE"):
            headers["X-Vault-Namespace"] = namespace
        return headers

    def _token(self) -> str:
        token = self._environment.get("VAULT_TOKEN", "")
        path = self._environment.get("VAULT_TOKEN_FILE", "")
        if not token and path:
            try:
                token = read(path, MOST_BYTES).decode("latin-1")
            except OSError as error:
                raise self._fault(
                    f"needs a token, and {path} cannot be read ({error.strerror})", "Check VAULT_TOKEN_FILE."
                ) from None
        token = token.strip()
        if not token or not token.isascii() or not token.isprintable():
            raise self._fault(
                "needs a token, and there is none", "Set VAULT_TOKEN, or VAULT_TOKEN_FILE to a file."
            )
        return token

    def _http(self) -> httpx2.Client:
        """One client; no connection is kept between calls, so that a forked child shares none (I15)."""
        if self._client is None:
            import ssl

            import httpx2

            context = ssl.create_default_context(cafile=self._environment.get("VAULT_CACERT") or None)
            self._client = httpx2.Client(
                verify=context,
                timeout=SECONDS,
                trust_env=False,
                follow_redirects=False,
                limits=httpx2.Limits(max_keepalive_connections=0),
            )
        return self._client

    def _away(self, what: str) -> TryLater:
        return TryLater(
            f"the key service {self._origin} {what}.",
            hint="Nothing is opened without it. Programs that run already go on.",
            code="key_service_away",
        )

    def _fault(self, what: str, hint: str, *, code: str = "key_source") -> StoreFault:
        return StoreFault(
            f"the key service {self._origin} (mount {self._mount}, key {self._name}) {what}.",
            hint=hint,
            code=code,
        )


def _split(address: str) -> tuple[str, str, str]:
    """Origin, mount and key. Raises `StoreFault`; the address is not shown, since it may hold a password."""
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    *mount, name = [one for one in parts.path.split("/") if one] or [""]
    words = [*mount, name]
    if not (parts.hostname and mount and all(_is_word(word) for word in words)):
        raise StoreFault("the address of the key service is not complete.", hint=_FORM, code="key_source")
    if parts.username is not None or parts.query or parts.fragment:
        raise StoreFault(
            "the address of the key service holds more than host, mount and key.",
            hint=_FORM,
            code="key_source",
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise StoreFault(
            "the key service is not reached over https.",
            hint="http is for a service on this machine only.",
            code="key_source",
        )
    return f"{parts.scheme}://{parts.netloc}", "/".join(mount), name


def _is_word(text: str) -> bool:
    return text.isascii() and all(letter.isalnum() or letter in "-_." for letter in text) and text[0] != "."


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _json(content: bytes) -> dict[str, Any]:
    import json

    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
