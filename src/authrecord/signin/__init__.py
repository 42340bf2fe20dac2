"""Floor 4: how a person logs in. The system browser with a loopback listener, or a pasted address.

The law of this room: it listens on loopback only, for the time of one login, and hands what it received to the
keeper's logins, which alone decide whether an answer is ours. It never prints or stores a code or a token.
"""

from __future__ import annotations

from .login import TIMEOUT_SECONDS, login
from .progress import Progress, Report, Step

__all__ = ["TIMEOUT_SECONDS", "Progress", "Report", "Step", "login"]
