"""What the children of the crash harness do with the tables of the page and the API."""

from __future__ import annotations

import time
from contextlib import closing

from authrecord.stores.sql.api_tokens import ApiTokens
from authrecord.stores.sql.failures import Failures
from authrecord.stores.sql.identities import EMAIL, Identities, Invitation
from authrecord.stores.sql.people import People
from authrecord.stores.sql.repeats import Repeats
from authrecord.stores.sql.sessions import Sessions
from tests.race.opening import open_backend

from .actions import Case

TENANT = "default"


def change_people(case: Case) -> None:
    """Two people come, one gets a password and another role, and goes."""
    with closing(open_backend(case["store"], time)) as backend:
        people = People(backend)
        people.add("ada", tenant=TENANT, role="administrator", may_reveal=True, password_hash="")
        bob = people.add("bob", tenant=TENANT, role="viewer", may_reveal=False, password_hash="")
        people.set_password(bob.identity, "not a hash")
        people.change(bob.identity, tenant=TENANT, role="editor", may_reveal=True)
        people.remove(bob.identity, tenant=TENANT)


def use_sessions(case: Case) -> None:
    """A session begins, is used again after a while, moves to another tenant, and ends."""
    with closing(open_backend(case["store"], time)) as backend:
        sessions = Sessions(backend)
        text = sessions.begin("somebody", TENANT)
        sessions.confirm(text)
        sessions.move(text, "acme")
        with backend.writing() as transaction:
            transaction.change("UPDATE sessions SET seen_at = seen_at - 60")
        assert sessions.find(text) is not None
        sessions.end(text)
        assert sessions.find(text) is None


def use_api_tokens(case: Case) -> None:
    """A token is issued, used and revoked; then all are."""
    with closing(open_backend(case["store"], time)) as backend:
        tokens = ApiTokens(backend)
        issued, text = tokens.issue(
            tenant=TENANT, label="ci", scopes=["records:read"], records=None, days=1, created_by="ada"
        )
        assert tokens.find(text.reveal()) is not None
        tokens.revoke(issued.identity, tenant=TENANT)
        assert tokens.find(text.reveal()) is None
        tokens.revoke_all(TENANT)


def repeat_a_request(case: Case) -> None:
    """A request with an idempotency key comes, makes something, and comes again."""
    with closing(open_backend(case["store"], time)) as backend:
        repeats = Repeats(backend)
        assert repeats.made(TENANT, "ci", "key-1", b"request") is None
        repeats.note(TENANT, "ci", "key-1", "orders")
        assert repeats.made(TENANT, "ci", "key-1", b"request") == "orders"


def count_a_failure(case: Case) -> None:
    """A wrong password is counted for a name and an address."""
    with closing(open_backend(case["store"], time)) as backend:
        failures = Failures(backend)
        failures.note("name:ada", "address:127.0.0.1")
        assert failures.wait({"name:ada": 1}) > 0


def come_in_by_invitation(case: Case) -> None:
    """Somebody is invited by an address, and comes in through the provider for the first time."""
    issuer = "https://id.example.com"
    with closing(open_backend(case["store"], time)) as backend:
        identities = Identities(backend, People(backend))
        invitation = Invitation(issuer, EMAIL, "cy@example.com")
        cy = identities.invite(invitation, name="cy", tenant=TENANT, role="viewer", may_reveal=False)
        assert identities.person(issuer, "subject-1", "cy@example.com") == cy.identity
        assert identities.person(issuer, "subject-1", "") == cy.identity
