"""A value that does not print itself, and a reference to one that lives elsewhere.

A `Secret` cannot be serialised by accident: it has no `__dict__`, prints as stars, does not pickle, does not
encode to JSON, cannot be a dictionary key. `reveal()` is the only way out, so that an audit is a search for
that word; a shape test lists the few modules that may use it (design rule 7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

MASK: Final = "••••"

REFERENCE_KINDS: Final = ("env", "file", "keyring", "command")


class Secret:
    """A secret text. Equal in constant time, unhashable, masked wherever it is printed.

    Raises `TypeError` when it is given anything but a `str`, and when it is pickled or hashed.
    """

    __slots__ = ("_open",)
    __hash__ = None  # type: ignore[assignment]  # a hash would be an oracle for short secrets, and a key prints

    _open: Callable[[], str]

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("a Secret holds text (str)")
        # A closure, not an attribute: `vars`, `dataclasses.asdict` and debuggers that walk slots find a function.
        object.__setattr__(self, "_open", lambda: value)

    def reveal(self) -> str:
        """The text itself. The only door; use it as late as possible and in a short function."""
        return self._open()

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, specification: str) -> str:
        return format(MASK, specification)

    def __bool__(self) -> bool:
        """True when the secret is not the empty text."""
        return bool(self._open())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest

        return compare_digest(_bytes(self), _bytes(other))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not serialised; use reveal() where the value must leave")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is not serialised; use reveal() where the value must leave")


def _bytes(secret: Secret) -> bytes:
    return secret.reveal().encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret lives: `${env:NAME}`, `${file:path}`, `${keyring:service/name}`, `${command:…}`.

    It is not secret itself: it is printed, written and compared like any text. It is resolved when the value
    is needed, and the value is never stored.
    """

    kind: str
    argument: str

    def __str__(self) -> str:
        return "${" + self.kind + ":" + self.argument + "}"


SecretSource = Secret | Reference
"""What a secret field of a record holds: the value, or where to find it."""


def parse_source(text: str) -> SecretSource:
    """`text` as a secret field reads it: a reference where it has that form, else a literal secret.

    Raises `ValueError` (without the text) for `${…}` of an unknown kind or an empty argument, since a typing
    mistake must not be sent to a server as if it were the secret.
    """
    if not (text.startswith("${") and text.endswith("}")):
        return Secret(text)
    kind, colon, argument = text[2:-1].partition(":")
    if not colon or kind not in REFERENCE_KINDS:
        raise ValueError(
            "a reference is written ${env:NAME}, ${file:path}, ${keyring:service/name} or ${command:…}"
        )
    if not argument.strip():
        raise ValueError(f"the reference ${{{kind}:…}} names nothing")
    return Reference(kind, argument)
