"""Logins under attack: an answer with a forged `state`, and a listener that other machines could reach.

    python benchmarks/logins.py [--json FILE]

While a login waits, the benchmark looks up which addresses its listener is bound to, tries to connect to it by
the machine's other address, and sends it an answer with the attacker's code and a state of its own. The login is
`accepted` when that code arrives at the token endpoint. Then the genuine answer is sent, if the login still waits.
Libraries without a listener are handed the forged address as their documentation says.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import login_peers
from common import arguments, finish, say, table
from leak_stage import Stage, holds

ATTACKER = "attackers-code"
GENUINE = "genuine-code"


@dataclass
class Login:
    """What became of one library's login."""

    subject: str
    forged: str = "the login did not begin"
    genuine: str = "-"
    bound_to: tuple[str, ...] = ()
    other_address: str = "-"
    loopback_only: bool | None = None


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def other_address() -> str:
    """An address of this machine that is not loopback, or nothing. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.77", 9))
        except OSError:
            return ""
        found = str(asked.getsockname()[0])
    return "" if ipaddress.ip_address(found).is_loopback else found


def bound_addresses(port: int) -> tuple[str, ...]:
    """The local addresses on which somebody listens at `port`, by the kernel's own tables."""
    found = []
    for table_name in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table_name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if fields[3] == "0A" and int(number, 16) == port:
                found.append(str(_address(bytes.fromhex(address))))
    return tuple(found)


def _address(raw: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The kernel writes addresses as 32-bit words in the machine's order."""
    words = [raw[at : at + 4][::-1] for at in range(0, len(raw), 4)]
    return ipaddress.ip_address(b"".join(words))


def connects(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


def send(url: str) -> None:
    """What a browser would send; the answer's status is no matter."""
    try:
        login_peers.BROWSER.get(url, follow_redirects=True)
    except httpx2.HTTPError:
        return


def arrived(stage: Stage, code: str) -> bool:
    return any(b"/token" in one.partition(b"\n")[0] and holds(one, code) for one in stage.api.seen)


def listened(stage: Stage, subject: str, begin: login_peers.Begin) -> Login:
    found = Login(subject)
    stage.reset("t")

    def opened(url: str) -> None:
        query = parse_qs(urlsplit(url).query)
        callback = query["redirect_uri"][0]
        port = urlsplit(callback).port or 80
        found.bound_to = bound_addresses(port)
        if found.bound_to and all(":" in one for one in found.bound_to):  # a browser tries both for localhost
            callback = callback.replace("//localhost:", "//[::1]:")
        found.loopback_only = (
            all(ipaddress.ip_address(one).is_loopback for one in found.bound_to) if found.bound_to else None
        )
        other = other_address()
        if other:
            found.other_address = "reachable" if connects(other, port) else "refused"
        send(f"{callback}?code={ATTACKER}&state={secrets.token_urlsafe(16)}")
        found.forged = "refused"
        until = time.monotonic() + 2.5  # one of them looks only once a second whether an answer came
        while time.monotonic() < until and not arrived(stage, ATTACKER):
            time.sleep(0.05)
        state = query.get("state", [""])[0]
        send(f"{callback}?code={GENUINE}&state={state}")

    try:
        begin(stage, opened)
    except Exception as error:
        say(f"{subject}: {type(error).__name__}: {str(error)[:150]}")
    if arrived(stage, ATTACKER):
        found.forged = "ACCEPTED"
    found.genuine = "accepted" if arrived(stage, GENUINE) else "the login had ended"
    return found


def handed(stage: Stage, subject: str, hand: login_peers.Hand) -> Login:
    found = Login(subject, bound_to=(), other_address="no listener of its own")
    stage.reset("t")
    try:
        hand(stage, f"code={ATTACKER}&state={secrets.token_urlsafe(16)}")
    except Exception as error:
        say(f"{subject}: {type(error).__name__}: {str(error)[:150]}")
    found.forged = "ACCEPTED" if arrived(stage, ATTACKER) else "refused"
    return found


def main() -> None:
    options = arguments(__doc__).parse_args()
    warnings.simplefilter("ignore")
    with Stage() as stage:
        logins = [listened(stage, name, begin) for name, begin in login_peers.listening(free_port).items()]
        logins += [handed(stage, name, hand) for name, hand in login_peers.HANDED.items()]
    rows = [
        (one.subject, one.forged, one.genuine, ", ".join(one.bound_to) or "-", one.other_address)
        for one in logins
    ]
    print(
        table(
            ("login", "forged state", "genuine answer afterwards", "bound to", "by the other address"), rows
        )
    )
    finish({"logins": [asdict(one) for one in logins]}, options.json)


if __name__ == "__main__":
    main()
