"""The rows of the attack catalogue and of the standards table, by id. Each group's title says what it holds."""

from __future__ import annotations

from typing import Final

ATTACKS: Final = {
    "A": (24, "callback, state, CSRF, mix-up, code injection"),
    "B": (9, "the implicit grant on a loopback server"),
    "C": (31, "answers of the token endpoint"),
    "D": (16, "URLs and headers"),
    "E": (14, "redirects of API requests to other origins"),
    "F": (10, "query tokens, logs, exceptions, Referer"),
    "G": (17, "the pattern of an expired answer, and bodies"),
    "H": (11, "retry and replay"),
    "I": (18, "races of renewal, rotation"),
    "J": (10, "clocks"),
    "K": (17, "crash, disk, database"),
    "L": (18, "keys, ciphertext, backup"),
    "M": (19, "the local web page"),
    "N": (18, "the REST API"),
    "O": (25, "the gateway"),
    "P": (26, "secret masking"),
    "Q": (6, "supply chain and environment"),
}
"""For each group of the attack catalogue: its number of rows, and its title."""

STANDARDS: Final = {
    "RFC 6749 (OAuth 2.0)": range(1, 27),
    "RFC 6750 (bearer tokens)": range(27, 33),
    "RFC 7636 (PKCE)": range(33, 38),
    "RFC 8252 (native apps)": range(38, 46),
    "RFC 9700 (best current practice)": range(46, 64),
    "RFC 9207 (issuer in the answer) and RFC 8414 (metadata)": range(64, 69),
    "later documents": range(69, 89),
}
"""For each document: the numbers of its rows, which are written S1, S2, …"""

REQUIRED_GROUPS: Final = "ABCDEFGHIJKLMNOP"
REQUIRED_STANDARDS: Final = range(1, 69)


def required_rows() -> list[str]:
    """The rows that need a test or a line in docs/security/coverage.md, in order."""
    attacks = [f"{group}{number}" for group in REQUIRED_GROUPS for number in range(1, ATTACKS[group][0] + 1)]
    return attacks + [f"S{number}" for number in REQUIRED_STANDARDS]


def all_rows() -> set[str]:
    """Every row there is: a test named after any other is misnamed."""
    attacks = {f"{group}{number}" for group, (count, _) in ATTACKS.items() for number in range(1, count + 1)}
    return attacks | {f"S{number}" for numbers in STANDARDS.values() for number in numbers}
