"""People who may open the page, and what they may do in each tenant. A password is kept as argon2id, never as it is.

A name is compared without regard to case, to spaces around it and to how its letters are composed, so that no
second spelling of a name has attempts of its own (attack row N6).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from secrets import token_hex

from ...core.errors import RecordFault
from ...core.faults import fault
from .backend import Backend, Row, Transaction

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Person:
    """A person in one tenant. `role`: as `web.rights` has it. `has_password`: may log in by one.

    `by_provider`: comes in through an OpenID Connect provider, or was invited to.
    """

    identity: str
    name: str
    tenant: str
    role: str
    may_reveal: bool
    has_password: bool
    created_at: float
    by_provider: bool = False


def folded(name: str) -> str:
    """The form in which names are compared."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


class People:
    """The people of a store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def add(self, name: str, *, tenant: str, role: str, may_reveal: bool, password_hash: str = "") -> Person:
        """A new person, or one of another tenant who joins this one.

        Raises `RecordFault` for a name that is none, and (code `exists`) for somebody who is in the tenant already.
        """
        shown = _shown(name)
        with self._backend.writing() as transaction:
            known = transaction.row("SELECT id FROM people WHERE name = ?", (folded(shown),))
            identity = self.insert(transaction, shown, password_hash) if known is None else str(known[0])
            person = self.join(transaction, identity, tenant=tenant, role=role, may_reveal=may_reveal)
            fault("people.add.before_commit")
        fault("people.add.after_commit")
        return person

    def insert(self, transaction: Transaction, name: str, password_hash: str = "") -> str:
        """A person of nowhere yet; the identity. Raises `RecordFault` for a name that is none or taken (`exists`)."""
        shown = _shown(name)
        identity = token_hex(8)
        made = transaction.change(
            "INSERT INTO people (id, name, shown, password, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (identity, folded(shown), shown, password_hash, transaction.now()),
        )
        if not made:
            raise _taken()
        return identity

    def join(
        self, transaction: Transaction, identity: str, *, tenant: str, role: str, may_reveal: bool
    ) -> Person:
        """The person in one more tenant. Raises `RecordFault` (code `exists`) for somebody who is in it already."""
        touched = transaction.change(
            "INSERT INTO members (tenant, person, role, may_reveal) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (tenant, identity, role, int(may_reveal)),
        )
        if not touched:
            raise _taken()
        found = self._one(transaction, identity, tenant)
        assert found is not None  # noqa: S101 - it was written in this transaction; states it for the type
        return found

    def password_of(self, name: str) -> tuple[str, str] | None:
        """Identity and password hash of the person of that name; the hash is empty where no password is set."""
        with self._backend.reading() as transaction:
            found = transaction.row("SELECT id, password FROM people WHERE name = ?", (folded(name),))
        return None if found is None else (str(found[0]), str(found[1]))

    def set_password(self, identity: str, password_hash: str) -> None:
        """Keep a new hash, and end every session of the person."""
        with self._backend.writing() as transaction:
            transaction.change("UPDATE people SET password = ? WHERE id = ?", (password_hash, identity))
            transaction.change("DELETE FROM sessions WHERE person = ?", (identity,))
            fault("people.password.before_commit")
        fault("people.password.after_commit")

    def find(self, identity: str, tenant: str) -> Person | None:
        """The person, as a member of that tenant."""
        with self._backend.reading() as transaction:
            return self._one(transaction, identity, tenant)

    def tenants_of(self, identity: str) -> tuple[str, ...]:
        """The tenants that a person belongs to, in order."""
        with self._backend.reading() as transaction:
            rows = transaction.rows(
                "SELECT tenant FROM members WHERE person = ? ORDER BY tenant", (identity,)
            )
        return tuple(str(row[0]) for row in rows)

    def listed(self, tenant: str) -> tuple[Person, ...]:
        """Everybody in a tenant, by name."""
        with self._backend.reading() as transaction:
            rows = transaction.rows(f"{_SELECT} WHERE members.tenant = ? ORDER BY people.name", (tenant,))
        return tuple(_person(row) for row in rows)

    def change(self, identity: str, *, tenant: str, role: str, may_reveal: bool) -> None:
        """Another role for a person. Raises `RecordFault` when it would leave nobody who manages the tenant."""
        with self._backend.writing() as transaction:
            transaction.change(
                "UPDATE members SET role = ?, may_reveal = ? WHERE tenant = ? AND person = ?",
                (role, int(may_reveal), tenant, identity),
            )
            _check_managed(transaction, tenant)
            fault("people.change.before_commit")
        fault("people.change.after_commit")

    def remove(self, identity: str, *, tenant: str) -> None:
        """Take a person out of a tenant, sessions at once. Raises as `change` does."""
        with self._backend.writing() as transaction:
            transaction.change("DELETE FROM members WHERE tenant = ? AND person = ?", (tenant, identity))
            transaction.change("DELETE FROM sessions WHERE tenant = ? AND person = ?", (tenant, identity))
            if transaction.row("SELECT 1 FROM members WHERE person = ?", (identity,)) is None:
                transaction.change("DELETE FROM people WHERE id = ?", (identity,))
                transaction.change("DELETE FROM identities WHERE person = ?", (identity,))
            _check_managed(transaction, tenant)
            fault("people.remove.before_commit")
        fault("people.remove.after_commit")

    def anybody_has_a_password(self) -> bool:
        """True when some person can log in by name and password."""
        with self._backend.reading() as transaction:
            return transaction.row("SELECT 1 FROM people WHERE password <> ''") is not None

    def anybody_was_invited(self, issuer: str) -> bool:
        """True when some person can log in through that provider."""
        with self._backend.reading() as transaction:
            return transaction.row("SELECT 1 FROM identities WHERE issuer = ?", (issuer,)) is not None

    def _one(self, transaction: Transaction, identity: str, tenant: str) -> Person | None:
        row = transaction.row(f"{_SELECT} WHERE members.tenant = ? AND people.id = ?", (tenant, identity))
        return None if row is None else _person(row)


_SELECT = (
    "SELECT people.id, people.shown, members.tenant, members.role, members.may_reveal, people.password <> '', "
    "people.created_at, EXISTS (SELECT 1 FROM identities WHERE identities.person = people.id) "
    "FROM people JOIN members ON members.person = people.id"
)


def _person(row: Row) -> Person:
    return Person(
        *(str(row[0]), str(row[1]), str(row[2]), str(row[3]), bool(row[4]), bool(row[5])),
        created_at=float(row[6]),
        by_provider=bool(row[7]),
    )


def _shown(name: str) -> str:
    shown = " ".join(name.split())
    if not shown or len(shown) > LONGEST_NAME or not shown.isprintable():
        raise RecordFault("the name cannot be used.", field="name", hint="Use 1 to 100 printable characters.")
    return shown


def _taken() -> RecordFault:
    return RecordFault("there is a person of that name.", field="name", code="exists")


def _check_managed(transaction: Transaction, tenant: str) -> None:
    found = transaction.row("SELECT 1 FROM members WHERE tenant = ? AND role = 'administrator'", (tenant,))
    if found is None:
        raise RecordFault(
            "somebody must be left who manages people and tokens.",
            field="role",
            hint="Make another person administrator first.",
            code="last_administrator",
        )
