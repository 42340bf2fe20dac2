-- Puts credentials into the query and into cookies. Envoy injected them into headers of ours; what the client sent
-- stays byte for byte, but for a parameter or cookie of the same name.

local function decoded(name)
  name = string.gsub(name, "+", " ")
  return (string.gsub(name, "%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function without(text, separator, gap, name, decodes)
  local kept = {}
  for part in string.gmatch(text .. separator, "(.-)" .. separator) do
    local found = string.match(part, "^" .. gap .. "([^=]*)")
    if decodes then found = decoded(found) else found = string.match(found, "^(.-)%s*$") end
    if found ~= name then kept[#kept + 1] = part end
  end
  return table.concat(kept, separator)
end

local function in_query(path, name, value)
  local base, query = string.match(path, "^([^?]*)%??(.*)$")
  if query ~= "" then
    query = without(query, "&", "", name, true)
    if query ~= "" and string.sub(query, -1) ~= "&" then query = query .. "&" end
  end
  return base .. "?" .. query .. value
end

local function in_cookies(cookies, name, value)
  if cookies == nil or cookies == "" then return value end
  local kept = without(cookies, ";", "%s*", name, false)
  if not string.find(kept, "%S") then return value end
  return kept .. "; " .. value
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local metadata = handle:metadata()
  local names = metadata:get("names")
  for number, place in ipairs(metadata:get("places")) do
    local name = names[number]
    local injected = "x-envoy-authrecord-credential-" .. number
    local value = headers:get(injected)
    if place == "query" then
      headers:replace(":path", in_query(headers:get(":path"), name, value))
      headers:remove(injected)
    elseif place == "cookie" then
      headers:replace("cookie", in_cookies(headers:get("cookie"), name, value))
      headers:remove(injected)
    end
  end
end

-- A server that echoes the request's query into `Location` would send the credential along (row O12).
function envoy_on_response(handle)
  local headers = handle:headers()
  local location = headers:get("location")
  if location == nil then return end
  local base, query, fragment = string.match(location, "^([^?#]*)%?([^#]*)(.*)$")
  if base == nil then return end
  local kept, metadata = query, handle:metadata()
  local names = metadata:get("names")
  for number, place in ipairs(metadata:get("places")) do
    if place == "query" then kept = without(kept, "&", "", names[number], true) end
  end
  if kept == query then return end
  headers:replace("location", base .. (kept ~= "" and "?" .. kept or "") .. fragment)
end
