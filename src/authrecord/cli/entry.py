"""Where the command begins: the fast path of `token`, then everything else.

`$(authrecord token orders)` runs thousands of times in scripts. With a live token it must import neither click,
nor a parser of documents, nor an HTTP library (rule 10): so its arguments are read here, by hand, and anything
unusual goes the normal way.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line. Ends the process with its exit code."""
    _leave_no_core()
    if not _printed_quickly(sys.argv[1:]):
        from .app import run

        _hide_key()
        sys.exit(run(sys.argv[1:]))


def _leave_no_core() -> None:
    """A crash writes no image of this process, and so of the secrets in it, to the disk (attack row P16)."""
    try:
        import resource
    except ImportError:  # Windows writes none
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _hide_key() -> None:
    """What is started, such as the editor, gets neither key nor API token of the store (attack row P11)."""
    from ..core.errors import StoreFault
    from ..stores.keys import hide_key
    from ..stores.locating import located

    try:
        store = located(os.environ)
        hide_key(store.key, os.environ)
        hide_key(store.api_token, os.environ)
    except StoreFault:
        return  # of the settings: the command that needs them says it


def _printed_quickly(arguments: list[str]) -> bool:
    """True when `[--file F] token NAME` was answered out of the store."""
    if len(arguments) == 2:
        command, name, file = arguments[0], arguments[1], ""
    elif len(arguments) == 4 and arguments[0] in {"--file", "-f"}:
        command, name, file = arguments[2], arguments[3], arguments[1]
    else:
        return False
    if command != "token" or name.startswith("-") or os.isatty(1):
        return False
    token = _cached_token(name, file)
    if token is None:
        return False
    try:
        sys.stdout.write(token + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone. Without this Python would say so at its end, in words of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return True


def _cached_token(name: str, file: str) -> str | None:
    from ..stores.locating import found_document, located

    index, content = None, b""
    try:
        store = located(os.environ)
        document = found_document(os.environ, os.getcwd(), store, file=file)
        if document:
            with open(document, "rb") as opened:
                content = opened.read()
    except Exception:  # noqa: BLE001 - whatever it is, the normal way finds it again and says it well
        return None
    from time import time

    from ..stores.quick import index_key, quick_token

    if document:
        index = index_key(os.path.abspath(document), content, name)
    found = quick_token(store, name, time(), os.environ, index=index)
    return None if found is None else found.reveal()
