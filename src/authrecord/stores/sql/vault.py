"""Seals and opens values of tenants. A tenant's keys are unwrapped once and stay in this process's memory.

```
KEK, outside of the database                      see `stores.kek`
 └─ a tenant's keys, 32 bytes, in `tenant_keys`   purposes `seal` (in versions), `lookup`, `audit`
     └─ a key for each write, by HKDF             see `stores.sealing`
```

Nothing is unwrapped over and over: a KEK that is a service is asked once for each key and process (attack row L11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...core.errors import StoreFault
from ..sealing import DoesNotOpen, Random, SealingKey, key_version
from .backend import Backend, Transaction
from .bindings import key_check_place, wrapped_key_place

if TYPE_CHECKING:
    from ..kek import Kek

SEAL: Final = "seal"
LOOKUP: Final = "lookup"
AUDIT: Final = "audit"
PURPOSES: Final = (SEAL, LOOKUP, AUDIT)
"""What a tenant's keys are for. Only `seal` has versions: what the other two made must stay comparable for ever."""

ACTIVE: Final = "active"
RETIRED: Final = "retired"

KEY_CHECK: Final = b"authrecord/key-check/v2"

MOST_KEPT: Final = 10_000
"""Keys in memory; beyond it they are unwrapped anew."""


class Vault:
    """Seals under the keys of tenants, which `kek` unwraps. `random`: `os.urandom`. Safe for threads and forks."""

    def __init__(self, kek: Kek, random: Random) -> None:
        self.kek = kek
        self.random = random
        self._keys: dict[tuple[str, str, int], SealingKey] = {}

    def check(self, backend: Backend) -> None:
        """Refuse a KEK that is not this database's, before anything is written (rows L1, L2).

        Raises `StoreFault`: code `no_keys` when the database has no keys yet, `wrong_key` when they are others'.
        """
        with backend.reading() as transaction:
            rows = transaction.rows("SELECT id, key_check FROM keks")
        if not rows:
            raise StoreFault(
                "this store has no keys yet.", hint="Make them: authrecord keys init", code="no_keys"
            )
        if any(identity == self.kek.identity and self._opens(key_check) for identity, key_check in rows):
            return
        raise StoreFault(
            f"the key in {self.kek.source} is not the one that sealed this store.",
            hint="Give the right one (AUTHRECORD_KEY, or `key` in settings.toml); nothing was changed.",
            code="wrong_key",
        )

    def load(self, backend: Backend, tenant: str) -> None:
        """Unwrap what `tenant` has now, outside of any transaction: the KEK may be a service far away.

        Raises `StoreFault` (`tampered`), and what the KEK raises.
        """
        with backend.reading() as transaction:
            rows = transaction.rows(
                "SELECT purpose, version, wrapped FROM tenant_keys WHERE tenant = ? AND kek = ?",
                (tenant, self.kek.identity),
            )
        for purpose, version, wrapped in rows:
            self._keep(tenant, purpose, version, unwrapped(self.kek, wrapped, tenant, purpose, version))

    def seal(self, transaction: Transaction, tenant: str, place: bytes, plain: bytes) -> tuple[int, bytes]:
        """The version of the key that is active in this transaction, and `plain` sealed under it, bound to `place`.

        Raises `StoreFault`: code `no_tenant`, or `tampered` when the tenant's key does not open.
        """
        row = transaction.row("SELECT active_key FROM tenants WHERE id = ?", (tenant,))
        if row is None or not row[0]:
            raise no_tenant(tenant)
        version = int(row[0])
        key = self._key(transaction, tenant, SEAL, version)
        if key is None:
            raise _key_is_gone(tenant)
        return version, key.seal(plain, place, self.random, version=version)

    def open(self, transaction: Transaction, tenant: str, place: bytes, blob: bytes) -> bytes:
        """What was sealed. Raises `DoesNotOpen`; `StoreFault` (`tampered`) when the tenant's key does not open."""
        key = self._key(transaction, tenant, SEAL, key_version(blob))
        if key is None:
            raise DoesNotOpen("the key of that version does not exist, or no longer does")
        return key.open(blob, place)

    def reseal(self, transaction: Transaction, tenant: str, place: bytes, blob: bytes, version: int) -> bytes:
        """`blob` opened and sealed anew under another version of the tenant's key. Raises as `open` does."""
        plain = self.open(transaction, tenant, place, blob)
        key = self._key(transaction, tenant, SEAL, version)
        if key is None:
            raise _key_is_gone(tenant)
        return key.seal(plain, place, self.random, version=version)

    def forget(self, tenant: str) -> None:
        """Drop a tenant's keys from memory."""
        for known in [known for known in self._keys if known[0] == tenant]:
            del self._keys[known]

    def keyed(self, transaction: Transaction, tenant: str, purpose: str, value: bytes) -> bytes:
        """HMAC-SHA256 of `value`, 32 bytes, under a key of the tenant for `purpose`: `lookup`, `fingerprint`, `audit`.

        Equal for equal values of one tenant and purpose, and tells nothing else. Raises `StoreFault` as `seal` does.
        """
        key = self._key(transaction, tenant, AUDIT if purpose == AUDIT else LOOKUP, 1)
        if key is None:
            raise no_tenant(tenant)
        return key.keyed(purpose, value)

    def keyed_from_memory(self, tenant: str, purpose: str, value: bytes) -> bytes | None:
        """The same while the database does not answer; `None` where the tenant's key is not in memory."""
        key = self._keys.get((tenant, AUDIT if purpose == AUDIT else LOOKUP, 1))
        return None if key is None else key.keyed(purpose, value)

    def _key(self, transaction: Transaction, tenant: str, purpose: str, version: int) -> SealingKey | None:
        kept = self._keys.get((tenant, purpose, version))
        if kept is not None:
            return kept
        row = transaction.row(
            "SELECT wrapped FROM tenant_keys WHERE tenant = ? AND purpose = ? AND version = ? AND kek = ?",
            (tenant, purpose, version, self.kek.identity),
        )
        if row is None:
            self._refuse_if_under_another_kek(transaction, tenant, purpose, version)
            return None
        return self._keep(tenant, purpose, version, unwrapped(self.kek, row[0], tenant, purpose, version))

    def _keep(self, tenant: str, purpose: str, version: int, key: SealingKey) -> SealingKey:
        if len(self._keys) >= MOST_KEPT:
            self._keys.clear()
        self._keys[tenant, purpose, version] = key
        return key

    def _refuse_if_under_another_kek(
        self, transaction: Transaction, tenant: str, purpose: str, version: int
    ) -> None:
        if transaction.row(
            "SELECT kek FROM tenant_keys WHERE tenant = ? AND purpose = ? AND version = ?",
            (tenant, purpose, version),
        ):
            raise StoreFault(
                f"the keys of tenant {tenant!r} are wrapped by another key than the one in {self.kek.source}.",
                hint="The key was replaced while this program ran: start it again with the new one.",
                code="wrong_key",
            )

    def _opens(self, key_check: bytes) -> bool:
        try:
            return self.kek.unwrap(key_check, key_check_place(self.kek.identity)) == KEY_CHECK
        except DoesNotOpen:
            return False


def unwrapped(kek: Kek, wrapped: bytes, tenant: str, purpose: str, version: int) -> SealingKey:
    """A tenant's key. Raises `StoreFault` (code `tampered`) when its row was changed or moved (rows L4, L5)."""
    place = wrapped_key_place(tenant, purpose, version, kek.identity)
    try:
        return SealingKey(kek.unwrap(wrapped, place))
    except DoesNotOpen:
        raise StoreFault(
            f"the key {version} ({purpose}) of tenant {tenant!r} does not open: its row was changed or moved.",
            hint="Bring the table tenant_keys back from a backup; nothing that it sealed can be read without it.",
            code="tampered",
        ) from None


def no_tenant(tenant: str) -> StoreFault:
    """The fault of a tenant that is not there."""
    return StoreFault(
        f"there is no tenant {tenant!r} in this store.",
        hint="See `authrecord tenants list`; make one with `authrecord tenants create`.",
        code="no_tenant",
    )


def _key_is_gone(tenant: str) -> StoreFault:
    return StoreFault(
        f"the active key of tenant {tenant!r} is not in this store.",
        hint="Bring the table tenant_keys back from a backup.",
        code="tampered",
    )
