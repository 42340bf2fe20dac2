"""Addresses that are not dialled: the forms that Envoy is told mean the same as the library's own rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from authrecord.clients.egress import permits_for
from authrecord.core.errors import RecordFault
from authrecord.core.origin import allowed_origins, origin_of
from authrecord.gateway.envoy.guard import Fence, expression, networks
from authrecord.gateway.listening import Listen
from authrecord.gateway.rules import Rule, Rules, Unmatched
from authrecord.record import Record
from tests.gateway.conftest import authorization
from tests.gateway.envoy.stage import Make
from tests.gateway.stage import Upstream

NEVER = (
    "169.254.169.254", "169.254.0.1", "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255", "0.0.0.0",
    "::", "fe80::1", "febf::1", "ff02::1", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1", "64:ff9b::6464:64c8", "2002:e000:1::",
)  # fmt: skip
PRIVATE = (
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.1", "192.168.1.1", "100.64.0.1", "100.127.1.1", "198.18.0.1",
    "::1", "fc00::1", "fd12:3456::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:c0a8:101::1",
)  # fmt: skip
PUBLIC = (
    "1.1.1.1",
    "9.9.9.9",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "100.128.0.1",
    "169.253.1.1",
    "193.0.0.1",
)
PUBLIC_V6 = ("2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1")


def seen(address: str) -> str:
    """The address as Envoy writes it, with a port."""
    return f"[{ip_address(address)}]:443" if ":" in address else f"{address}:443"


def written(address: str) -> str:
    """Mapped addresses show their dotted form."""
    inner = getattr(ip_address(address), "ipv4_mapped", None)
    return seen(address) if inner is None else f"[::ffff:{inner}]:443"


@pytest.mark.parametrize("public_only", [False, True])
def test_M12_M13_every_form_refuses_the_same_addresses(public_only: bool) -> None:
    forbidden = re.compile(expression(public_only=public_only))
    for address in (*NEVER, *PRIVATE, *PUBLIC, *PUBLIC_V6):
        refused = address in NEVER or (public_only and address in PRIVATE)
        assert bool(forbidden.fullmatch(written(address))) is refused, address
        inside = any(
            ip_address(address) in network
            for network in networks(public_only=public_only)
            if network.version == ip_address(address).version
        )
        assert inside is refused, address
        if address not in {"255.255.255.255", "2002:e000:1::"}:  # for a server of one's own machine no matter
            assert permits_for(local=not public_only)(address) is not refused, address


def test_M12_an_origin_that_is_such_an_address_is_refused_before_envoy_starts() -> None:
    with pytest.raises(RecordFault, match="does not dial"):
        Fence().check([origin_of("http://169.254.169.254")])
    with pytest.raises(RecordFault, match="does not dial"):
        Fence(public_only=True).check([origin_of("https://10.1.2.3:8443")])
    Fence().check([origin_of("https://10.1.2.3:8443"), origin_of("https://api.example.com")])
    assert ip_network("169.254.0.0/16") in networks(public_only=False)


@pytest.mark.parametrize("renewable", [False, True])
def test_M12_M13_a_name_that_leads_to_such_an_address_gets_no_request(
    upstream: Callable[..., Upstream],
    envoy: Make,
    bearer: Callable[..., Record],
    provider_record: Callable[..., Record],
    renewable: bool,
) -> None:
    api = upstream()
    named = api.url.replace("127.0.0.1", "localhost")
    record = provider_record(named) if renewable else bearer(named)
    through = envoy(named, record)
    assert through.get("/a").status == 200
    assert len(authorization(api.taken[0])) == 1
    assert b"x-authrecord" not in api.taken[0].head.lower()
    shared = envoy(named, record, public_only=True)  # loopback is a private address
    for line in ((), ("X-Authrecord-Bypass: 1",)):
        told = shared.get("/b", *line)
        assert (told.status, told.values("x-authrecord-error")) == (403, ["address_refused"])
    assert len(api.taken) == 1


def test_M12_networks_that_are_allowed_are_dialled_and_no_other_private_ones(
    upstream: Callable[..., Upstream], envoy: Make, bearer: Callable[..., Record]
) -> None:
    """By name to a record's host, and through a tunnel to a host of no rule."""
    api, other = upstream(), upstream()
    named, unnamed = (one.url.replace("127.0.0.1", "localhost") for one in (api, other))
    rules = Rules([Rule(records=("orders",), origins=allowed_origins([named]))], unmatched=Unmatched.PASS)
    found = []
    for network in ("10.0.0.0/8", "127.0.0.0/8"):
        through = envoy(
            named,
            bearer(named),
            rules=rules,
            networks=(network,),
            proxy=Listen("127.0.0.1", 0),
            hosts=("x.example",),
        )
        told, caller = through.tunnel(unnamed.partition("://")[2])
        caller.socket.close()
        found.append((through.get("/").status, told.status))
    assert found == [(403, 403), (200, 200)]
    assert len(api.taken) == 1


def test_M13_a_network_that_is_allowed_opens_no_metadata_service() -> None:
    fence = Fence(allowed=("169.254.0.0/16", "10.1.0.0/16", "fd00::/8"))
    for address in ("169.254.169.254", "10.2.0.1", "[fd00:ec2::254]", "[fc00::1]"):
        with pytest.raises(RecordFault, match="does not dial"):
            fence.check([origin_of(f"http://{address}")])
    fence.check([origin_of(f"http://{address}") for address in ("10.1.2.3", "[fd12::1]", "1.1.1.1")])

    def forbids(predicate: dict[str, Any], address: str) -> bool:
        """What Envoy makes of the matcher."""
        for kind, decides in (("or_matcher", any), ("and_matcher", all)):
            if kind in predicate:
                return decides(forbids(one, address) for one in predicate[kind]["predicate"])
        if "not_matcher" in predicate:
            return not forbids(predicate["not_matcher"], address)
        return re.fullmatch(predicate["safe_regex"]["regex"], seen(address)) is not None

    predicate = fence.predicate(lambda value: value)
    addresses = ("169.254.169.254", "10.2.0.1", "fd00:ec2::254", "fc00::1", "10.1.2.3", "fd12::1", "1.1.1.1")
    assert [forbids(predicate, one) for one in addresses] == [True] * 4 + [False] * 3
