-- Looks at an answer. Most are left alone; one that may say "expired" is shown to the control process, which
-- decides. The names in capitals are written before this script; what differs between targets is read from the route,
-- once for a target: to read there copies all that stands there. `key` comes with the facts about a request.

local known = {}

-- Nearly all that a call leaves behind is for the collector, which by its own rule would come after a few hundred calls
-- and look at all that lives. It waits until ten times as much is there, some hundred kilobytes (docs/decisions/0066).
collectgarbage("setpause", 1000)
collectgarbage("setstepmul", 1000)

local function target_of(handle, key)
  local target = known[key]
  if target == nil then
    local metadata = handle:metadata()
    target = {
      name = metadata:get("target"), judged = metadata:get("judged"), credentials = metadata:get("credentials"),
      pattern = metadata:get("pattern"), streams = metadata:get("streams"), literals = metadata:get("literals"),
    }
    known[key] = target
  end
  return target
end

-- `length`: what the answer's head says of its body, if anything.
local function is_short(length)
  local bytes = tonumber(length)
  return bytes ~= nil and bytes <= MOST_BODY
end

local function head_of(status, headers)
  local lines = { status .. " " .. (PHRASES[status] or "") }
  for name, value in pairs(headers) do
    if string.sub(name, 1, 1) ~= ":" and string.sub(name, 1, 18) ~= "x-envoy-authrecord" then
      lines[#lines + 1] = name .. ": " .. value
    end
  end
  return table.concat(lines, "\n")
end

local function holds_literal(target, text)
  if #target.literals == 0 then return true end
  local lower = string.lower(text)
  for _, literal in ipairs(target.literals) do
    if string.find(lower, literal, 1, true) then return true end
  end
  return false
end

-- A body is as long as its head says: Envoy ends an answer where it is not.
local function body_of(target, handle, length)
  if not target.streams and not is_short(length) then return "" end
  local buffer = handle:body()
  if buffer == nil then return "" end
  return buffer:getBytes(0, math.min(tonumber(length) or buffer:length(), 65536))
end

local function is_coded(headers)
  local coding = headers:get("content-encoding")
  return coding ~= nil and string.lower(coding) ~= "identity"
end

-- Gives the head and the body to show, or nil. The usual answer costs few calls: this runs for each one.
local function suspicion(target, handle, headers, status, length)
  local failed = status >= "300"
  if failed then
    local challenge = status >= "400" and headers:get("www-authenticate") or nil
    local invalid = challenge ~= nil and string.find(string.lower(challenge), "invalid_token", 1, true)
    if status == "401" or invalid then return head_of(status, headers), "" end
  end
  if not target.pattern then return nil end
  local head = failed and head_of(status, headers) or nil
  local body = status ~= "304" and body_of(target, handle, length) or ""
  if not holds_literal(target, body) and not (failed and holds_literal(target, head)) then return nil end
  if not is_coded(handle:headers()) then return head or head_of(status, handle:headers()), body end
  -- What is coded cannot be read: the head counts alone.
  if holds_literal(target, "") or (failed and holds_literal(target, head)) then
    return head or head_of(status, handle:headers()), ""
  end
  return nil
end

local function printable(text)
  return (string.gsub(text, "[^\32-\126]", "?"))
end

-- A credential that has run out was refused, and no other can be had: our answer stands for the API's.
local function refuse(handle, code, text, method)
  local headers, names = handle:headers(), {}
  for name in pairs(headers) do
    if string.sub(name, 1, 1) ~= ":" then names[#names + 1] = name end
  end
  for _, name in ipairs(names) do headers:remove(name) end
  headers:replace(":status", "502")
  headers:replace("content-type", "application/problem+json")
  headers:replace("cache-control", "no-store")
  headers:replace("X-Authrecord-Error", code)
  if method ~= "HEAD" then handle:body(true):setBytes(text) end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local facts = headers:get("x-envoy-authrecord-context")
  if facts == nil then return end
  -- Where the first four stand is fixed: to cut is cheaper than to match.
  local target = target_of(handle, string.sub(facts, 1, 16))
  if not target.judged then return end
  local status, attempt = string.sub(facts, 18, 20), string.sub(facts, 22, 22)
  local length = string.sub(facts, 24, string.find(facts, " ", 24, true) - 1)
  local head, body = suspicion(target, handle, headers, status, length)
  if head == nil and attempt == "1" then return end -- a replay's success is told
  local holds = head ~= nil and is_short(length)
  if holds then handle:body(true) end -- so that another answer can stand for it
  local method, sent, asked_length, first = string.match(facts, "^%x+ %d+ %d %d* (%S+) (%d*) (%d*) ?(.*)$")
  local asked = {
    [":method"] = "POST", [":path"] = "/authrecord.Broker/Judge", [":authority"] = "authrecord",
    ["content-type"] = "application/grpc", ["te"] = "trailers",
    ["x-envoy-retry-on"] = "connect-failure,reset,refused-stream", ["x-envoy-max-retries"] = TRIES,
    ["authrecord-target"] = target.name, ["authrecord-attempt"] = attempt, ["authrecord-method"] = method,
    ["authrecord-holds"] = holds and "1" or "0", ["authrecord-sent-bytes"] = sent, ["authrecord-length"] = asked_length,
    ["authrecord-status"] = status,
  }
  asked["authrecord-credential-1"] = printable(first)
  for number = 2, target.credentials do
    asked["authrecord-credential-" .. number] = printable(handle:headers():get("x-envoy-authrecord-context-" .. number) or "")
  end
  local text = head == nil and "" or head .. "\n\n" .. body
  local size = #text
  local frame = string.char(0, 0, math.floor(size / 65536) % 256, math.floor(size / 256) % 256, size % 256)
  local answer = handle:httpCall(CONTROL, asked, frame .. text, PATIENCE)
  local decision = answer["authrecord-decision"]
  if decision == "refuse" then return refuse(handle, answer["authrecord-code"], answer["authrecord-answer"], method) end
  if decision == "replay" then
    local newer = handle:streamInfo():dynamicMetadata()
    for number = 1, target.credentials do
      local value = answer["authrecord-credential-" .. number]
      if value ~= nil then newer:set(NEWER, "credential-" .. number, value) end
    end
    handle:headers():replace("x-envoy-authrecord-replay", "1")
    return
  end
  local outcome = answer["authrecord-outcome"] or "renewal-failed"
  if outcome ~= "authenticated" then handle:headers():replace("X-Authrecord-Outcome", outcome) end
end
