// Upstash's rule for `allow-key-locking` as Lua, for a Redis without that flag: a script may touch only its KEYS.
import type { CommandKeys } from "./key-rules.js"
import { DYNAMIC_KEY } from "./script-flags.js"

/**
 * Precedes a script, on one line, and replaces its `redis` by a checking one. `GROUPS` is replaced by pairs of rules and
 * the names of the commands that they apply to.
 */
const GUARD = `
local redis = (function(redis, declared)
  local allowed, groups = {}, { GROUPS }
  for i = 1, #declared do allowed[declared[i]] = true end
  local function is_allowed(first, last, step, args)
    for i = first, last, step do
      local key = args[i + 1]
      if type(key) == "number" then key = string.format("%.17g", key) end
      if key ~= nil and not allowed[key] then return false end
    end
    return true
  end
  local function range(first, last, step, limit, args, count)
    if last >= 0 then return is_allowed(first, first + last, step, args) end
    local stop = count - 1 + last + 1
    if limit > 1 then stop = first + math.floor((stop - first + 1) / limit) - 1 end
    return is_allowed(first, stop, step, args)
  end
  local function obeys(rule, args, count)
    local kind, place, a, b, c = rule:match("^(.)([^,]*),([^,]*),?([^,]*),?([^,]*)$")
    if kind == "r" then return range(tonumber(place), tonumber(a), tonumber(b), tonumber(c), args, count) end
    if kind == "n" then
      local first = tonumber(place) + tonumber(a)
      return is_allowed(first, first + (tonumber(args[tonumber(place) + 1]) or 0) - 1, 1, args)
    end
    for i = 1, count - 1 do
      if string.upper(tostring(args[i + 1])) == place then
        return range(i + 1, tonumber(a), tonumber(b), tonumber(c), args, count)
      end
    end
    return true
  end
  local function may(args, count)
    local name = string.lower(tostring(args[1]))
    local sub = name .. "|" .. string.lower(tostring(args[2]))
    for i = 1, #groups, 2 do
      local names = groups[i + 1]
      if names:find(" " .. name .. " ", 1, true) or names:find(" " .. sub .. " ", 1, true) then
        for rule in groups[i]:gmatch("[^;]+") do
          if not obeys(rule, args, count) then return false end
        end
      end
    end
    return true
  end
  local refusal = "REFUSAL"
  local call, pcall = redis.call, redis.pcall
  return setmetatable({
    call = function(...)
      if not may({ ... }, select("#", ...)) then error({ err = refusal }) end
      return call(...)
    end,
    pcall = function(...)
      if not may({ ... }, select("#", ...)) then return { err = refusal } end
      return pcall(...)
    end,
  }, { __index = redis })
end)(redis, KEYS)
`

/** The guard for a Redis with these commands. */
export function keyGuard(commands: readonly CommandKeys[]): string {
  const groups = new Map<string, string>()
  for (const { name, rules } of commands) {
    if (rules !== "") groups.set(rules, `${groups.get(rules) ?? " "}${name} `)
  }
  const listed = [...groups].map(([rules, names]) => `"${rules}","${names}"`).join(",")
  return GUARD.replace("GROUPS", listed)
    .replace("REFUSAL", DYNAMIC_KEY)
    .replace(/\s*\n\s*/g, " ")
    .trim()
}
