// Lua to stand before a script, which makes happen what a test cannot time.

/** Ends a key in the moment before something is appended to it, as an expiry would. */
export const EXPIRES_BEFORE_APPEND = `local redis = (function(real)
  return setmetatable({ call = function(...)
    local name, key = ...
    if name == "APPEND" then real.call("DEL", key) end
    return real.call(...)
  end }, { __index = real })
end)(redis)
`
