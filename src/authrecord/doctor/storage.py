"""Step: the cache of tokens opens with its key, and what it holds for the record."""

from __future__ import annotations

from ..core.errors import StoreFault
from ..keeper.naming import token_key
from ..record import Record
from ..stores.keys import default_key_source
from ..stores.places import cache_file
from ..wiring import Records, Settings
from .states import state_of
from .step import Step, failed_by, ok

NAME = "cache"


def check_cache(records: Records, record: Record, settings: Settings) -> Step:
    """Opens the cache; asks nobody."""
    try:
        cache = cache_file(settings.environment)
        source = settings.key or default_key_source(settings.environment)
        records.keeper.store.load(token_key(record))
    except StoreFault as fault:
        return failed_by(NAME, fault)
    # Of the source only its kind and, for a file, its path: somebody may have put a key where a source belongs.
    key = source if source.startswith("file:") else source.partition(":")[0]
    return ok(NAME, f"it opens; {state_of(records, record).words}", f"tokens: {cache}", f"key: {key}")
