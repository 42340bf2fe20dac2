"""The errors a caller can meet, sorted by what the caller does next.

```
AuthrecordError
├── RecordFault        fix the record                    (exit code 3)
│   ├── DocumentFault    … and here is every line that is wrong
│   ├── OriginRefused    the record does not allow this destination
│   └── Misconfigured    the provider refuses the client (invalid_client, …)
├── LoginRequired      ask a person to log in            (exit code 4)
├── LoginFailed        the login did not end well: start it again (exit code 4)
├── Refused            read the provider's error code    (exit code 5)
├── BadAnswer          the provider answered garbage: report it (exit code 5)
├── TryLater           nothing is wrong here: wait       (exit code 6)
└── StoreFault         mend this machine: key, disk, file mode (exit code 7)
```

No message of an error holds a secret: whoever raises one writes names of fields, codes and counts, never
values. All of them pickle, so that they cross process boundaries (attack row P20).
"""

from __future__ import annotations

from dataclasses import dataclass


class AuthrecordError(Exception):
    """The root of every error that authrecord raises on purpose.

    `code` is a short stable word for programs; `hint` is the one thing to do next, in a sentence.
    """

    code: str = "error"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), dict(self.__dict__), self.args)


def _restored(
    kind: type[AuthrecordError], state: dict[str, object], args: tuple[object, ...]
) -> AuthrecordError:
    error = kind.__new__(kind)
    Exception.__init__(error, *args)
    error.__dict__.update(state)
    return error


class RecordFault(AuthrecordError):
    """The record cannot do this as it is written. `field` is the path of the field, if it is one field."""

    code = "record"

    def __init__(self, message: str, *, field: str = "", hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint, code=code)
        self.field = field


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a document: where, what, and what would be right. Never the value."""

    path: str
    message: str
    hint: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        path = f"{self.path}: " if self.path else ""
        return f"{where}{path}{self.message}" + (f" {self.hint}" if self.hint else "")


class DocumentFault(RecordFault):
    """A document that is refused. `faults` holds every fault, in the order of the document."""

    code = "document"

    def __init__(self, faults: tuple[Fault, ...], *, source: str = "") -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{source or 'document'}: {count}\n{lines}")
        self.faults = faults
        self.source = source


class OriginRefused(RecordFault):
    """The record's `allowed_origins` do not hold the destination; the credential was not released."""

    code = "origin_refused"


class Misconfigured(RecordFault):
    """The provider refuses this client (`invalid_client`, `unauthorized_client`, …). The login is kept."""

    code = "misconfigured"


class LoginRequired(AuthrecordError):
    """Only a person can obtain the next token: `authrecord login NAME`."""

    code = "login_required"


class LoginFailed(AuthrecordError):
    """A login ended without a token: refused, timed out, or answered by something that was not ours."""

    code = "login_failed"


class Refused(AuthrecordError):
    """The provider answered with an OAuth error (RFC 6749 §5.2, §4.1.2.1).

    `error` is the provider's code; `description` its own words, cut and cleaned of control characters.
    """

    code = "refused"

    def __init__(
        self, message: str, *, error: str, description: str = "", status: int = 0, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.error = error
        self.description = description
        self.status = status


class BadAnswer(AuthrecordError):
    """The provider's answer cannot be used: not JSON, no token, a token of the wrong type, a redirect…"""

    code = "bad_answer"


class TryLater(AuthrecordError):
    """The provider or the way to it is unwell. `retry_after` is in seconds, 0 when nobody said."""

    code = "try_later"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float = 0.0,
        outcome_unknown: bool = False,
        hint: str = "",
        code: str = "",
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


class StoreFault(AuthrecordError):
    """The store or its key cannot be used: wrong key, unsafe file mode, disk full, tampered data."""

    code = "store"
