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
    breaks: "a leader of others' is refused",
  },
  {
    file: SHARED,
    find: 'return run or error("the record of this name is not fetchlock\'s"), tonumber(settled), tonumber(fresh), fingerprint, kind',
    replace:
      "return run or '', tonumber(settled) or 0, tonumber(fresh) or 0, fingerprint or '', kind",
    breaks: "a record of others' is refused",
  },
  {
    file: SHARED,
    find: "redis.sha1hex(leader)",
    replace: "leader",
    breaks: "a channel tells no name",
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
    breaks: "a result that is no longer fresh is not for newcomers",
  },
  {
    file: CLAIM,
    find: 'since ~= "" and settled >= tonumber(since) then',
    replace: "false then",
    breaks: "those who joined get the run that they joined",
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
    breaks: "a result of another fingerprint is refused",
  },
  {
    file: CLAIM,
    find: 'if differs(other) then return {"mismatch"} end\n  if old',
    replace: "if old",
    breaks: "a run of another fingerprint is refused",
  },
  {
    file: CLAIM,
    find: 'fingerprint ~= "-" and other ~= "-" and fingerprint ~= other',
    replace: 'other ~= "-" and fingerprint ~= other',
    breaks: "who gives no fingerprint compares none",
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
    breaks: "no error is an old value",
  },
  {
    file: CLAIM,
    find: "fresh + staleMs > nowMs",
    replace: "staleMs > 0",
    breaks: "an old value will do for as long as the caller says",
  },
  {
    file: CLAIM,
    find: "and not differs(other) then old = text end",
    replace: "then old = text end",
    breaks: "an old value of another fingerprint will not do",
  },
  {
    file: CLAIM,
    find: "not isNew and redis.call",
    replace: "false and redis.call",
    breaks: "a claim that is sent again has the same fencing token",
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
    breaks: "a leader whose time is over is succeeded",
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
    breaks: "a claim that is sent again goes on leading",
  },
  {
    file: CLAIM,
    find: 'if old ~= "" then return {"old", old} end\n  return {"running"',
    replace: 'return {"running"',
    breaks: "an old value is served while somebody replaces it",
  },
  {
    file: CLAIM,
    find: 'since == "" and digits(clock()) or since',
    replace: "digits(clock())",
    breaks: "the time of the first claim stays",
  },
  {
    file: CLAIM,
    find: "if theirs ~= token then attempt = (attempt or 0) + 1 end",
    replace: "attempt = (attempt or 0) + 1",
    breaks: "whose own answers were lost has not crashed",
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
    breaks: "so many crashes and no more",
  },
  {
    file: CLAIM,
    find: 'if old ~= "" then return {"old", old} end\n  return {"exhausted"',
    replace: 'return {"exhausted"',
    breaks: "crashes do not take an old value away",
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
    breaks: "no leader without a ttl",
  },
  {
    file: SETTLE,
    find: "if theirs ~= token then",
    replace: "if false then",
    breaks: "every settling compares the leader's token",
  },
  {
    file: SETTLE,
    find: 'if kept and recorded(kept) == runOf(token) then return {"released"} end',
    replace: "",
    breaks: "a settling that is sent again recognizes its record",
  },
  {
    file: SETTLE,
    find: "recorded(kept) == runOf(token)",
    replace: "true",
    breaks: "another run's record is not one's own",
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
    breaks: "what does not fit a message is not published",
  },
  {
    file: SETTLE,
    find: 'redis.call("DEL", leader)',
    replace: "",
    breaks: "a settling frees the name",
  },
  {
    file: SETTLE,
    find: "publish(channel(), message)",
    replace: "",
    breaks: "those who wait are told",
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
