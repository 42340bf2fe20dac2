"""Where a server may connect to on behalf of others: decided about the resolved address, at the moment of connecting.

A record's URLs are typed by people, so they may point into the server's own network. A name is resolved once and
what was checked is what is dialled, so that a name that changes between check and connect gains nothing (attack
rows M12, M13).
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import httpx2

Permits: TypeAlias = Callable[[str], bool]
"""True for an IP address (as text) that may be connected to."""

_METADATA: Final = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
"""Where clouds hand credentials to whoever asks."""

_CARRIES_IPV4: Final = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "::/96"))
"""Networks whose last 32 bits are an IPv4 address that a gateway would dial."""


def anywhere(address: str) -> bool:
    """For a program of the user's own: no address is refused."""
    return True


def permits_for(*, local: bool, allowed: tuple[str, ...] = ()) -> Permits:
    """The rule of a server.

    `local`: it serves the person at this machine only, so loopback and private addresses are theirs to name.
    `allowed`: further networks (`10.1.0.0/16`) that may be connected to. Raises `ValueError` for one that is none.
    Never: link-local addresses, cloud metadata, multicast, and addresses that stand for no machine.
    """
    networks = tuple(ip_network(text) for text in allowed)

    def permits(text: str) -> bool:
        try:
            address = _plain(text)
        except ValueError:
            return False
        if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
            return False
        if any(address in network for network in networks):
            return True
        return local or address.is_global

    return permits


def _plain(text: str) -> IPv4Address | IPv6Address:
    """The address that is dialled in the end: an IPv4 address inside of an IPv6 one is taken out."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and any(address in network for network in _CARRIES_IPV4) and int(address) > 1:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return IPv4Address("127.0.0.1") if address.is_loopback else (inner or address)


def guarded_transport(permits: Permits, *, timeout: float, ca_file: str = "") -> httpx2.BaseTransport:
    """A transport for httpx2 that connects to permitted addresses only, each name resolved once."""
    import httpx2

    from .sender_network import resolved_addresses
    from .sender_tls import tls_context

    inner = httpx2.HTTPTransport(verify=tls_context(ca_file, None), trust_env=False)

    class Guarded(httpx2.BaseTransport):
        """Dials the checked address; name and certificate stay those of the URL."""

        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            host = request.url.host
            port = request.url.port or (443 if request.url.scheme == "https" else 80)
            address = next(iter(resolved_addresses(host, port, timeout, permits)))
            dialled = httpx2.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            return inner.handle_request(dialled)

        def close(self) -> None:
            inner.close()

    return Guarded()
