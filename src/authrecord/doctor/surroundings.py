"""Step: what the environment of this process does to requests, and to programs that use authrecord (attack row Q6).

Requests to providers follow little of it; those of your own HTTP client may follow all of it. No value is shown but
the host of a proxy and the paths of files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from .step import Step, failed, note, ok

NAME = "surroundings"

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_AUTHORITIES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_FOR_PROVIDERS: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What requests to providers follow as well."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What was found, in a sentence; what to do about it, empty where it is only told; is it a danger?"""

    said: str
    advice: str = ""
    danger: bool = False


def check_surroundings(environment: Mapping[str, str]) -> Step:
    """Looks at variables and at the files that they name; sends nothing."""
    found = [
        *_proxies(environment),
        *_authorities(environment),
        *_key_log(environment),
        *_netrc(environment),
        *_python(environment),
    ]
    details = [one.said for one in found]
    dangers = [one for one in found if one.danger]
    advised = [one for one in found if one.advice]
    if dangers:
        return failed(NAME, dangers[0].said, *details, advice=dangers[0].advice)
    if advised:
        return note(NAME, advised[0].said, *details, advice=advised[0].advice)
    return ok(NAME, "the environment does nothing unusual to requests", *details)


def _proxies(environment: Mapping[str, str]) -> Iterator[_Finding]:
    for name in _PROXIES:
        value = environment.get(name) or environment.get(name.lower(), "")
        if value:
            yield _Finding(
                f"{name} sends the requests of your own HTTP client through {_host(value)}; requests to providers "
                "do not follow it."
            )
    value = environment.get("AUTHRECORD_PROXY", "")
    if value:
        yield _Finding(f"AUTHRECORD_PROXY sends requests to providers through {_host(value)}.")


def _authorities(environment: Mapping[str, str]) -> Iterator[_Finding]:
    for name in _AUTHORITIES:
        path = environment.get(name, "")
        if not path:
            continue
        who = (
            "your own HTTP client and requests to providers trust"
            if name in _FOR_PROVIDERS
            else "requests trusts"
        )
        try:
            state = os.stat(path)
        except OSError:
            yield _Finding(
                f"{name} names {path}, which cannot be read.", f"Unset {name}, or mend its path.", danger=True
            )
            continue
        if state.st_mode & stat.S_IWOTH:
            yield _Finding(
                f"{name} names {path}, which every user of this machine can change.",
                f"Take that right away: chmod o-w {path}.",
                danger=True,
            )
        else:
            yield _Finding(f"{name}: {who} the authorities in {path}, in place of the system's.")


def _key_log(environment: Mapping[str, str]) -> Iterator[_Finding]:
    path = environment.get("SSLKEYLOGFILE", "")
    if path:
        yield _Finding(
            f"SSLKEYLOGFILE makes your own HTTP client write the keys of its connections to {path}: who reads that "
            "file and the network reads your credentials. Requests to providers do not follow it.",
            "Unset SSLKEYLOGFILE, and delete the file.",
        )


def _netrc(environment: Mapping[str, str]) -> Iterator[_Finding]:
    path = environment.get("NETRC", "") or os.path.join(environment.get("HOME", ""), ".netrc")
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if mode & 0o077:
        yield _Finding(f"{path} holds passwords and other users can reach it.", f"chmod 600 {path}")
    yield _Finding(
        f"{path}: requests and httpx take passwords from it for the hosts it names. Where a record's credential "
        "goes, theirs stays behind; requests to providers do not follow it."
    )


def _python(environment: Mapping[str, str]) -> Iterator[_Finding]:
    for name in ("PYTHONPATH", "PYTHONHOME"):
        value = environment.get(name, "")
        if not value:
            continue
        open_to_all = [one for one in value.split(os.pathsep) if _others_may_write(one or ".")]
        if open_to_all:
            yield _Finding(
                f"{name} names {open_to_all[0]}, where other users may put code that then runs here.",
                f"Unset {name}, or take that right away: chmod go-w {open_to_all[0]}.",
                danger=True,
            )
        else:
            yield _Finding(
                f"{name}: code is taken from {value} before authrecord's own.",
                f"Unset {name} for authrecord.",
            )
    if environment.get("AUTHRECORD_ALLOW_COMMANDS") == "1":
        yield _Finding("AUTHRECORD_ALLOW_COMMANDS=1: whoever can write your records runs programs as you.")


def _others_may_write(folder: str) -> bool:
    try:
        state = os.stat(folder)
    except OSError:
        return False
    return bool(state.st_mode & 0o022) or (hasattr(os, "geteuid") and state.st_uid not in (0, os.geteuid()))


def _host(proxy: str) -> str:
    """The host of a proxy's address, which may hold a password."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "an address that cannot be read"
