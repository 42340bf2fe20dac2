"""Masks secrets by value, in log lines and in the texts of exceptions. The second line of defence (P25).

The first is structure: a credential is put on a copy of the request, at the last moment. But urllib3 writes the
path with its query at DEBUG, and some libraries put a header's value into an error's text. Here every live
secret is known, raw and in its common encodings, and taken out of such texts. Secrets shorter than 8 characters
are not masked: it would make logs useless and tell an observer what to guess (P23).
"""

from __future__ import annotations

import base64
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from ..core.secret import MASK

SHORTEST: Final = 8
"""Characters. A shorter secret is not masked."""

MOST_VALUES: Final = 65_536
"""How many texts (secrets in all their forms) are known at a time; the oldest go first."""

LOGGERS: Final = (
    "httpx",
    "httpx2",
    *(
        f"{library}.{part}"
        for library in ("httpcore", "httpcore2")
        for part in ("connection", "http11", "http2", "proxy", "socks")
    ),
    "urllib3",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
    "requests",
    "aiohttp.client",
    "aiohttp.internal",
    "asyncio",
    # What HTTP/2 sends, at DEBUG: httpx, httpx2 and the gateway speak it through this library.
    "hpack.hpack",
    "hpack.table",
)
"""A filter of a logger sees that logger's own records only, so each one that writes is named."""

_GRAM: Final = 5
_STRIDE: Final = SHORTEST - _GRAM + 1


class Known:
    """The known texts, and a search for any of them.

    Of each text the last 8 characters are indexed by their pieces of 5, at each of the 4 offsets. Whatever holds
    the text then holds one of the pieces at a place divisible by 4, so that a search looks at every fourth place
    only, whatever the number of texts (P24). The end is taken, because tokens of one kind begin alike.
    """

    def __init__(self, most: int = MOST_VALUES) -> None:
        self._most = most
        self._texts: OrderedDict[str, None] = OrderedDict()
        self._by_gram: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, texts: Iterable[str]) -> None:
        """Know these texts from now on; the longest unused are forgotten when there are too many."""
        with self._lock:
            for text in texts:
                if len(text) < SHORTEST:
                    continue
                if text in self._texts:
                    self._texts.move_to_end(text)
                    continue
                self._texts[text] = None
                for gram in _grams(text):
                    self._by_gram.setdefault(gram, set()).add(text)
            while len(self._texts) > self._most:
                self._forget(self._texts.popitem(last=False)[0])

    def drop(self, texts: Iterable[str]) -> None:
        """Know these texts no longer."""
        with self._lock:
            for text in texts:
                if text in self._texts:
                    del self._texts[text]
                    self._forget(text)

    def masked(self, text: str) -> str:
        """`text` with every known text in it replaced; `text` itself when there is none."""
        by_gram = self._by_gram
        hits = [
            found
            for place in range(0, len(text) - _GRAM + 1, _STRIDE)
            if (found := by_gram.get(text[place : place + _GRAM]))
        ]
        if not hits:
            return text
        with self._lock:
            candidates = sorted({known for found in hits for known in found}, key=len, reverse=True)
        for known in candidates:
            if known in text:
                text = text.replace(known, MASK)
        return text

    def _forget(self, text: str) -> None:
        for gram in _grams(text):
            holders = self._by_gram.get(gram)
            if holders is not None:
                holders.discard(text)
                if not holders:
                    del self._by_gram[gram]


def _grams(text: str) -> Iterator[str]:
    tail = text[-SHORTEST:]
    return (tail[offset : offset + _GRAM] for offset in range(_STRIDE))


def forms(secret: str) -> Iterator[str]:
    """The texts in which a secret appears.

    Raw, without its prefix, percent-encoded, as `repr` writes it, and base64 in its three alignments.
    """
    values = {secret, secret.rpartition(" ")[2]}
    for value in values:
        if len(value) < SHORTEST:
            continue
        yield value
        yield from {quote(value, safe=""), quote_plus(value), quote(value, safe="/"), repr(value)[1:-1]} - {
            value
        }
        yield from _base64_forms(value.encode("utf-8"))


def _base64_forms(value: bytes) -> Iterator[str]:
    """What stays the same of a value's base64 whatever stands before and after it, in both alphabets."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + value).decode("ascii")
        first = (0, 2, 3)[before]
        last = len(encoded) - (0, 3, 2)[(before + len(value)) % 3]
        part = encoded[first:last]
        yield part
        if "+" in part or "/" in part:
            yield part.translate({ord("+"): "-", ord("/"): "_"})


_KNOWN: Final = Known()


def remember(secrets: Iterable[str]) -> None:
    """Mask these secrets from now on, in all their forms."""
    _KNOWN.add(form for secret in secrets for form in forms(secret))


def let_go(secrets: Iterable[str]) -> None:
    """These secrets are worth nothing any more: a program that runs for months need not know them all."""
    _KNOWN.drop(form for secret in secrets for form in forms(secret))


def masked(text: str) -> str:
    """`text` without any known secret."""
    return _KNOWN.masked(text)


class MaskingFilter(logging.Filter):
    """Lets every record pass, with known secrets masked in its message and in its exception's text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            return True  # a message that does not fit its arguments: logging reports it in its own way
        clean = _KNOWN.masked(message)
        if clean is not message:
            record.msg, record.args = clean, None
        if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
            text = logging.Formatter().formatException(record.exc_info)
            clean = _KNOWN.masked(text)
            if clean is not text:
                record.exc_text, record.exc_info = clean, None
        return True


_FILTER: Final = MaskingFilter()


def install() -> None:
    """Put the filter on the loggers of the HTTP libraries. Calling it again changes nothing."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if _FILTER not in logger.filters:
            logger.addFilter(_FILTER)
