"""The key-encryption key (KEK): it lives outside of the database and wraps the tenants' keys, nothing else.

Whatever can wrap and unwrap 32 bytes may be one: 32 bytes from a file, a keyring, a variable or a command
(`LocalKek`), or a service that never gives its key away (`transit`).
"""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing` has it; importing that costs 6 ms
if TYPE_CHECKING:
    from typing import Protocol

    from .sealing import Random, SealingKey

    class Kek(Protocol):
        """A key-encryption key. `identity` tells it from others; `source` says where it is, for people."""

        @property
        def identity(self) -> str:
            """Up to 64 letters, digits and `_`: the same for the same key, on all machines."""
            ...

        @property
        def source(self) -> str:
            """Such as `file:/path`; it is no secret."""
            ...

        def wrap(self, plain: bytes, bound_to: bytes) -> bytes:
            """`plain` so that it opens with the same `bound_to` only. Raises `StoreFault`, `TryLater`."""
            ...

        def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
            """What was wrapped. Raises `DoesNotOpen`; `StoreFault` or `TryLater` when nobody can tell."""
            ...


class LocalKek:
    """A `Kek` whose 32 bytes this process has. `random`: `os.urandom`."""

    __slots__ = ("_key", "_random", "identity", "source")

    def __init__(self, key: SealingKey, source: str, random: Random) -> None:
        self._key = key
        self._random = random
        self.identity = key.identity()
        self.source = source

    def wrap(self, plain: bytes, bound_to: bytes) -> bytes:
        """See `Kek.wrap`."""
        return self._key.seal(plain, bound_to, self._random)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """See `Kek.unwrap`."""
        return self._key.open(wrapped, bound_to)
