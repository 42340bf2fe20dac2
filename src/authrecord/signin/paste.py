"""Paste-back: the redirected address, copied out of a browser that could not reach us. Checked just as strictly."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..core.errors import LoginFailed
from ..grants.pending import LONGEST_ANSWER, Answer, PendingLogin, not_ours, parse_answer


def pasted_answer(text: str, pending: PendingLogin) -> Answer:
    """The answer in what was pasted: the whole address, or only its query or fragment (A22).

    White space, as a terminal or a mail puts it into a long line, is taken out. Raises `LoginFailed`
    (`not_ours`) for another address than this login's callback, and for what holds no answer.
    """
    address = "".join(text.split())
    if len(address) > LONGEST_ANSWER:
        raise not_ours("what was pasted is too long")
    if "://" in address.partition("?")[0].partition("#")[0]:
        return _of_address(address, pending)
    return _found(address.lstrip("?#"))


def _of_address(address: str, pending: PendingLogin) -> Answer:
    try:
        given, expected = urlsplit(address), urlsplit(pending.redirect_uri)
        same = (given.scheme, given.netloc, given.path or "/") == (
            expected.scheme,
            expected.netloc,
            expected.path or "/",
        )
    except ValueError:
        raise LoginFailed("what was pasted is no address.", code="not_ours") from None
    if not same:
        raise not_ours("the pasted address is not this login's callback address")
    return _found(given.fragment if pending.grant == "implicit" and given.fragment else given.query)


def _found(text: str) -> Answer:
    answer = parse_answer(text)
    if not answer:
        raise not_ours("what was pasted holds no answer of the provider")
    return answer
