"""What `gateway` and `run` share: records and rules from files and options, read again when they change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from ..core.errors import RecordFault, StoreFault
from .context import Options
from .gateway_records import OpenedRecords

if TYPE_CHECKING:
    from ..core.secret import Secret
    from ..gateway.authority import Authority
    from ..gateway.routes import Authenticators
    from ..gateway.rules import OwnCredential, Rules, Unmatched
    from ..wiring import Records

PASSWORD_VARIABLE = "AUTHRECORD_GATEWAY_PASSWORD"
Result = TypeVar("Result")


class RuleSource:
    """The rules and records of one gateway. `names`: `--record`; `file`: `--rules`, which stands instead of them."""

    def __init__(
        self,
        options: Options,
        names: tuple[str, ...],
        file: Path | None,
        *,
        own_credential: OwnCredential,
        unmatched: Unmatched,
        together: bool,
    ) -> None:
        self._document = options.source().document
        self.records = options.records()
        self._opened = OpenedRecords(self.records)
        self._names = names
        self._file = file
        self._own_credential = own_credential
        self._unmatched = unmatched
        self._together = together

    def read(self) -> tuple[Rules, Authenticators]:
        """The rules as they are now. Raises `DocumentFault` and `RecordFault`."""
        from ..gateway.rules_file import read_rules, simple_rules

        opened = self._opened

        def origins_of(name: str) -> tuple[str, ...]:
            return opened.record(name).allowed_origins

        if self._file is not None:
            rules = read_rules(self._file, origins_of, unmatched=self._unmatched)
        else:
            rules = simple_rules(
                self._names,
                origins_of,
                own_credential=self._own_credential,
                unmatched=self._unmatched,
                together=self._together,
            )
        # An unknown name, a record without origins: said now, not at a request.
        found = {name: opened.authenticator(name) for name in rules.records}
        opened.keep_only(found)
        return rules, found.__getitem__

    def reload(self) -> Callable[[], tuple[Rules, Authenticators] | None]:
        """What the gateway asks each second: the new rules once a file, or a record in use, has changed."""
        from ..gateway.watching import Watched

        files = [file for file in (self._document, self._file) if file is not None]
        return Watched(files, self._read_again, also=self._opened.marks)

    def _read_again(self) -> tuple[Rules, Authenticators]:
        from ..documents import read_file
        from ..wiring import Records

        before = self.records
        try:
            if self._document is not None:
                self.records = Records(
                    {record.name: record for record in read_file(self._document)},
                    before.keeper,
                    source=before.source,
                    base=before.base,
                )
            self._opened.forget_changed(self.records)
            return self.read()
        except Exception:
            self.records = self._opened.records = before
            raise


def password_from(options: Options, file: Path | None) -> tuple[Secret, bool]:
    """The gateway's password, and whether it was made just now. Raises `RecordFault` for a weak one."""
    from ..gateway.callers import checked_password, new_password

    given = options.settings().environment.get(PASSWORD_VARIABLE, "")
    if file is not None:
        return checked_password(file.read_text("utf-8").strip(), str(file)), False
    if given:
        return checked_password(given, PASSWORD_VARIABLE), False
    return new_password(), True


def opened_log(file: Path) -> TextIO:
    """The file of the access log, to append lines to. Raises `StoreFault` when it cannot be written."""
    try:
        return file.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise StoreFault(
            f"the access log cannot be written: {error.strerror}.", code="no_access_log"
        ) from None


def utc_now() -> dt.datetime:
    """The time, with its zone."""
    return dt.datetime.now(dt.UTC)


def authority_folder(options: Options) -> Path:
    """Where the certificate authority of the forward proxy is kept."""
    from ..stores.places import data_folder

    return Path(data_folder(options.settings().environment)) / "gateway"


def hosts_of(origins: Iterable[str]) -> list[str]:
    """The https hosts among allowed origins, `*.` included, in order."""
    from ..core.origin import allowed_origin

    found: dict[str, None] = {}
    for text in origins:
        origin, below = allowed_origin(text)
        if origin.scheme == "https":
            found[f"*.{origin.host}" if below else origin.host] = None
    return list(found)


def hosts_of_records(records: Records) -> list[str]:
    """The https hosts of every record."""
    return hosts_of(origin for record in records.values() for origin in record.allowed_origins)


def authority_of(options: Options, rules: Rules, *, lasting: bool) -> Authority | None:
    """The authority for the https hosts of the rules; `None` when there are none.

    `lasting`: the one that is kept, made on first use. Else that one where it speaks for these hosts and is there,
    and one that lives as long as this process where not. Raises `RecordFault` and `StoreFault`.
    """
    from ..gateway.authority import Authority, kept_authority

    patterns = [
        *(str(origin) for rule in rules.all for origin in sorted(rule.origins.exact)),
        *(str(origin).replace("://", "://*.") for rule in rules.all for origin in rule.origins.below),
    ]
    hosts = hosts_of(patterns)
    if not hosts:
        return None
    folder = authority_folder(options)
    if lasting:
        return kept_authority(folder, hosts, utc_now)
    kept = Authority.loaded(folder, utc_now)
    if kept is not None and all(kept.covers(host) for host in hosts):
        return kept
    return Authority.made(hosts, utc_now)


def run_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a gateway's work to its end, on uvloop where it is installed."""
    import asyncio

    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:
        factory = None  # the standard loop serves too, at half the speed
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def need_records(names: tuple[str, ...], rules: Path | None) -> None:
    """Raises a usage error unless there is exactly one source of rules."""
    if bool(names) == (rules is not None):
        raise click.UsageError("say which records are used: --record NAME, or --rules FILE")


def checked_upstream(url: str) -> Any:
    """The origin that `--upstream` names. Raises `RecordFault` for a URL with a path."""
    from ..wiring import checked_origin

    rest = url.partition("://")[2].partition("/")[2]
    if rest:
        raise RecordFault("the upstream is an origin, without a path.", field="upstream")
    return checked_origin(url)
