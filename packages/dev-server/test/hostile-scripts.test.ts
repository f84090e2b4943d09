// Scripts that would hang the embedded engine or change what later scripts see are ended or refused, and the data is kept.
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Engine, ErrorReply } from "../src/engine.js"
import { EmbeddedEngine } from "../src/engine-embedded.js"
import { embedded, engines, type OpenEngine, realRedis } from "./engines.js"

const ENDLESS = [
  ["a plain loop", "while true do end"],
  ["pcall around a loop", "while true do pcall(function() while true do end end) end"],
  [
    "xpcall with a handler that loops",
    "xpcall(function() while true do end end, function() while true do end end)",
  ],
  ["xpcall in a loop", "while true do xpcall(function() while true do end end, tostring) end"],
  [
    "coroutines that loop",
    "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
  ],
  [
    "a wrapped coroutine in pcall",
    "while true do pcall(coroutine.wrap(function() while true do end end)) end",
  ],
  [
    "a metamethod that loops",
    "local t = setmetatable({}, {__index = function() while true do end end}) while true do pcall(function() return t.x end) end",
  ],
  ["redis.pcall in a loop", "while true do redis.pcall('GET', 'k') end"],
  ["a pattern that tries everything", 'return string.find(("a"):rep(1e5), ("a-"):rep(30) .. "b")'],
  [
    "such a pattern in pcall",
    'while true do pcall(string.match, ("a"):rep(1e5), ("a*"):rep(30) .. "b") end',
  ],
  ["such a pattern in gsub", 'return (("a"):rep(1e5):gsub(("a-"):rep(30) .. "b", ""))'],
  [
    "such a pattern in gmatch",
    'for x in (("a"):rep(1e5)):gmatch(("a?"):rep(40) .. ("a"):rep(40) .. "b") do end',
  ],
  [
    "long text compared again and again",
    'local s = ("x"):rep(3e6) local t = s .. "y" while true do local _ = s < t end',
  ],
] as const

describe("a script of the embedded engine", () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await EmbeddedEngine.create(300)
    await engine.run(["SET", "k", "v"])
  })
  afterAll(() => engine.close())
  const run = async (script: string) => {
    const reply = await engine.run(["EVAL", script, "0"])
    return reply instanceof ErrorReply ? reply.message : String(reply)
  }
  const isUnharmed = async () => {
    expect(String(await engine.run(["PING"]))).toBe("PONG")
    expect(await run("return redis.call('GET', 'k')")).toBe("v")
  }

  it.each(ENDLESS)("is stopped if it does not end by itself: %s", async (_, script) => {
    const begun = performance.now()
    expect(await run(script)).toMatch(/ran for more than 300 ms and was ended/)
    expect(performance.now() - begun).toBeLessThan(5000)
    await isUnharmed()
  })

  it.each([
    ["string.rep", 'return #string.rep("x", 1e9)', /resulting string too large/],
    ["string.rep of nothing", 'return #string.rep("", 2e9)', /^0$/],
    ["text that doubles", "local s = 'xxxxxxxx' while true do s = s .. s end", /not enough memory/],
    ["tables without end", "local t = {} while true do t = {t, {}, {}} end", /300 ms|not enough/],
    [
      "text kept in a table",
      "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e7) .. i end",
      /300 ms|not enough/,
    ],
    ["table.insert far in front", "table.insert({1}, -2000000000, 1)", /out of bounds/],
  ])("cannot exceed the memory and time limits: %s", async (_, script, problem) => {
    expect(await run(script)).toMatch(problem)
    expect(await run("local s = ('x'):rep(1e7) return #(s .. s)")).toBe("20000000")
    await isUnharmed()
  })

  it("cannot change the settings of the garbage collector", async () => {
    await run("collectgarbage('stop') collectgarbage('setpause', 100000)")
    const wasteful = "for i = 1, 300 do local s = ('x'):rep(1e6) .. i end return 'done'"
    expect(await run(wasteful)).toMatch(/done|300 ms/)
  })
})

it("a server whose script never ends responds again after five seconds", async () => {
  const engine = await embedded.open()
  try {
    const script = "while true do pcall(function() while true do end end) end"
    const running = engine.rest.command("EVAL", script, 0)
    await expect(running).rejects.toThrow("the script ran for more than 5000 ms and was ended")
    expect(await engine.rest.command("PING")).toBe("PONG")
  } finally {
    await engine.close()
  }
})

