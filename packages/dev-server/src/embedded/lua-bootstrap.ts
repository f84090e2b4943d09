// The environment of a script: Redis 7's read-only globals, in plain Lua 5.1.

/**
 * A chunk that takes the functions below from the host and returns two functions. One puts a compiled script into that
 * environment. The other runs it with its KEYS and ARGV, and returns true and the result, or false and the error.
 */
export const BOOTSTRAP = `
local call, protected_call, sha1hex, encode, decode, find, match, find_all, rep, is_over, null = ...
local debug, setfenv, real_pcall, real_xpcall, error = debug, setfenv, pcall, xpcall, error
local type, tostring, tonumber, select, setmetatable = type, tostring, tonumber, select, setmetatable
local unpack, rawset, loadstring, collectgarbage = unpack, rawset, loadstring, collectgarbage
local concat, sub, byte, resume = table.concat, string.sub, string.byte, coroutine.resume
local insert, remove, sort = table.insert, table.remove, table.sort

-- Tables that all scripts share. Functions that write past metamethods look here first.
local shared = {}

local function refuse_change()
  error("Attempt to modify a readonly table", 2)
end

local function check_own(table)
  if shared[table] then error("Attempt to modify a readonly table", 0) end
end

local function readonly(table)
  local meta = { __index = table, __newindex = refuse_change, __metatable = false }
  local proxy = setmetatable({}, meta)
  shared[proxy] = true
  return proxy
end

local function copy(table)
  local result = {}
  for name, value in pairs(table) do result[name] = value end
  return result
end

-- A match of find_all is {start, end, captures...}.
local function gmatch(text, pattern)
  local all, i = find_all(text, pattern, math.huge, false), 0
  return function()
    i = i + 1
    local found = all[i]
    if found then return unpack(found, 3) end
  end
end

local function replacement(with, kind, found, whole)
  if kind == "table" then return with[found[3]] end
  if kind == "function" then return with(unpack(found, 3)) end
  local parts, from = {}, 1
  for _, escape in ipairs(find_all(with, "%%(.?)", math.huge, false)) do
    parts[#parts + 1] = sub(with, from, escape[1] - 1)
    local char = escape[3]
    if char == "0" then parts[#parts + 1] = whole
    elseif tonumber(char) then
      local capture = found[2 + tonumber(char)]
      if capture == nil then error("invalid capture index", 0) end
      parts[#parts + 1] = capture
    else parts[#parts + 1] = char end
    from = escape[2] + 1
  end
  parts[#parts + 1] = sub(with, from)
  return concat(parts)
end

local function gsub(text, pattern, with, limit)
  local kind = type(with)
  if kind == "number" then with, kind = tostring(with), "string" end
  if kind ~= "string" and kind ~= "table" and kind ~= "function" then
    error("bad argument #3 to 'gsub' (string/function/table expected)", 2)
  end
  local all = find_all(text, pattern, tonumber(limit) or math.huge, true)
  text = tostring(text)
  local parts, from = {}, 1
  for i = 1, #all do
    local found = all[i]
    local whole = sub(text, found[1], found[2])
    local value = replacement(with, kind, found, whole)
    if not value then value = whole
    elseif type(value) ~= "string" and type(value) ~= "number" then
      error("invalid replacement value (a " .. type(value) .. ")", 2)
    end
    parts[#parts + 1] = sub(text, from, found[1] - 1)
    parts[#parts + 1] = value
    from = found[2] + 1
  end
  parts[#parts + 1] = sub(text, from)
  return concat(parts), #all
end

local safe_string = copy(string)
safe_string.find, safe_string.match, safe_string.rep = find, match, rep
safe_string.gmatch, safe_string.gfind, safe_string.gsub = gmatch, gmatch, gsub
local string = readonly(safe_string)
local string_meta = getmetatable("")
string_meta.__index = safe_string
string_meta.__metatable = readonly({ __index = string })

local safe_table = copy(table)
safe_table.insert = function(list, ...)
  check_own(list)
  -- From there it would move nothing, one place after the other, for minutes.
  if select("#", ...) > 1 and (tonumber((...)) or 1) < -1000000 then
    error("bad argument #2 to 'insert' (position out of bounds)", 2)
  end
  return insert(list, ...)
end
safe_table.remove = function(list, ...)
  check_own(list)
  return remove(list, ...)
end
safe_table.sort = function(list, ...)
  check_own(list)
  return sort(list, ...)
end

-- Once time is up nothing catches the error that says so.
local function resumed(ok, ...)
  if not ok and is_over() then error((...), 0) end
  return ok, ...
end
local safe_coroutine = copy(coroutine)
safe_coroutine.resume = function(...) return resumed(resume(...)) end

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
  string = string, math = readonly(copy(math)), table = readonly(safe_table),
  coroutine = readonly(safe_coroutine),
  _VERSION = _VERSION, tostring = tostring, unpack = unpack,
  setmetatable = setmetatable, getmetatable = getmetatable, next = next, assert = assert,
  tonumber = tonumber, rawequal = rawequal, rawget = rawget, select = select, type = type,
  pairs = pairs, ipairs = ipairs, error = error, collectgarbage = collectgarbage, gcinfo = gcinfo,
}

local world = setmetatable({}, {
  __metatable = readonly({}),
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
shared[world] = true

globals.rawset = function(table, key, value)
  check_own(table)
  return rawset(table, key, value)
end

-- As in Redis 7, a script that catches an error of redis.call gets its text.
local function caught(ok, problem, ...)
  if ok then return ok, problem, ... end
  if is_over() then error(problem, 0) end
  if type(problem) == "table" and type(problem.err) == "string" then
    return false, problem.err
  end
  return ok, problem, ...
end
globals.pcall = function(...) return caught(real_pcall(...)) end

-- A handler runs where the error was thrown, and there no hook can end it.
globals.xpcall = function(body, handler)
  return resumed(real_xpcall(body, function(problem)
    if is_over() then return problem end
    return handler(problem)
  end))
end

local function into_world(chunk, problem)
  if chunk then setfenv(chunk, world) end
  return chunk, problem
end
globals.loadstring = function(source, name)
  -- Bytecode can break the VM. With a space in front it is text, and no good one.
  if type(source) == "string" and byte(source) == 27 then source = " " .. source end
  return into_world(loadstring(source, name or "@user_script"))
end
globals.load = function(reader, name)
  local parts = {}
  local ok, problem = globals.pcall(function()
    for part in reader do
      if part == "" then return end
      if type(part) ~= "string" then error("reader function must return a string", 0) end
      parts[#parts + 1] = part
    end
  end)
  if not ok then return nil, problem end
  return globals.loadstring(concat(parts), name)
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
  -- As an earlier script may have left it.
  collectgarbage("restart")
  collectgarbage("setpause", 200)
  collectgarbage("setstepmul", 200)
  globals.KEYS, globals.ARGV = keys, argv
  return real_xpcall(script, locate)
end

return into_world, run
`
