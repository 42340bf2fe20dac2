"""What the tests of renewal begin with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.canary_watch import Canary
from tests.keeper.bench import Bench


@pytest.fixture
def bench(canary: Canary) -> Callable[..., Bench]:
    return lambda *answers: Bench(canary, *answers)
