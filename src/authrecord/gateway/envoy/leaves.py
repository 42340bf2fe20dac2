"""Certificates for the hosts that the forward proxy opens, made by our authority and handed over like credentials."""

from __future__ import annotations

from typing import Final

from ..authority import LEAF_HOURS, Authority
from .messages import certificate_bytes

RENEW_SECONDS: Final = LEAF_HOURS * 3600 / 2
_PREFIX: Final = "leaf/"


def leaf_name(host: str) -> str:
    """What Envoy calls the certificate of a host; no record has such a name."""
    return _PREFIX + host


class Leaves:
    """The certificates of some hosts. `renew` makes all of them anew; one that was not asked for yet is not made."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._made: dict[str, bytes] = {}
        self._version = 1

    def knows(self, name: str) -> bool:
        """True for the name of a host that the authority speaks for."""
        return name.startswith(_PREFIX) and self._authority.covers(name.removeprefix(_PREFIX))

    def resource(self, name: str) -> tuple[str, bytes]:
        """Version and serialised secret."""
        made = self._made.get(name)
        if made is None:
            chain, key = self._authority.leaf(name.removeprefix(_PREFIX))
            made = self._made[name] = certificate_bytes(name, chain, key)
        return str(self._version), made

    def renew(self) -> tuple[str, ...]:
        """Forget every certificate; the names of those that must be handed out anew."""
        names = tuple(self._made)
        self._made.clear()
        self._version += 1
        return names
