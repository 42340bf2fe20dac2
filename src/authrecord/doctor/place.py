"""Steps: where the store and its key are, and who else reaches them (attack rows K8, K14)."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from ..core.errors import StoreFault
from ..stores.mounts import mounted, network_file_system, real_folder
from ..stores.places import data_folder
from ..stores.private_files import unsafe
from ..stores.spool_file import SPOOL, waiting
from .step import Step, failed, note, ok

NAME = "place"

LEAST_FREE: Final = 64 * 1024 * 1024
"""Bytes: a disk with less is nearly full."""

_BESIDE: Final = ("-wal", "-shm", ".ballast")


def check_file(path: str) -> Step:
    """The file of a SQLite store: its mode, its folder, its file system, the room that is left."""
    kind = network_file_system(real_folder(path), mounted())
    if kind:
        return failed(
            NAME,
            f"{path} is on a network file system ({kind}), where SQLite loses data",
            advice="Keep it on a disk of this machine; several machines share a PostgreSQL.",
        )
    for one in (path, *(path + ending for ending in _BESIDE if os.path.lexists(path + ending))):
        reason = unsafe(one)
        if reason:
            return failed(
                NAME,
                f"{one} {reason}",
                advice="Look who put it there; make it yours alone: chmod 600, and chmod 700 for its folder.",
            )
    state = os.statvfs(os.path.dirname(path))
    free = state.f_bavail * state.f_frsize
    if free < LEAST_FREE:
        return note(
            NAME, f"{path}: the disk is nearly full ({free >> 20} MiB)", advice="Make room on that disk."
        )
    return ok(NAME, f"{path} is yours alone")


def check_url(url: str, place: str) -> Step:
    """A PostgreSQL: does the connection show whom it talks to?"""
    parts = urlsplit(url)
    mode = (parse_qs(parts.query).get("sslmode") or ["prefer"])[-1]
    if _is_local(parts.hostname) or mode == "verify-full":
        return ok(NAME, place)
    return note(
        NAME,
        f"{place}: sslmode={mode} lets somebody between here and there pose as the database",
        advice="Add sslmode=verify-full to the store's URL, and sslrootcert=… where its authority is your own.",
    )


def check_key_place(source: str, store: str) -> Step:
    """Where the key is: for a file, who else reaches it, and is it apart from the store? `store`: a path or empty."""
    scheme, _, path = source.partition(":")
    if scheme == "env":
        return ok("key place", "the key is in a variable; whoever is this user can read it")
    if scheme != "file":
        return ok("key place", f"the key is in a source of its own ({scheme})")
    if not os.path.lexists(path):
        return ok("key place", f"there is no key at {path}")
    reason = unsafe(path)
    if reason:
        return failed(
            "key place",
            f"{path} {reason}",
            advice="Somebody may know the key: make it yours alone (chmod 600), and change it: `authrecord keys "
            "rotate-kek`.",
        )
    if store and os.path.dirname(os.path.realpath(path)) == os.path.dirname(os.path.realpath(store)):
        return note(
            "key place",
            "the key lies in the store's own folder: a copy of the folder is both",
            advice="Keep the key in another folder, and name it with AUTHRECORD_KEY.",
        )
    return ok("key place", f"{path} is yours alone, apart from the store")


def check_spool(environment: Mapping[str, str]) -> Step:
    """What servers of this machine noted while the database was away, and could not tell yet (row N13)."""
    try:
        folder = os.path.join(data_folder(environment), SPOOL)
        found = waiting(folder)
    except (StoreFault, OSError) as error:
        return note(
            "spool", f"nobody can tell what waits for the audit log: {error}", advice="Look at that file."
        )
    if not found:
        return ok("spool", "nothing waits to be told in the audit log")
    return note(
        "spool",
        f"{found:,} entries in {folder} wait to be told in the audit log",
        advice="Start `authrecord serve` on their store here: it tells them when the database answers. What stays "
        "after that is of another store, or was changed.",
    )


def _is_local(host: str | None) -> bool:
    if not host or host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
