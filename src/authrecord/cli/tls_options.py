"""`--tls-certificate` and `--tls-key`, which are given together or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..core.errors import RecordFault


def with_tls(where: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds both options to a command. `where`: what is said of the certificate beside its form."""

    def adding(command: Callable[..., Any]) -> Callable[..., Any]:
        file = click.Path(dir_okay=False)
        key = click.option(
            "--tls-key",
            type=file,
            default=None,
            metavar="FILE",
            help="The file with the certificate's key, PEM.",
        )
        certificate = click.option(
            "--tls-certificate", type=file, default=None, help=f"Certificate chain, PEM{where}."
        )
        return certificate(key(command))

    return adding


def pair_of(certificate: str | None, key: str | None) -> tuple[str, str] | None:
    """Both paths, or `None` when neither was given. Raises `RecordFault` for one without the other."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise RecordFault("TLS wants both --tls-certificate and --tls-key.", field="tls")
    return certificate, key
