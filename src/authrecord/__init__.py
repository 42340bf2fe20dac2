"""authrecord: API authentication records that authenticate real requests and keep them authenticated.

```python
import authrecord, httpx2

client = authrecord.attach(httpx2.Client(), "orders")
client.get("https://api.example.com/orders")
```

The public names are loaded when they are used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` costs 5 ms, and `authrecord token` has none to give away

if TYPE_CHECKING:
    from .clients.outcome import outcome
    from .clients.streaming import streaming
    from .core.errors import (
        AuthrecordError,
        BadAnswer,
        DocumentFault,
        Fault,
        LoginFailed,
        LoginRequired,
        Misconfigured,
        OriginRefused,
        RecordFault,
        Refused,
        StoreFault,
        TryLater,
    )
    from .core.replay import Outcome, Reason, ReplayPolicy
    from .core.secret import Reference, Secret
    from .core.token import Token
    from .grants.settings import Authorization, Credentials, Parameter, TokenExchange, TokenRefresh
    from .keeper.authenticator import Authenticator
    from .keeper.keeper import Keeper
    from .record import OAuth2, Record
    from .schemes.api_key import ApiKey
    from .schemes.bearer import Bearer
    from .schemes.oauth2 import TokenUsage
    from .wiring import Records, attach, open_records

__version__ = "0.1.0"

_HOMES = {
    "clients.outcome": ("outcome",),
    "clients.streaming": ("streaming",),
    "core.errors": (
        "AuthrecordError",
        "BadAnswer",
        "DocumentFault",
        "Fault",
        "LoginFailed",
        "LoginRequired",
        "Misconfigured",
        "OriginRefused",
        "RecordFault",
        "Refused",
        "StoreFault",
        "TryLater",
    ),
    "core.replay": ("Outcome", "Reason", "ReplayPolicy"),
    "core.secret": ("Reference", "Secret"),
    "core.token": ("Token",),
    "grants.settings": ("Authorization", "Credentials", "Parameter", "TokenExchange", "TokenRefresh"),
    "keeper.authenticator": ("Authenticator",),
    "keeper.keeper": ("Keeper",),
    "record": ("OAuth2", "Record"),
    "schemes.api_key": ("ApiKey",),
    "schemes.bearer": ("Bearer",),
    "schemes.oauth2": ("TokenUsage",),
    "wiring": ("Records", "attach", "open_records"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ApiKey",
    "Authenticator",
    "Authorization",
    "AuthrecordError",
    "BadAnswer",
    "Bearer",
    "Credentials",
    "DocumentFault",
    "Fault",
    "Keeper",
    "LoginFailed",
    "LoginRequired",
    "Misconfigured",
    "OAuth2",
    "OriginRefused",
    "Outcome",
    "Parameter",
    "Reason",
    "Record",
    "RecordFault",
    "Records",
    "Reference",
    "Refused",
    "ReplayPolicy",
    "Secret",
    "StoreFault",
    "Token",
    "TokenExchange",
    "TokenRefresh",
    "TokenUsage",
    "TryLater",
    "__version__",
    "attach",
    "open_records",
    "outcome",
    "streaming",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'authrecord' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{home}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
