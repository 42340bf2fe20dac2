"""`authrecord ca show|trust|rotate`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.errors import RecordFault, StoreFault
from .context import Options, example, with_options
from .gateway_options import authority_folder, hosts_of_records, utc_now
from .output import console, print_json

if TYPE_CHECKING:
    from ..gateway.authority import Authority

SYSTEM_FOLDER = Path("/usr/local/share/ca-certificates")
NICKNAME = "authrecord gateway"


@click.command(
    "ca",
    epilog=example("authrecord ca show", "authrecord ca trust", "authrecord ca rotate"),
)
@click.argument("action", type=click.Choice(["show", "trust", "rotate"]))
@click.option("--system", is_flag=True, help="trust: for every program of this machine (as root).")
@with_options
def command(options: Options, action: str, system: bool) -> None:
    """The certificate authority with which the forward proxy opens HTTPS to the records' hosts.

    show: where it is, what it may speak for, until when. trust: let this user's Chromium trust it (NSS), or with
    --system everybody. rotate: make a new one for the hosts of all records; it has to be trusted anew.
    """
    from ..gateway.authority import Authority

    folder = authority_folder(options)
    if action == "rotate":
        made = Authority.made(hosts_of_records(options.records()), utc_now)
        made.save(folder)
        _show(options, made, folder)
        return
    found = Authority.loaded(folder, utc_now)
    if found is None:
        raise RecordFault(
            "there is no certificate authority yet.",
            hint="Make one: authrecord ca rotate. `authrecord gateway --proxy-listen` makes it as well.",
            code="no_authority",
        )
    if action == "show":
        _show(options, found, folder)
    elif system:
        _trust_system(folder / "ca.pem")
    else:
        _trust_user(options, folder / "ca.pem")


def _show(options: Options, authority: Authority, folder: Path) -> None:
    end = authority.certificate.not_valid_after_utc
    if options.as_json:
        print_json(
            {
                "certificate": str(folder / "ca.pem"),
                "sha256": authority.fingerprint,
                "hosts": list(authority.hosts),
                "valid_until": end.isoformat(),
            }
        )
        return
    out = console()
    out.print(f"certificate {folder / 'ca.pem'}")
    out.print(f"SHA-256     {authority.fingerprint}")
    out.print(f"speaks for  {', '.join(authority.hosts)}")
    out.print(f"until       {end:%Y-%m-%d}")


def _trust_user(options: Options, certificate: Path) -> None:
    """Into the user's NSS database, which Chromium reads; other programs take variables."""
    out = console()
    home = options.settings().environment.get("HOME", "")
    tool = shutil.which("certutil")
    if tool is None:
        raise StoreFault(
            "certutil is not here, so Chromium cannot be told.",
            hint="Install it (Debian: libnss3-tools), or use --system.",
            code="no_certutil",
        )
    database = Path(home) / ".pki" / "nssdb"
    if not (database / "cert9.db").exists():
        database.mkdir(parents=True, exist_ok=True)
        _run([tool, "-d", f"sql:{database}", "-N", "--empty-password"])
    _run([tool, "-d", f"sql:{database}", "-A", "-t", "C,,", "-n", NICKNAME, "-i", str(certificate)])
    out.print(f"Chromium of this user trusts it now ({database}).")
    out.print("Others take it by a variable:", style="dim")
    for name in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        out.print(f"  export {name}={certificate}")


def _trust_system(certificate: Path) -> None:
    """Into the machine's list, as Debian keeps it."""
    tool = shutil.which("update-ca-certificates")
    if tool is None or not os.access(SYSTEM_FOLDER, os.W_OK):
        raise StoreFault(
            "the machine's list of authorities cannot be changed from here.",
            hint=f"As root, on Debian: copy {certificate} to {SYSTEM_FOLDER} and run update-ca-certificates.",
            code="not_allowed",
        )
    shutil.copyfile(certificate, SYSTEM_FOLDER / "authrecord-gateway.crt")
    _run([tool])
    console().print("Every program of this machine that reads the system's list trusts it now.")


def _run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - fixed tools
    if done.returncode:
        raise StoreFault(
            f"{Path(words[0]).name} failed with exit code {done.returncode}.", code="tool_failed"
        )
