"""IP networks as expressions for the text of an address: what Envoy's filters see of an upstream is `address:port`.

IPv4 addresses are dotted numbers, plain or mapped into IPv6; IPv6 addresses stand in brackets in their canonical form
(RFC 5952), in which zeros are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from itertools import groupby
from typing import Final

from ...core.errors import RecordFault
from ..dialing import Network

_GROUP: Final = "[0-9a-f]{1,4}"
_GROUP_BITS: Final = 16
_GROUPS: Final = 8


def expression_of(networks: tuple[Network, ...]) -> str:
    """An RE2 expression that fits the text of each address of `networks`, to its end. Raises `RecordFault`."""
    forms = [form for network in networks for form in _forms(network)]
    return f"(?:{'|'.join(forms)}).*"


def _forms(network: Network) -> Iterator[str]:
    if isinstance(network, IPv4Network):
        yield rf"(?:\[::ffff:)?{_dotted(network)}"
        return
    for form in _grouped(network):
        yield rf"\[{form}"


def _dotted(network: IPv4Network) -> str:
    """Whole numbers first, then one of which some bits are free, then anything."""
    whole, bits = divmod(network.prefixlen, 8)
    numbers = network.network_address.packed
    parts = [str(number) for number in numbers[:whole]]
    if bits:
        first, count = numbers[whole], 2 ** (8 - bits)
        parts.append(f"(?:{'|'.join(map(str, range(first, first + count)))})")
    if not parts:
        return r"[0-9]+\."
    return r"\.".join(parts) + (r"[:\]]" if len(parts) == 4 else r"\.")


def _grouped(network: IPv6Network) -> Iterator[str]:
    """The ways in which the beginning of an address can be written: zeros within it may be left out, or not."""
    packed = network.network_address.packed
    groups = [int.from_bytes(packed[index : index + 2], "big") for index in range(0, 2 * _GROUPS, 2)]
    whole, bits = divmod(network.prefixlen, _GROUP_BITS)
    known, last = groups[:whole], ""
    if bits:
        if not groups[whole]:
            raise RecordFault(
                f"the Envoy engine cannot be told the network {network}.",
                field="allow-network",
                hint=f"Name it in parts whose length is a multiple of {_GROUP_BITS}.",
            )
        last = _partial(groups[whole], bits)
    written = [f"{group:x}" for group in known]
    is_whole = whole + bool(bits) == _GROUPS
    yield _beginning(written, last, is_whole=is_whole)
    free = _GROUPS - whole - bool(bits)
    for start, end in _runs_of_zero(known):
        before = ":".join(written[:start])
        if end < len(known) or last:  # zeros are left out once: all groups behind them are there
            if end - start > 1:
                behind = ":".join([*written[end:], *([last] if last else [])])
                yield rf"{before}::{behind}(?::{_GROUP}){{{free}}}\]"
        else:  # what follows may be zero too, and left out with it
            rest = rf"(?:{_GROUP}(?::{_GROUP}){{0,{free - 1}}})?" if free else ""
            yield rf"{before}::{rest}\]"


def _beginning(written: list[str], last: str, *, is_whole: bool) -> str:
    parts = [*written, *([last] if last else [])]
    return ":".join(parts) + (r"\]" if is_whole else ":" if parts else "")


def _runs_of_zero(groups: list[int]) -> Iterator[tuple[int, int]]:
    position = 0
    for is_zero, run in groupby(groups, key=lambda group: group == 0):
        length = len(list(run))
        if is_zero:
            yield position, position + length
        position += length


def _partial(group: int, bits: int) -> str:
    """A group that is not zero, of which the first `bits` are known."""
    free = _GROUP_BITS - bits
    digits, some = divmod(free, 4)
    known = group >> free
    if not some:
        return f"{known:x}" + f"[0-9a-f]{{{digits}}}" * bool(digits)
    first = group >> (4 * digits)
    one_of = f"(?:{'|'.join(f'{first + step:x}' for step in range(2**some))})"
    return one_of + f"[0-9a-f]{{{digits}}}" * bool(digits)
