"""Rules and records become a plan: what Envoy cannot do is said before it starts, and no secret stands in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from authrecord.core.errors import OriginRefused, RecordFault
from authrecord.core.origin import allowed_origins, origin_of
from authrecord.core.secret import Secret
from authrecord.gateway.envoy.bootstrap import Files
from authrecord.gateway.envoy.engine import Settings
from authrecord.gateway.envoy.placement import spellings
from authrecord.gateway.envoy.plan import plan_of
from authrecord.gateway.envoy.scripts import _lua_text
from authrecord.gateway.envoy.written import resources_of
from authrecord.gateway.rules import Rule, Rules
from authrecord.keeper.authenticator import Authenticator
from authrecord.record import Record
from authrecord.schemes.api_key import ApiKey
from authrecord.wiring import Records, make_keeper, memory_store
from authrecord.wiring import Settings as Environment
from tests.canary_watch import Canary

A, B = "https://a.example.com", "https://b.example.com:8443"


def finder(*records: Record) -> Callable[[str], Authenticator]:
    """Authenticators of records in memory."""
    made = Records(
        {record.name: record for record in records},
        make_keeper(Environment.read({}), base=Path("/"), store=memory_store()),
    )
    return made.authenticator


@pytest.fixture
def key(canary: Canary) -> Callable[..., Record]:
    """Makes records with a static key."""

    def make(name: str = "key", *origins: str, header: str = "X-API-Key") -> Record:
        auth = ApiKey(key=header, value=Secret(canary(f"key {name}")))
        return Record(name=name, allowed_origins=origins or (A,), auth=auth)

    return make


def test_a_rule_about_names_below_a_host_is_refused(key: Callable[..., Record]) -> None:
    rules = Rules([Rule(records=("key",), origins=allowed_origins(["https://*.example.com"]))])
    with pytest.raises(RecordFault, match=r"needs origins by name.*embedded engine"):
        plan_of(rules, finder(key("key", "https://*.example.com")))


def test_E1_a_rule_cannot_send_a_record_where_it_does_not_allow(key: Callable[..., Record]) -> None:
    with pytest.raises(OriginRefused):
        plan_of(Rules([Rule(records=("key",), origins=allowed_origins([B]))]), finder(key()))


def test_an_unknown_record_is_named(key: Callable[..., Record]) -> None:
    with pytest.raises(RecordFault, match="no record 'other'"):
        plan_of(Rules([Rule(records=("other",), origins=allowed_origins([A]))]), finder(key()))


def test_two_credentials_in_one_place_are_refused(key: Callable[..., Record]) -> None:
    rules = Rules([Rule(records=("one", "two"), origins=allowed_origins([A]))])
    with pytest.raises(RecordFault, match="same place"):
        plan_of(rules, finder(key("one"), key("two", header="x_api_key")))


def test_one_cluster_stands_for_each_origin_and_set_of_records(key: Callable[..., Record]) -> None:
    rules = Rules(
        [
            Rule(records=("one",), origins=allowed_origins([A, B]), path="/v1"),
            Rule(records=("one",), origins=allowed_origins([A]), path="/v2"),
            Rule(records=("one", "two"), origins=allowed_origins([A])),
        ]
    )
    plan = plan_of(rules, finder(key("one", A, B), key("two", A, header="X-Two")))
    names = {target.cluster for target in plan.targets}
    assert names == {f"@{A}", f"one@{A}", f"one+two@{A}", f"@{B}", f"one@{B}"}


def test_P1_nothing_that_is_written_for_envoy_holds_a_secret(
    key: Callable[..., Record], canary: Canary, tmp_path: Path
) -> None:
    rules = Rules([Rule(records=("key",), origins=allowed_origins([A]))])
    password = canary("gateway password")
    settings = Settings(binary=Path("/envoy"), password=Secret(password), reverse=origin_of(A))
    written = json.dumps(resources_of(plan_of(rules, finder(key())), settings, Files(tmp_path)))
    canary.scan(written, "resources for Envoy")
    assert "x-api-key" in written


def test_O1_every_spelling_of_a_header_name_is_known_up_to_a_bound() -> None:
    assert spellings("X-API_Key") == ("x-api-key", "x-api_key", "x_api-key", "x_api_key")
    assert spellings("Authorization") == ("authorization",)
    with pytest.raises(RecordFault, match="too many"):
        spellings("a-b-c-d-e-f-g-h")


def test_D4_a_text_in_a_script_stays_a_text() -> None:
    assert _lua_text('a"]]..os.exit()\\\n\r\0é') == '"a\\034]]..os.exit()\\092\\010\\013\\000\\195\\169"'
