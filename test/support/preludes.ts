// Lua to put before a script, which causes events that a test cannot time.

/** Deletes a key in the moment before a value is appended to it, as an expiry would. */
export const EXPIRES_BEFORE_APPEND = `local redis = (function(real)
  return setmetatable({ call = function(...)
    local name, key = ...
    if name == "APPEND" then real.call("DEL", key) end
    return real.call(...)
  end }, { __index = real })
end)(redis)
`

/** Makes a command fail that is called in a protected way, as on a server whose scripts may not use it. */
export function refusing(command: string, error = "ERR unknown command"): string {
  return `local redis = (function(real)
  return setmetatable({ pcall = function(name, ...)
    if name == "${command}" then return { err = "${error}" } end
    return real.pcall(name, ...)
  end }, { __index = real })
end)(redis)
`
}

/** A server that has DELEX in its scripts. */
export const HAS_DELEX = `local redis = (function(real)
  return setmetatable({ pcall = function(...)
    local name, key, condition, value = ...
    if name ~= "DELEX" then return real.pcall(...) end
    if condition ~= "IFEQ" then return { err = "ERR syntax error" } end
    return real.call("GET", key) == value and real.call("DEL", key) or 0
  end }, { __index = real })
end)(redis)
`
