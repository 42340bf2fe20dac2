"""Networks as expressions for the text of an address mean what the networks mean."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from authrecord.core.errors import RecordFault
from authrecord.gateway.dialing import Network
from authrecord.gateway.envoy.addresses import expression_of

ADDRESSES = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=6),
    # Addresses with runs of zeros, which are left out in their text.
    st.lists(st.sampled_from([0, 0, 0, 1, 0xFD00, 0x2001, 0xABC]), min_size=8, max_size=8).map(
        lambda groups: ip_address(":".join(f"{group:x}" for group in groups))
    ),
)


def fits(networks: tuple[Network, ...], address: str) -> bool:
    """Whether the expression fits the address as Envoy writes it."""
    seen = f"[{address}]:443" if ":" in address else f"{address}:443"
    return re.fullmatch(expression_of(networks), seen) is not None


@given(address=ADDRESSES, near=ADDRESSES, length=st.integers(0, 128))
def test_M13_an_expression_fits_the_addresses_of_its_network_and_no_others(
    address: object, near: object, length: int
) -> None:
    size = 32 if ip_address(str(address)).version == 4 else 128
    network = ip_network(f"{address}/{min(length, size)}", strict=False)
    try:
        expression_of((network,))
    except RecordFault:
        assume(False)
    first, last = int(network[0]), int(network[-1])
    beside = [network[0].__class__(one) for one in (first - 1, last + 1) if 0 <= one < 2**size]
    for one in (address, near, network[0], network[-1], *beside):
        found = ip_address(str(one))
        assert fits((network,), str(found)) is (found in network), (network, found)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("10.1.0.0/16", ("10.1.2.3", "::ffff:10.1.2.3"), ("10.10.2.3", "10.2.0.1", "110.1.0.1")),
        ("10.1.2.3/32", ("10.1.2.3", "::ffff:10.1.2.3"), ("10.1.2.30", "10.1.2.4")),
        ("172.16.0.0/12", ("172.16.0.1", "172.31.9.9"), ("172.32.0.1", "172.1.0.1")),
        ("fd00::/8", ("fd00::1", "fdff:1::"), ("fc00::1", "fe00::1")),
        ("fd00:0:0:1::/64", ("fd00:0:0:1::5", "fd00::1:2:3:4:5"), ("fd00::1", "fd00:0:1::1")),
        ("::1/128", ("::1",), ("::2", "::1:1", "1::1")),
    ],
)
def test_networks_that_operators_name(
    network: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    networks = (ip_network(network),)
    assert [fits(networks, address) for address in (*inside, *outside)] == [True] * len(inside) + [
        False
    ] * len(outside)


def test_several_networks_are_one_expression() -> None:
    networks = (IPv4Network("10.1.0.0/16"), IPv6Network("fd12::/16"))
    assert [fits(networks, one) for one in ("10.1.9.9", "fd12::9", "10.2.0.0")] == [True, True, False]


def test_a_network_that_cannot_be_told_is_said() -> None:
    with pytest.raises(RecordFault, match="cannot be told"):
        expression_of((IPv6Network("fd00::/20"),))
