"""Step: the store of tokens opens with its key, and what it holds for the record."""

from __future__ import annotations

from ..core.errors import StoreFault, TryLater
from ..keeper.naming import token_key
from ..record import Record
from ..stores.keys import shown_source
from ..stores.locating import located, place_of
from ..wiring import Records, Settings
from .states import state_of
from .step import Step, failed_by, ok

NAME = "store"


def check_store(records: Records, record: Record, settings: Settings) -> Step:
    """Opens the store; asks nobody."""
    try:
        store = located(settings.environment, url=settings.store, key=settings.key)
        records.keeper.store.load(token_key(record))
        key = shown_source(store.key)
    except (StoreFault, TryLater) as fault:
        return failed_by(NAME, fault)
    return ok(
        NAME, f"it opens; {state_of(records, record).words}", f"tokens: {place_of(store)}", f"key: {key}"
    )
