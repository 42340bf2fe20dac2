"""Issuing API tokens, for the page and for the API alike."""

from __future__ import annotations

from ..core.errors import RecordFault
from ..core.secret import Secret
from ..stores.sql.api_tokens import PREFIX, ApiToken
from .editing import Forbidden
from .journal import Entry
from .rights import SCOPES, Caller
from .site import Site


def issue(
    site: Site, caller: Caller, *, label: str, scopes: list[str], records: list[str] | None, days: float
) -> tuple[ApiToken, Secret]:
    """A new API token, told in the audit log. Nobody gives away a right that they have not.

    Raises `RecordFault` for a label, a scope or a life that is none, `Forbidden` for a scope of others.
    """
    shown = "".join(one if one.isprintable() else "\ufffd" for one in " ".join(label.split()))
    if not shown or len(shown) > 100:
        raise RecordFault(
            "the token needs a label.", field="label", hint="Say what it is for, in 1 to 100 characters."
        )
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise RecordFault("the token needs scopes.", field="scopes", hint=f"Choose of: {', '.join(SCOPES)}.")
    beyond = [scope for scope in scopes if not caller.may(scope)]
    if beyond:
        raise Forbidden("You cannot give a right that you have not.", scope=beyond[0])
    issued, text = site.api_tokens.issue(
        tenant=caller.tenant, label=shown, scopes=scopes, records=records, days=days, created_by=caller.actor
    )
    detail = f"{PREFIX}_{issued.identity}: {' '.join(sorted(scopes))}"
    site.journal.note(caller, Entry("api_token.issue", "ok", detail=detail))
    return issued, text
