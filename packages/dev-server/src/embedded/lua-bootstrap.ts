// The world a script sees: Redis 7's globals, which it can read and not change, in plain Lua 5.1.

/**
 * A chunk that takes the functions below from the host and returns two functions: one puts a compiled script into
 * that world, the other runs it with its KEYS and ARGV and answers true and the result, or false and what was thrown.
 */
export const BOOTSTRAP = `
local call, protected_call, sha1hex, encode, decode, null = ...
local debug, setfenv, real_pcall, xpcall, error = debug, setfenv, pcall, xpcall, error
local type, tostring, select, unpack, setmetatable = type, tostring, select, unpack, setmetatable
local rawset, loadstring, load = rawset, loadstring, load

local function refuse_change()
  error("Attempt to modify a readonly table", 2)
end

local function readonly(table)
  return setmetatable({}, { __index = table, __newindex = refuse_change, __metatable = false })
end

local function code(kind, text)
  if type(text) ~= "string" then
    return { err = "ERR wrong number or type of arguments" }
  end
  return { [kind] = kind == "err" and text:gsub("^%-", "") or text }
end

local redis = {
  call = call, pcall = protected_call, sha1hex = sha1hex,
  error_reply = function(text) return code("err", text) end,
  status_reply = function(text) return code("ok", text) end,
  log = function() end, setresp = function() end, set_repl = function() end,
  replicate_commands = function() return true end, acl_check_cmd = function() return true end,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  REDIS_VERSION = "7.0.15", REDIS_VERSION_NUM = 0x0007000f,
}

local globals = {
  redis = readonly(redis),
  cjson = readonly({ encode = encode, decode = decode, null = null }),
  string = readonly(string), math = readonly(math), table = readonly(table),
  coroutine = readonly(coroutine),
  _VERSION = _VERSION, xpcall = xpcall, tostring = tostring, unpack = unpack,
  setmetatable = setmetatable, getmetatable = getmetatable, next = next, assert = assert,
  tonumber = tonumber, rawequal = rawequal, rawget = rawget, select = select, type = type,
  pairs = pairs, ipairs = ipairs, error = error, collectgarbage = collectgarbage, gcinfo = gcinfo,
}

local world = setmetatable({}, {
  __metatable = {},
  __newindex = refuse_change,
  __index = function(_, name)
    local value = globals[name]
    if value == nil then
      error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
    end
    return value
  end,
})
globals._G = world

globals.rawset = function(table, key, value)
  if table == world then error("Attempt to modify a readonly table", 0) end
  return rawset(table, key, value)
end

-- As in Redis 7, a script that catches an error of redis.call gets its text.
local function caught(ok, problem, ...)
  if not ok and type(problem) == "table" and type(problem.err) == "string" then
    return false, problem.err
  end
  return ok, problem, ...
end
globals.pcall = function(...) return caught(real_pcall(...)) end

local function into_world(chunk, problem)
  if chunk then setfenv(chunk, world) end
  return chunk, problem
end
globals.loadstring = function(source, name)
  return into_world(loadstring(source, name or "@user_script"))
end
globals.load = function(reader, name)
  return into_world(load(reader, name or "@user_script"))
end

-- Notes where in the script an error was thrown.
local function locate(problem)
  if type(problem) ~= "table" then problem = { err = "ERR " .. tostring(problem) } end
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then return problem end
    if info.source == "@user_script" then
      problem.source, problem.line = info.source, info.currentline
      return problem
    end
    level = level + 1
  end
end

local function run(script, keys, argv)
  globals.KEYS, globals.ARGV = keys, argv
  return xpcall(script, locate)
end

return into_world, run
`
