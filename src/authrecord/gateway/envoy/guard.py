"""Addresses that Envoy must not dial for anybody (rows M12, M13), in the forms in which it can be told.

Envoy resolves names by itself, so that the address is judged where it is chosen: right before a request is
sent. For hosts of no rule that is a filter of networks; for the hosts of records, whose filters see the address
as a text only, an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from ...clients.egress import permits_for
from ...core.errors import RecordFault
from ...core.origin import Origin
from ..dialing import Network, networks_of
from .addresses import expression_of
from .shapes import Json, is_address

_NEVER: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "224.0.0.0/3",
        "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::254/128",
    )
)  # fmt: skip
"""Link-local, where clouds keep the secrets of their machines, and what stands for no machine."""

_PRIVATE: Final = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "::1/128", "fc00::/7",
    )
)  # fmt: skip
"""The operator's own, which a gateway for other machines does not lead to."""

# The same as text: dotted numbers, plain or mapped into IPv6; and the beginnings of IPv6 addresses in their canonical
# form (RFC 5952), where NAT64 and 6to4 addresses show the numbers as hexadecimal digits.
_V4: Final = r"(?:\[::ffff:)?"
_NEVER_V4: Final = (
    r"0\.|169\.254\.|100\.100\.100\.200[:\]]|168\.63\.129\.16[:\]]|192\.0\.0\.192[:\]]|"
    r"22[4-9]\.|2[345][0-9]\."
)
_NEVER_V6: Final = (
    r"::\]|fe[89ab]|ff|fd00:ec2::254\]|"
    r"(?:64:ff9b::|2002:)(?:a9fe:|6464:64c8|a83f:8110|c000:c0|[ef][0-9a-f]{3}:)"
)
_PRIVATE_V4: Final = (
    r"10\.|127\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|192\.(?:168|0\.0)\.|198\.1[89]\.|"
    r"100\.(?:6[4-9]|[789][0-9]|1[01][0-9]|12[0-7])\."
)
_PRIVATE_V6: Final = r"::1\]|f[cd]|64:ff9b:|2002:"

_V4_INSIDE_V6: Final = (("::ffff:", 96), ("64:ff9b::", 96))


REFUSED: Final = "x-envoy-authrecord-refused"
"""The header of ours on a request whose upstream has such an address."""


@dataclass(frozen=True, slots=True)
class Fence:
    """Which addresses are dialled. `public_only`: no private ones; `allowed`: but for those of these networks.

    Where networks are allowed, other private addresses are not. Raises `RecordFault` for a text that is no network.
    """

    public_only: bool = False
    allowed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        expression_of(self.networks)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that are allowed."""
        return networks_of(self.allowed)

    @property
    def hides_private(self) -> bool:
        """True when private addresses are not dialled, or not all of them."""
        return self.public_only or bool(self.allowed)

    def check(self, origins: Iterable[Origin]) -> None:
        """Raises `RecordFault` for an origin whose host is an address that is not dialled."""
        permits = permits_for(local=not self.hides_private, allowed=self.allowed)
        for origin in origins:
            if is_address(origin.host) and not permits(origin.host.strip("[]")):
                raise RecordFault(
                    f"{origin} is an address that the gateway does not dial.",
                    field="allowed_origins",
                    hint="Link-local addresses and metadata services never; private ones for callers of this machine,"
                    " or with --allow-network.",
                    code="not_permitted",
                )

    def predicate(self, seen: Callable[[Json], Json]) -> Json:
        """The matcher for requests to an address that is not dialled.

        `seen` makes the predicate for the address as Envoy writes it, out of what its text must fit.
        """
        never = seen(_fits(expression(public_only=False)))
        if not self.hides_private:
            return never
        every = seen(_fits(expression(public_only=True)))
        if not self.allowed:
            return every
        outside = {"not_matcher": seen(_fits(expression_of(self.networks)))}
        return {"or_matcher": {"predicate": [never, {"and_matcher": {"predicate": [every, outside]}}]}}

    def permissions(self, upstream: Callable[[Json], Json]) -> list[Json]:
        """The same for a filter of networks (RBAC permissions). `upstream` makes one out of a `CidrRange`."""
        never, every = (
            [upstream(_range(one)) for one in networks(public_only=public_only)]
            for public_only in (False, True)
        )
        if not self.hides_private:
            return never
        if not self.allowed:
            return every
        mapped = [form for network in self.networks for form in _plain_forms(network)]
        outside = {"not_rule": {"or_rules": {"rules": [upstream(_range(one)) for one in mapped]}}}
        return [*never, {"and_rules": {"rules": [{"or_rules": {"rules": every}}, outside]}}]


def networks(*, public_only: bool) -> tuple[Network, ...]:
    """What is not dialled. IPv4 addresses inside of IPv6 ones (mapped, NAT64, 6to4) are among them."""
    plain: tuple[Network, ...] = (*_NEVER, *(_PRIVATE if public_only else ()))
    return tuple(form for network in plain for form in _forms(network))


def expression(*, public_only: bool) -> str:
    """An RE2 expression for `address:port` as Envoy writes it, of every address that is not dialled."""
    never, private = (
        f"{_V4}(?:{_NEVER_V4})|\\[(?:{_NEVER_V6})",
        f"{_V4}(?:{_PRIVATE_V4})|\\[(?:{_PRIVATE_V6})",
    )
    return f"(?:{never}|{private}).*" if public_only else f"(?:{never}).*"


def _fits(text: str) -> Json:
    return {"safe_regex": {"google_re2": {}, "regex": text}}


def _range(network: Network) -> Json:
    """A network as Envoy's configuration writes it (`CidrRange`)."""
    return {"address_prefix": str(network.network_address), "prefix_len": network.prefixlen}


def _plain_forms(network: Network) -> Iterable[Network]:
    """A network, and the same mapped into IPv6."""
    return list(_forms(network))[:2] if isinstance(network, IPv4Network) else [network]


def _forms(network: Network) -> Iterable[Network]:
    yield network
    if isinstance(network, IPv4Network):
        for prefix, bits in _V4_INSIDE_V6:
            yield IPv6Network(f"{prefix}{network.network_address}/{bits + network.prefixlen}")
        packed = network.network_address.packed.hex()
        yield IPv6Network(f"2002:{packed[:4]}:{packed[4:]}::/{16 + network.prefixlen}")
