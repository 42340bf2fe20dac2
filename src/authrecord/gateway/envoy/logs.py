"""What Envoy writes down of each request: lines of the access log as `gateway.access_log` has them, and counters.

No query, no header, no body: they hold secrets (row F5). What a line says of rules and records stands at the route.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..access_log import LONGEST_PATH
from ..refusals import SAYS_ERROR
from .plan import Target
from .shapes import Json, extension, typed

LOG: Final = "authrecord.log"
"""The name of the metadata of a route that the log quotes."""

PEER: Final = "authrecord.peer"
"""The name under which a `CONNECT` takes its caller's address along into the tunnel."""

ADDRESS: Final = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"

COUNTED: Final = "authrecord"
"""What the names of our own counters begin with."""

_CODE: Final = f"%RESP({SAYS_ERROR.decode()})%"
_TIME: Final = "%TYPED_CEL(double(int(request.time)) + double(request.time.getMilliseconds()) / 1000.0)%"
_OUTCOME: Final = (
    '%COALESCE({"operators": [{"command": "RESP", "param": "X-AUTHRECORD-OUTCOME"}, '
    f'{{"command": "METADATA", "param": "ROUTE:{LOG}:outcome"}}]}})%'
)


def logs(file: Path | None, *, is_inside: bool = False) -> list[Json]:
    """The loggers of a manager: counters, and lines in a `file`. `is_inside`: of requests in an opened tunnel."""
    return counters() if file is None else [*counters(), *_lines(file, is_inside=is_inside)]


def _lines(file: Path, *, is_inside: bool) -> list[Json]:
    peer = f"%FILTER_STATE({PEER}:PLAIN)%" if is_inside else ADDRESS
    begins = {"time": _TIME, "peer": peer, "method": "%REQ(:METHOD)%"}
    request = {**begins, "path": f"%PATH(NQ:PATH:{LONGEST_PATH})%", "status": "%RESPONSE_CODE%"}
    answered = {
        **request,
        "origin": _from_route("origin"),
        "records": _from_route("records"),
        "bytes": "%BYTES_SENT%",
        "milliseconds": "%DURATION%",
        "outcome": _OUTCOME,
    }
    refused = {**request, "code": _CODE}
    tunnel = {
        **begins,
        "path": f"%REQ(:AUTHORITY):{LONGEST_PATH}%",
        "status": "%RESPONSE_CODE%",
        "opened": _from_route("opened"),
    }
    return [
        _to_file(file, answered, all_of(at_the_end(), connects(expected=False), BY_UPSTREAM)),
        _to_file(file, refused, all_of(at_the_end(), BY_ITSELF)),
        _to_file(file, tunnel, all_of(of_tunnels(), connects(expected=True))),
    ]


def of_requests(target: Target) -> Json:
    """What the log says of requests to a target; metadata of a route."""
    outcome = "authenticated" if target.placements else ""
    return {LOG: {"origin": str(target.origin), "records": list(target.records), "outcome": outcome}}


def of_connects(*, opened: bool) -> Json:
    """The same of a `CONNECT`. `opened`: its requests are seen, and logged by themselves."""
    return {LOG: {"opened": opened}}


def counters() -> list[Json]:
    """What Envoy counts of requests beside its own figures; `figures` reads both.

    The usual answer, a 200 of an upstream, costs comparisons only: it is what is left of Envoy's own count. The
    comparison that it fails stands first, since every logger is asked about every request.
    """
    unusual = {"or_filter": {"filters": [_status("GE", 201), _status("LE", 199)]}}
    return [
        _counter("requests", "status", "%RESPONSE_CODE%", all_of(unusual, at_the_end())),
        _counter("refusals", "code", _CODE, all_of(_status("GE", 400), at_the_end(), BY_ITSELF)),
        _counter("tunnels", "opened", _from_route("opened"), of_tunnels()),
    ]


def _counter(name: str, tag: str, value: str, wanted: Json) -> Json:
    stat = {"name": name, "tags": [{"name": tag, "value_format": value}]}
    kind = "access_loggers.stats.v3.Config"
    counted = {"stat": stat, "value_fixed": 1}
    return {
        **extension("envoy.access_loggers.stats", kind, stat_prefix=COUNTED, counters=[counted]),
        "filter": wanted,
    }


def _status(comparison: str, status: int) -> Json:
    value = {"default_value": status, "runtime_key": "authrecord.never"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}


def where(expression: str) -> Json:
    """A filter of log lines by a CEL expression."""
    cel = typed("access_loggers.filters.cel.v3.ExpressionFilter", expression=expression)
    return {"extension_filter": {"name": "cel", "typed_config": cel}}


def all_of(*filters: Json) -> Json:
    """A filter that holds when all of these do; the first that does not ends it."""
    return {"and_filter": {"filters": list(filters)}}


def at_the_end() -> Json:
    """Holds when a request has its answer."""
    return {"log_type_filter": {"types": ["DownstreamEnd"]}}


def of_tunnels() -> Json:
    """Holds when a tunnel opens."""
    return {"log_type_filter": {"types": ["DownstreamTunnelSuccessfullyEstablished"]}}


def connects(*, expected: bool) -> Json:
    """Holds for `CONNECT`; with `expected` false for everything else."""
    header = {"name": ":method", "string_match": {"exact": "CONNECT"}, "invert_match": not expected}
    return {"header_filter": {"header": header}}


BY_UPSTREAM: Final = where("response.code_details == 'via_upstream'")
BY_ITSELF: Final = where("response.code_details != 'via_upstream'")
"""Hold for answers of an upstream, and for those that Envoy gives itself."""


def _from_route(name: str) -> str:
    return f"%METADATA(ROUTE:{LOG}:{name})%"


def _to_file(file: Path, line: Json, wanted: Json) -> Json:
    return {
        **extension(
            "envoy.access_loggers.file",
            "access_loggers.file.v3.FileAccessLog",
            path=str(file),
            log_format={"json_format": line},
        ),
        "filter": wanted,
    }
