"""On what kind of file system a file is. SQLite's write-ahead log needs one that belongs to this machine (row K8)."""

from __future__ import annotations

import os
import re
from typing import Final

MOUNTS: Final = "/proc/self/mountinfo"

NETWORK: Final = frozenset(
    {
        "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
        "ocfs2", "orangefs", "panfs", "smb2", "smb3", "smbfs",
        "fuse.ceph", "fuse.davfs", "fuse.glusterfs", "fuse.nfs", "fuse.rclone", "fuse.s3fs", "fuse.smbnetfs",
        "fuse.sshfs",
    }
)  # fmt: skip
"""File systems whose files other machines change: shared memory and locks do not reach across them."""

_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def network_file_system(path: str, mounts: str) -> str:
    """The name of the network file system that `path` (absolute) is on; empty when it is on none that is known.

    `mounts`: the text of /proc/self/mountinfo (proc_pid_mountinfo(5)).
    """
    longest, kind = -1, ""
    for line in mounts.splitlines():
        front, dash, back = line.partition(" - ")
        fields = front.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), fields[4])
        if len(point) >= longest and (path == point or path.startswith(point.rstrip("/") + "/")):
            longest, kind = len(point), back.split(" ")[0]
    return kind if kind in NETWORK else ""


def mounted() -> str:
    """The text of this process's mounts; empty where the system does not tell."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def real_folder(path: str) -> str:
    """The folder of `path` with every symbolic link followed, as far as it exists."""
    return os.path.realpath(os.path.dirname(path) or ".")
