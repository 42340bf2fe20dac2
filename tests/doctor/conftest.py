"""Fixtures of the doctor's tests: the desk and the shop of the command line's tests, with words for what it said."""

from __future__ import annotations

from tests.cli.conftest import desk, server, shop

__all__ = ["desk", "server", "shop"]
