-- The second attempt of a request: the credential that was refused gives way to the one that is current now. Where
-- there is none any more, Envoy refuses the request; where nobody could be asked, it goes with what Envoy has.

function envoy_on_request(handle)
  local metadata = handle:metadata()
  local answer = handle:httpCall(CONTROL, {
    [":method"] = "POST", [":path"] = "/authrecord.Broker/Current", [":authority"] = "authrecord",
    ["content-type"] = "application/grpc", ["te"] = "trailers",
    ["x-envoy-retry-on"] = "connect-failure,reset,refused-stream", ["x-envoy-max-retries"] = TRIES,
    ["authrecord-target"] = metadata:get("target"),
  }, "\0\0\0\0\0", PATIENCE)
  for number = 1, handle:metadata():get("credentials") do
    local value = answer["authrecord-credential-" .. number]
    if value == "" then handle:headers():remove("x-authrecord-credential-" .. number)
    elseif value ~= nil then handle:headers():replace("x-authrecord-credential-" .. number, value) end
  end
end
