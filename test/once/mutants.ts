// The rules of the scripts of `once`, each switched off by hand.
import type { LuaMutant } from "../lua-mutants/broken-scripts.js"

const CLAIM = "once-claim.lua"
const SETTLE = "once-settle.lua"
const EXTEND = "once-extend.lua"
const FORGET = "once-forget.lua"
const SHARED = "shared/once.lua"

export const onceMutants: readonly LuaMutant[] = [
  {
    file: SHARED,
    find: 'return token or error("the leader of this name is not fetchlock\'s"), tonumber(attempt), fingerprint',
    replace: "return token, tonumber(attempt), fingerprint",
    breaks: "a foreign leader value is refused",
  },
  {
    file: SHARED,
    find: 'return run or error("the record of this name is not fetchlock\'s"), tonumber(settled), tonumber(fresh), fingerprint, kind',
    replace:
      "return run or '', tonumber(settled) or 0, tonumber(fresh) or 0, fingerprint or '', kind",
    breaks: "a foreign record is refused",
  },
  {
    file: SHARED,
    find: "redis.sha1hex(leader)",
    replace: "leader",
    breaks: "a channel reveals no name",
  },
  {
    file: SHARED,
    find: "return string.sub(redis.sha1hex(token), 1, 20)",
    replace: 'return "00000000000000000000"',
    breaks: "runs are told apart",
  },
  {
    file: CLAIM,
    find: "local graceMs = ARGV[8]",
    replace: 'local graceMs = "0"',
    breaks: "a crash is remembered for a while",
  },
  {
    file: CLAIM,
    find: "if run == runOf(token) or",
    replace: "if",
    breaks: "a token that has settled never leads again",
  },
  {
    file: CLAIM,
    find: "fresh > nowMs or",
    replace: "",
    breaks: "a fresh result is served to all",
  },
  {
    file: CLAIM,
    find: "fresh > nowMs or",
    replace: "true or",
    breaks: "a stale result is not served to newcomers",
  },
  {
    file: CLAIM,
    find: 'since ~= "" and settled >= tonumber(since) then',
    replace: "false then",
    breaks: "callers that joined get the run that they joined",
  },
  {
    file: CLAIM,
    find: "settled >= tonumber(since) then",
    replace: "true then",
    breaks: "a result is never older than the call",
  },
  {
    file: CLAIM,
    find: 'if differs(other) then return {"mismatch"} end\n    return {"done", text}',
    replace: 'return {"done", text}',
    breaks: "a result with another fingerprint is refused",
  },
  {
    file: CLAIM,
    find: 'if differs(other) then return {"mismatch"} end\n  if old',
    replace: "if old",
    breaks: "a run with another fingerprint is refused",
  },
  {
    file: CLAIM,
    find: 'fingerprint ~= "-" and other ~= "-" and fingerprint ~= other',
    replace: 'other ~= "-" and fingerprint ~= other',
    breaks: "a call without a fingerprint compares none",
  },
  {
    file: CLAIM,
    find: 'fingerprint ~= "-" and other ~= "-" and fingerprint ~= other',
    replace: 'fingerprint ~= "-" and fingerprint ~= other',
    breaks: "a run without a fingerprint accepts any",
  },
  {
    file: CLAIM,
    find: 'kind == "v" and fresh + staleMs > nowMs',
    replace: "fresh + staleMs > nowMs",
    breaks: "an error is never served as a stale value",
  },
  {
    file: CLAIM,
    find: "fresh + staleMs > nowMs",
    replace: "staleMs > 0",
    breaks: "a stale value is served for as long as the caller allows",
  },
  {
    file: CLAIM,
    find: "and not differs(other) then old = text end",
    replace: "then old = text end",
    breaks: "a stale value with another fingerprint is not served",
  },
  {
    file: CLAIM,
    find: "not isNew and redis.call",
    replace: "false and redis.call",
    breaks: "a retried claim keeps its fencing token",
  },
  {
    file: CLAIM,
    find: "not isNew and redis.call",
    replace: "redis.call",
    breaks: "each run has a fencing token of its own",
  },
  {
    file: CLAIM,
    find: 'redis.call("PTTL", leader) - grace or 0',
    replace: 'redis.call("PTTL", leader) or 0',
    breaks: "a leader whose hold has expired is succeeded",
  },
  {
    file: CLAIM,
    find: "if left > 0 then",
    replace: "if false then",
    breaks: "there are never two leaders at once",
  },
  {
    file: CLAIM,
    find: "if theirs == token then return lead(left) end",
    replace: "",
    breaks: "a retried claim continues to lead",
  },
  {
    file: CLAIM,
    find: 'if old ~= "" then return {"old", old} end\n  return {"running"',
    replace: 'return {"running"',
    breaks: "a stale value is served while another caller replaces it",
  },
  {
    file: CLAIM,
    find: 'since == "" and digits(clock()) or since',
    replace: "digits(clock())",
    breaks: "the time of the first claim is kept",
  },
  {
    file: CLAIM,
    find: "if theirs ~= token then attempt = (attempt or 0) + 1 end",
    replace: "attempt = (attempt or 0) + 1",
    breaks: "a leader whose own replies were lost has not crashed",
  },
  {
    file: CLAIM,
    find: "if theirs ~= token then attempt = (attempt or 0) + 1 end",
    replace: "attempt = 1",
    breaks: "crashes are counted",
  },
  {
    file: CLAIM,
    find: "if attempt > attempts then",
    replace: "if false then",
    breaks: "crashes are limited",
  },
  {
    file: CLAIM,
    find: 'if old ~= "" then return {"old", old} end\n  return {"exhausted"',
    replace: 'return {"exhausted"',
    breaks: "crashes do not delete a stale value",
  },
  {
    file: CLAIM,
    find: '"PX", digits(ttl + graceMs))',
    replace: '"PX", digits(ttl))',
    breaks: "a leader leads for its ttl",
  },
  {
    file: CLAIM,
    find: ', "PX", digits(ttl + graceMs))',
    replace: ")",
    breaks: "no leader is without a ttl",
  },
  {
    file: SETTLE,
    find: "if theirs ~= token then",
    replace: "if false then",
    breaks: "every settle compares the leader's token",
  },
  {
    file: SETTLE,
    find: 'if kept and recorded(kept) == runOf(token) then return {"released"} end',
    replace: "",
    breaks: "a retried settle recognizes its own record",
  },
  {
    file: SETTLE,
    find: "recorded(kept) == runOf(token)",
    replace: "true",
    breaks: "another run's record is not recognized as one's own",
  },
  {
    file: SETTLE,
    find: 'if keptMs ~= "0" then redis.call("SET", record, result, "PX", keptMs) end',
    replace: 'redis.call("SET", record, result, "PX", keptMs ~= "0" and keptMs or "1")',
    breaks: "a failed refresh replaces nothing",
  },
  {
    file: SETTLE,
    find: ', "PX", keptMs)',
    replace: ")",
    breaks: "no record without a ttl",
  },
  {
    file: SETTLE,
    find: "math.floor(clock() / 1000) + freshMs",
    replace: "math.floor(clock() / 1000) + keptMs",
    breaks: "a result is kept for longer than it is fresh",
  },
  {
    file: SETTLE,
    find: 'fits == "1" and result or "read"',
    replace: "result",
    breaks: "a result that does not fit into a message is not published",
  },
  {
    file: SETTLE,
    find: 'redis.call("DEL", leader)',
    replace: "",
    breaks: "a settle frees the name",
  },
  {
    file: SETTLE,
    find: "publish(channel(), message)",
    replace: "",
    breaks: "waiters are notified",
  },
  {
    file: EXTEND,
    find: 'if theirs ~= token then return theirs and "taken" or "gone" end',
    replace: 'if not theirs then return "gone" end',
    breaks: "every extension compares the leader's token",
  },
  {
    file: EXTEND,
    find: "digits(ttl + grace)",
    replace: "ttl",
    breaks: "an extension lengthens",
  },
  {
    file: EXTEND,
    find: ', "GT")',
    replace: ")",
    breaks: "an extension never shortens",
  },
  {
    file: FORGET,
    find: 'before .. "0" .. behind',
    replace: "text",
    breaks: "what is forgotten is not fresh",
  },
  {
    file: FORGET,
    find: 'redis.call("SET", record, before .. "0" .. behind, "KEEPTTL")',
    replace: 'redis.call("DEL", record)',
    breaks: "those who joined are served what is forgotten",
  },
  {
    file: FORGET,
    find: ', "KEEPTTL")',
    replace: ")",
    breaks: "what is forgotten keeps its ttl",
  },
  {
    file: FORGET,
    find: 'redis.call("PEXPIRE", record, lingerMs, "LT")',
    replace: "",
    breaks: "what is forgotten does not stay for long",
  },
  {
    file: FORGET,
    find: ', "LT")',
    replace: ")",
    breaks: "forgetting lengthens nothing",
  },
  {
    file: FORGET,
    find: 'if theirs and redis.call("PTTL", leader) <= grace then',
    replace: "if theirs then",
    breaks: "forgetting disturbs no run",
  },
  {
    file: FORGET,
    find: 'if theirs and redis.call("PTTL", leader) <= grace then',
    replace: "if false then",
    breaks: "forgetting ends the memory of a crash",
  },
]
