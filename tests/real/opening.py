"""From a plain dictionary to open records, the way a user has them: a document, references, a sealed cache."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from authrecord.wiring import Records, Settings, open_records


def opened(folder: Path, records: list[dict[str, Any]], secrets: Mapping[str, str]) -> Records:
    """The records, written to a document in `folder`; their `${env:NAME}` are found in `secrets`.

    Tokens go to the sealed local cache below `folder`: the canary plugin sees that it holds none in the clear.
    """
    document = folder / "authrecord.json"
    document.write_text(json.dumps({"records": records}), encoding="utf-8")
    environment = {"AUTHRECORD_HOME": str(folder / "home"), **secrets}
    return open_records(document, settings=Settings(environment=environment))
