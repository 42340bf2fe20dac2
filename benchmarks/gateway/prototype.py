"""The prototype from whose figures the bar for a pattern was taken, on this machine: an Envoy and twenty lines of Lua.

It puts in a static credential, reads each body, and has a request sent again; who may use it, what an API forges, which
addresses are dialled, it does not ask. What it reaches beside a plain Envoy is what Lua costs here.
"""

from __future__ import annotations

from typing import Any

from authrecord.gateway.envoy.shapes import extension, protocols

_SCRIPT = """
function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get("x-envoy-attempt-count") == "1" then headers:remove("authorization") end
end

function envoy_on_response(handle)
  local expired = handle:headers():get(":status") == "401"
  if not expired then
    local body = handle:body()
    if body ~= nil then
      local text = body:getBytes(0, math.min(body:length(), 65536))
      expired = string.find(text, "token expired", 1, true) ~= nil
    end
  end
  if expired then handle:headers():replace("x-authrecord-replay", "1") end
end
"""


def prototype(plain: dict[str, Any]) -> dict[str, Any]:
    """The bootstrap of a plain Envoy with the prototype's two filters in its cluster, and its retries."""
    resources = plain["static_resources"]
    resources["secrets"] = [
        {"name": "static", "generic_secret": {"secret": {"inline_string": "Bearer static"}}}
    ]
    script = extension("lua", "filters.http.lua.v3.Lua", default_source_code={"inline_string": _SCRIPT})
    credential = extension(
        "generic", "http.injected_credentials.generic.v3.Generic", credential={"name": "static"}
    )
    injector = extension(
        "injector", "filters.http.credential_injector.v3.CredentialInjector", credential=credential
    )
    codec = extension("codec", "filters.http.upstream_codec.v3.UpstreamCodec")
    (cluster,) = resources["clusters"]
    cluster["typed_extension_protocol_options"] = protocols(
        explicit_http_config={"http_protocol_options": {}}, http_filters=[script, injector, codec]
    )
    (listener,) = resources["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    (host,) = manager["route_config"]["virtual_hosts"]
    host["include_request_attempt_count"] = True
    host["routes"][0]["route"]["retry_policy"] = {
        "retry_on": "retriable-headers",
        "num_retries": 1,
        "retriable_headers": [{"name": "x-authrecord-replay", "present_match": True}],
    }
    return plain