describe.each(engines)("over the $name", ({ isAvailable, open }) => {
  describe.skipIf(!isAvailable)("", () => {
    let engine: OpenEngine
    beforeAll(async () => {
      engine = await open()
    })
    afterAll(() => engine.close())
    const run = (script: string) => engine.rest.command("EVAL", script, 0)

    it.each([
      'rawset(redis, "call", function() return "poison" end)',
      'rawset(string, "match", 1)',
      'rawset(_G, "x", 1)',
      "redis.call = 1",
      "string.x = 1",
      "cjson.decode = nil",
      "table.insert(redis, 1)",
      'getmetatable("").__index.match = function() return "poison" end',
      "getmetatable(_G).x = 1",
      "getmetatable(_G).__index = nil",
      "_G.KEYS.x.y = 1",
    ])("no script changes the environment of later scripts: %s", async (script) => {
      await expect(run(script)).rejects.toThrow()
      const later =
        "return {redis.call('PING').ok, ('ab'):match('a'), tostring(rawget(getmetatable(_G), 'x'))}"
      expect(await run(later)).toEqual(["PONG", "a", "nil"])
    })

    it("bytecode is not loaded", async () => {
      for (const load of [
        "loadstring(string.dump(f))",
        "load(function() local b = code code = nil return b end)",
      ]) {
        const script = `local f = function() return 1 end local code = string.dump(f) return tostring(${load})`
        expect(await run(script)).toBe("nil")
      }
      await expect(run("\u001bLua")).rejects.toThrow("unexpected symbol near 'char(27)'")
    })
  })
})

describe.skipIf(!realRedis.isAvailable)("Lua's patterns on the embedded engine", () => {
  it("match the same text as on a real Redis", async () => {
    const [ours, theirs] = [await embedded.open(), await realRedis.open()]
    try {
      const random = randomFrom(20)
      const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)] ?? ""
      const text = (words: readonly string[], count: number) =>
        Array.from({ length: Math.floor(random() * count) }, () => pick(words)).join("")
      const call = `local r = {pcall(string[ARGV[1]], ARGV[2], ARGV[3], ARGV[4] and loadstring("return " .. ARGV[4])())}
        for i = 1, 8 do r[i] = type(r[i]) .. ":" .. tostring(r[i]) end return r`
      const walk = `local r = {} for a, b in ARGV[1]:gmatch(ARGV[2]) do r[#r + 1] = tostring(a) .. "|" .. tostring(b) end return r`
      const commands: string[][] = []
      for (let i = 0; i < 400; i++) {
        const [source, pattern] = [text(SOURCE, 8), text(PATTERN, 7)]
        commands.push(["EVAL", call, "0", "find", source, pattern, pick(["1", "-2", "3", "20"])])
        commands.push(["EVAL", call, "0", "match", source, pattern])
        for (const by of ['"<%1%0%%>"', "{a = 1, b = true}", "function(x) return x .. x end"])
          commands.push(["EVAL", call, "0", "gsub", source, pattern, by])
        commands.push(["EVAL", walk, "0", source, pattern])
      }
      const mine = await ours.rest.post("/pipeline", commands)
      const real = await theirs.rest.post("/pipeline", commands)
      const withoutPlace = (reply: unknown) =>
        JSON.stringify(reply).replace(/(user_script|bootstrap):\d+: | script: .*?(?=")/g, "")
      const replies = real.body as readonly unknown[]
      ;(mine.body as readonly unknown[]).forEach((reply, i) => {
        const command = commands[i]
        expect({ command, reply: withoutPlace(reply) }).toEqual({
          command,
          reply: withoutPlace(replies[i]),
        })
      })
    } finally {
      await ours.close()
      await theirs.close()
    }
  })
})

const SOURCE = ["a", "b", "ab", "(", ")", "%", " ", "1", "A", ".", "-", "]", "é"]
const PATTERN = [
  ...[
    "a",
    "b",
    ".",
    "%a",
    "%d",
    "%s",
    "%W",
    "%p",
    "[ab]",
    "[^a]",
    "[a-c]",
    "[%d.]",
    "[]]",
    "[^]%-]",
  ],
  ...[
    "*",
    "+",
    "-",
    "?",
    "^",
    "$",
    "(",
    ")",
    "()",
    "%1",
    "%b()",
    "%f[a]",
    "%f[%W]",
    "%%",
    "%",
    "[",
  ],
  ...["(a)", "(.-)", "(%w*)", "a*", "b?", ".-"],
]

/** Pseudo-random numbers, the same each time. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
