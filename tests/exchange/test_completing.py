"""What is completed without a person: secrets by reference, hosts by option; nothing else."""

from __future__ import annotations

import json

from authrecord.core.secret import Reference
from authrecord.exchange.completing import completed
from tests.exchange.samples import only

TEXT = json.dumps(
    {
        "openapi": "3.1.1",
        "info": {"title": "2 orders"},
        "components": {
            "securitySchemes": {
                "o": {
                    "type": "oauth2",
                    "flows": {"clientCredentials": {"tokenUrl": "https://id.example/t", "scopes": {}}},
                }
            }
        },
    }
)


def test_what_may_be_a_reference_is_read_from_the_environment() -> None:
    draft = only(TEXT)
    whole = completed(draft, ["https://api.example"])
    credentials = whole.data["auth"]["credentials"]
    assert credentials["client_secret"] == Reference("env", "RECORD_2_ORDERS_O_CLIENT_SECRET")
    assert whole.record().allowed_origins == ("https://api.example",)
    assert whole.missing == ()
    assert sum("is read from ${env:" in note for note in whole.notes) == 2


def test_what_only_a_person_can_say_stays_missing_and_the_draft_as_it_was() -> None:
    draft = only(TEXT.replace('"tokenUrl": "https://id.example/t", ', ""))
    whole = completed(draft)
    assert set(whole.missing) == {"allowed_origins", "auth.token_exchange.url"}
    assert "credentials" not in draft.data["auth"]
