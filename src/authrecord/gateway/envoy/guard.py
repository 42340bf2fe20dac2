"""Addresses that Envoy must not dial for anybody (rows M12, M13), in the forms in which it can be told.

Envoy resolves names by itself, so that the address is judged where it is chosen: right before a request gets its
credential. For hosts of no rule that is a filter of networks; for the hosts of records, whose filters see the address
as a text only, an expression.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias

from ...clients.egress import permits_for
from ...core.errors import RecordFault
from ...core.origin import Origin
from .shapes import Json, is_address

Network: TypeAlias = IPv4Network | IPv6Network

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


REFUSED: Final = "x-authrecord-c-refused"
"""The header of ours on a request whose upstream has such an address."""


def networks(*, public_only: bool) -> tuple[Network, ...]:
    """What is not dialled. IPv4 addresses inside of IPv6 ones (mapped, NAT64, 6to4) are among them."""
    plain: tuple[Network, ...] = (*_NEVER, *(_PRIVATE if public_only else ()))
    return tuple(form for network in plain for form in _forms(network))


def ranges(*, public_only: bool) -> list[Json]:
    """The networks as Envoy's configuration writes them (`CidrRange`)."""
    return [
        {"address_prefix": str(one.network_address), "prefix_len": one.prefixlen}
        for one in networks(public_only=public_only)
    ]


def expression(*, public_only: bool) -> str:
    """An RE2 expression for `address:port` as Envoy writes it, of every address that is not dialled."""
    never, private = (
        f"{_V4}(?:{_NEVER_V4})|\\[(?:{_NEVER_V6})",
        f"{_V4}(?:{_PRIVATE_V4})|\\[(?:{_PRIVATE_V6})",
    )
    return f"(?:{never}|{private}).*" if public_only else f"(?:{never}).*"


def check(origins: Iterable[Origin], *, public_only: bool) -> None:
    """Raises `RecordFault` for an origin whose host is such an address itself."""
    permits = permits_for(local=not public_only)
    for origin in origins:
        if is_address(origin.host) and not permits(origin.host.strip("[]")):
            raise RecordFault(
                f"{origin} is an address that the gateway does not dial.",
                field="allowed_origins",
                hint="Link-local addresses and metadata services never; private ones only for callers of this machine.",
                code="not_permitted",
            )


def _forms(network: Network) -> Iterable[Network]:
    yield network
    if isinstance(network, IPv4Network):
        for prefix, bits in _V4_INSIDE_V6:
            yield IPv6Network(f"{prefix}{network.network_address}/{bits + network.prefixlen}")
        packed = network.network_address.packed.hex()
        yield IPv6Network(f"2002:{packed[:4]}:{packed[4:]}::/{16 + network.prefixlen}")
