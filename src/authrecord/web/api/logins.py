"""Logins that a person finishes in a browser, and a program by the address that the browser ends at."""

from __future__ import annotations

from typing import Final

from litestar import get, post
from litestar.params import FromPath, JSONBody

from ...core.errors import RecordFault
from ...keeper.ports import StoredRecord
from ..journal import Entry
from ..progress import FAILED, Attempt
from ..rights import USE, Caller
from ..site import Site
from ..threads import in_thread, in_thread_for_provider
from .answers import faults
from .records import read_for
from .shapes import AnswerGiven, LoginAnswer


@post(
    "/records/{name:str}/logins",
    opt={"scope": USE},
    security=[{"token": [USE]}],
    responses=faults(404, 409, 422, 424),
)
@in_thread_for_provider
def begin_login(site: Site, caller: Caller, name: FromPath[str]) -> LoginAnswer:
    """Begin a login: open `authorization_url` in a browser, and send back the address that it is redirected to.

    A login of the same token for the same record that still waits is given up.
    """
    stored = read_for(site, caller, name)
    attempt, address = site.authorizing.begin(caller, stored, base=site.address.base)
    site.journal.note(caller, Entry("login.begin", "ok", record=stored.identity, name=name))
    return _shown(attempt, address.reveal())


@get(
    "/records/{name:str}/logins",
    opt={"scope": USE},
    security=[{"token": [USE]}],
    responses=faults(404),
)
@in_thread
def read_login(site: Site, caller: Caller, name: FromPath[str]) -> LoginAnswer:
    """The token's last login with the record, and how far it has come."""
    read_for(site, caller, name)
    return _shown(_latest(site, caller, name), "")


@post(
    "/records/{name:str}/logins/answer",
    opt={"scope": USE},
    status_code=200,
    security=[{"token": [USE]}],
    responses=faults(404, 409, 413, 415, 422, 424),
)
@in_thread_for_provider
def finish_login(site: Site, caller: Caller, name: FromPath[str], data: JSONBody[AnswerGiven]) -> LoginAnswer:
    """Finish the token's last login. An answer is taken once; one that is not this login's changes nothing."""
    stored = read_for(site, caller, name)
    attempt = site.authorizing.paste(caller, name, data.address)
    _note(site, caller, stored, attempt)
    return _shown(attempt, "")


def _note(site: Site, caller: Caller, stored: StoredRecord, attempt: Attempt) -> None:
    outcome = "failed" if attempt.state == FAILED else "ok"
    site.journal.note(caller, Entry("login.finish", outcome, record=stored.identity, name=attempt.name))


def _latest(site: Site, caller: Caller, name: str) -> Attempt:
    found = site.authorizing.latest(caller, name)
    if found is None:
        raise RecordFault("this token has begun no login with the record.", code="not_found")
    return found


def _shown(attempt: Attempt, address: str) -> LoginAnswer:
    return LoginAnswer(
        id=attempt.identity,
        record=attempt.name,
        state=attempt.state,
        authorization_url=address,
        steps=[" ".join(part for part in (one.text, one.quote, one.advice) if part) for one in attempt.steps],
    )


HANDLERS: Final = (begin_login, read_login, finish_login)
