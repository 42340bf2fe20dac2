"""Whom a provider's subject is here: nobody until an administrator has invited them.

An invitation names a subject, or an e-mail address that the provider must have verified. The first login by an
address binds the subject and uses the invitation up, so that the address opens nothing for the next one who has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...core.errors import RecordFault
from ...core.faults import fault
from .backend import Backend, Transaction
from .people import People, Person, folded

SUBJECT = "subject"
EMAIL = "email"
LONGEST = 255


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who may come in. `kind`: `subject` or `email`; `value`: that."""

    issuer: str
    kind: str
    value: str

    @property
    def kept(self) -> tuple[str, str, str]:
        """As it stands in its row: addresses are compared without regard to case."""
        return self.issuer, self.kind, folded(self.value) if self.kind == EMAIL else self.value


class Identities:
    """The identities of the people of a store."""

    def __init__(self, backend: Backend, people: People) -> None:
        self._backend = backend
        self._people = people

    def invite(
        self, invitation: Invitation, *, name: str, tenant: str, role: str, may_reveal: bool
    ) -> Person:
        """Somebody new, or somebody whom that provider's identity is already and who joins this tenant as well.

        Raises `RecordFault` for an invitation that is none, and (code `exists`) for a name that somebody has: an
        identity is never given to a person who is there, or who manages one tenant could become others' owner.
        """
        _check(invitation)
        with self._backend.writing() as transaction:
            known = self._person_of(transaction, invitation)
            if known is None:
                known = self._people.insert(transaction, name)
                transaction.change(
                    "INSERT INTO identities (issuer, kind, value, person, made_at) VALUES (?, ?, ?, ?, ?)",
                    (*invitation.kept, known, transaction.now()),
                )
            person = self._people.join(transaction, known, tenant=tenant, role=role, may_reveal=may_reveal)
            fault("identities.invite.before_commit")
        fault("identities.invite.after_commit")
        return person

    def person(self, issuer: str, subject: str, email: str) -> str | None:
        """The identity of the person who comes in, or `None` for somebody who was not invited.

        `email`: one that the provider has verified, or empty. Binds the subject at the first login.
        """
        by_subject, by_email = Invitation(issuer, SUBJECT, subject), Invitation(issuer, EMAIL, email)
        with self._backend.reading() as transaction:
            known = self._person_of(transaction, by_subject)
        if known is not None or not email:
            return known
        with self._backend.writing() as transaction:
            row = transaction.row(
                "DELETE FROM identities WHERE issuer = ? AND kind = ? AND value = ? RETURNING person",
                by_email.kept,
            )
            invited = None if row is None else str(row[0])
            if invited is not None:
                transaction.change(
                    "INSERT INTO identities (issuer, kind, value, person, made_at) VALUES (?, ?, ?, ?, ?)",
                    (*by_subject.kept, invited, transaction.now()),
                )
            fault("identities.bind.before_commit")
        fault("identities.bind.after_commit")
        return invited

    def _person_of(self, transaction: Transaction, invitation: Invitation) -> str | None:
        row = transaction.row(
            "SELECT person FROM identities WHERE issuer = ? AND kind = ? AND value = ?", invitation.kept
        )
        return None if row is None else str(row[0])


def _check(invitation: Invitation) -> None:
    value = invitation.value
    fits = 0 < len(value) <= LONGEST and value.isprintable() and value == value.strip()
    if not fits or (invitation.kind == EMAIL and not all(value.partition("@")[::2])):
        raise RecordFault(
            "that names nobody at the provider.",
            field="invited",
            hint="Give an e-mail address, or the subject (sub) by which the provider knows the person.",
        )
