-- Asks who is calling. The control process knows; what it said of a proof and of the route's records is remembered for
-- a moment, so that it is asked once a second for a caller and not once a request.

local remembered, count = {}, 0

local function refuse(handle, code)
  local refusal = REFUSALS[code] or REFUSALS.store_away
  local headers = {
    [":status"] = refusal.status, ["content-type"] = "application/problem+json", ["cache-control"] = "no-store",
    ["x-authrecord-error"] = code,
  }
  if refusal.status == "407" then headers["proxy-authenticate"] = REALM end
  handle:respond(headers, refusal.body)
end

local function asked(handle, proof, records, any)
  local answer = handle:httpCall(CONTROL, {
    [":method"] = "POST", [":path"] = "/authrecord.Broker/Admit", [":authority"] = "authrecord",
    ["content-type"] = "application/grpc", ["te"] = "trailers",
    ["authrecord-proof"] = proof, ["authrecord-records"] = records, ["authrecord-any"] = any, ["authrecord-shared"] = SHARED,
  }, "\0\0\0\0\0", PATIENCE)
  return answer["authrecord-admission"]
end

function envoy_on_request(handle)
  local headers, metadata = handle:headers(), handle:metadata()
  local proof = headers:get("x-authrecord-token") or headers:get("proxy-authorization")
  if proof == nil or proof == "" or string.find(proof, "[^\32-\126]") then return refuse(handle, "unknown_caller") end
  local records, any = metadata:get("records") or "", metadata:get("any") or ""
  local key = records .. "\n" .. any .. "\n" .. proof
  local now = handle:timestamp()
  local said = remembered[key]
  if said == nil or now >= said.again then
    if said ~= nil then said.again = now + REMEMBERED end -- who comes meanwhile goes by the old answer
    local told = asked(handle, proof, records, any)
    if told ~= nil and told ~= "store_away" then
      if count >= MOST_REMEMBERED then remembered, count = {}, 0 end
      if remembered[key] == nil then count = count + 1 end
      said = { told = told, again = now + REMEMBERED, ends = now + AWAY }
      remembered[key] = said
    elseif said == nil or now >= said.ends then
      return refuse(handle, "store_away")
    end
  end
  if said.told ~= "welcome" then return refuse(handle, said.told) end
end
