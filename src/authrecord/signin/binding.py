"""Binds a login to the browser that began it, so that no other one can finish it (attack rows A6 and A10).

The browser is sent to a start page of our own listener, which works once: it sets a cookie and redirects to the
provider. An answer must bring that cookie. So neither `state` nor challenge is ever an argument of the browser's
command, where other users of the machine could read them, and an answer that somebody else prepared is not taken.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from typing import Final

from ..grants.pending import LIFE_SECONDS

START: Final = "/go/"


class Binding:
    """The start page's path and the cookie of one login. `random`: a new unguessable text.

    Without a visit to the start page (the address was opened by hand, elsewhere) no cookie is demanded: `state`,
    which only who was shown the address knows, is what binds then.
    """

    def __init__(self, random: Callable[[], str]) -> None:
        self.path = START + random()
        self._key = random()
        self._begun = False

    def begin(self, cookies: str, port: int) -> bool:
        """A visit of the start page: true for the first browser, and for the same one again."""
        if self._begun and not self._holds(cookies, port):
            return False
        self._begun = True
        return True

    def admits(self, cookies: str, port: int) -> bool:
        """True when an answer that came with the `Cookie` header `cookies` may be looked at."""
        return not self._begun or self._holds(cookies, port)

    def header(self, port: int) -> tuple[str, str]:
        """The header that sets the cookie. Browsers keep no cookies apart by port, so its name does."""
        value = f"{_name(port)}={self._key}; Path=/; Max-Age={LIFE_SECONDS:.0f}; HttpOnly; SameSite=Lax"
        return ("set-cookie", value)

    def _holds(self, cookies: str, port: int) -> bool:
        pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
        return any(name == _name(port) and compare_digest(value, self._key) for name, _, value in pairs)


def _name(port: int) -> str:
    return f"authrecord_login_{port}"


def ended(port: int) -> tuple[str, str]:
    """The header that takes the cookie back."""
    return ("set-cookie", f"{_name(port)}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
