// `fetchlock doctor` on each engine, and on databases of which one feature or another is degraded.
import { startDevServer } from "@fetchlock/dev-server"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { type Fault, FaultProxy, type Plan } from "../support/fault-proxy.js"
import { hasRedisServer } from "../support/redis-server.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"
import { fetchlock, FetchlockCommand, type Place } from "./fetchlock-command.js"
import { startValkey } from "../support/valkey-server.js"

interface Report {
  readonly isSound: boolean
  readonly findings: readonly {
    readonly probe: string
    readonly verdict: string
    readonly found: string
    readonly follows: string
  }[]
  readonly options: object
}

let database: Database

beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

async function examine(url: string, idle = "0") {
  const place = { url, token: database.token }
  const ended = await fetchlock(place, ["doctor", "--json", "--idle", idle])
  expect(ended.err).toBe("")
  const report = JSON.parse(ended.out) as Report
  const of = (probe: string) => report.findings.find((finding) => finding.probe === probe)
  const problems = report.findings.filter(({ verdict }) => verdict === "problem")
  return { ...report, code: ended.code, of, problems }
}

/** All requests that match get this reply, and are not executed. */
const reply = (body: unknown, status = 200): Fault => {
  return { kind: "replaced", executed: false, status, body: JSON.stringify(body) }
}
const refused = (error: string) => reply({ error }, 400)

/** An examination through a proxy with these faults. */
async function degraded(plan: Plan, idle?: string) {
  const proxy = await FaultProxy.open(database.url)
  proxy.plan = plan
  try {
    return await examine(proxy.url, idle)
  } finally {
    await proxy.close()
  }
}

describe.each(["embedded engine", "real Redis"] as const)("on the %s", (engine) => {
  const run = engine === "embedded engine" || hasRedisServer() ? test : test.skip

  run("finds no problem, prints a table, and leaves no key", async () => {
    const own = await openDatabase(engine)
    onTestFinished(() => own.close())
    const { code, out, err } = await fetchlock(own, ["doctor", "--idle", "1s"])
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(out).toMatch(/^VERDICT +PROBE +FOUND +WHAT FOLLOWS\n/)
    expect(out).toMatch(/^ok +silent streams +alive after 1.0s of silence/m)
    expect(out).not.toContain("PROBLEM")
    expect(out).toContain("Locks keep their promises here")
    expect(await own.command("KEYS", "*")).toEqual([])
  })
})

test("on a Valkey 9, finds no problem and leaves no key", async () => {
  const valkey = await startValkey()
  const server = await startDevServer({ port: 0, redis: valkey.url })
  try {
    const { out, code } = await fetchlock(server, ["doctor", "--idle", "0"])
    expect(out).toMatch(/^ok +server +Valkey 9\./m)
    expect(out).not.toContain("PROBLEM")
    expect(code).toBe(0)
    expect(await keysOf(server)).toEqual([])
  } finally {
    await server.close()
    await valkey.stop()
  }
})

async function keysOf({ url, token }: Place): Promise<unknown> {
  const headers = { Authorization: `Bearer ${token}` }
  const response = await fetch(url, { method: "POST", headers, body: '["KEYS", "*"]' })
  return ((await response.json()) as { result: unknown }).result
}

// Each examination takes eight seconds and more.
describe.concurrent("a database that is degraded", { timeout: 60_000 }, () => {
  test("cannot keep a promise without EVAL", async () => {
    const { code, isSound, of } = await degraded(({ commands }) =>
      commands[0]?.[0] === "EVAL" ? refused("NOPERM this user has no permissions") : undefined,
    )
    expect({ code, isSound }).toEqual({ code: 1, isSound: false })
    expect(of("EVAL")).toMatchObject({
      verdict: "problem",
      found: expect.stringContaining("NOPERM") as unknown,
    })
    expect(of("a lock and its queue")).toMatchObject({ verdict: "problem" })
  })

  test("costs more if scripts may not publish or count listeners, and DELEX is missing", async () => {
    const { code, of, problems } = await degraded(({ commands }) => {
      const [name, script = ""] = commands[0] ?? []
      if (name === "DELEX") return refused("ERR unknown command")
      if (name === "SET" && commands[0]?.includes("IFEQ")) return refused("ERR syntax error")
      if (name !== "EVAL") return undefined
      if (script.startsWith("#!lua")) return refused("ERR Unexpected flag in script shebang: x")
      if (script.startsWith('return redis.call("PUBLISH"'))
        return refused("ERR not allowed from script")
      return script.startsWith('return redis.call("PUBSUB"') ? reply({ result: 0 }) : undefined
    })
    expect(problems).toEqual([])
    expect(code).toBe(0)
    expect(of("PUBLISH in a script")).toMatchObject({
      verdict: "note",
      found: expect.stringContaining("not allowed from script") as unknown,
      follows: expect.stringContaining("one more request") as unknown,
    })
    expect(of("PUBSUB NUMSUB in a script")).toMatchObject({
      verdict: "note",
      found: "does not see our listener",
    })
    expect(of("DELEX")).toMatchObject({ found: "not supported" })
    expect(of("SET … IFEQ")).toMatchObject({ found: "not supported" })
    expect(of("allow-key-locking")).toMatchObject({ verdict: "ok", found: "refused" })
  })

  test("cannot keep a promise without TIME in scripts, or with inexact replies", async () => {
    const { code, of } = await degraded(({ commands }) => {
      const [, script] = commands[0] ?? []
      if (script === 'return redis.call("TIME")') return refused("ERR not allowed from script")
      return script?.startsWith("return {1795")
        ? reply({ result: [1.795e15, 1.795e15, null] })
        : undefined
    })
    expect(code).toBe(1)
    expect(of("TIME in a script")).toMatchObject({ verdict: "problem" })
    expect(of("exact replies")).toMatchObject({ verdict: "problem" })
  })

  test("has waiters that poll if streams are refused, and needs an option", async () => {
    const { code, of, options } = await degraded(({ commands }) =>
      commands[0]?.[0] === "subscribe" ? reply({ error: "no such path" }, 404) : undefined,
    )
    expect({ code, options }).toEqual({ code: 0, options: { push: false } })
    expect(of("streams")).toMatchObject({
      verdict: "note",
      follows: expect.stringContaining("poll") as unknown,
    })
    expect(of("PUBSUB NUMSUB in a script")).toMatchObject({ found: "no stream opens" })
    expect(of("a lock and its queue")).toMatchObject({
      verdict: "note",
      follows: "the waiter polled: its stream was refused",
    })
    expect(of("steal")).toMatchObject({
      verdict: "note",
      found: "not noticed: its stream was refused",
    })
  })

  test("has waiters that poll if streams open and deliver nothing, or end in silence", async () => {
    const { of, options } = await degraded(({ commands: [command = []] }) => {
      if (command[0] === "PUBLISH") return reply({ result: 0 })
      const isSilent = command[0] === "subscribe" && command[1]?.endsWith("silence")
      return isSilent ? { kind: "stream-cut", afterMs: 300 } : undefined
    }, "5s")
    expect(of("streams")).toMatchObject({
      verdict: "note",
      found: expect.stringContaining("delivers nothing") as unknown,
    })
    expect(of("silent streams")).toMatchObject({
      verdict: "note",
      found: expect.stringContaining("ends after") as unknown,
    })
    expect(options).toEqual({ push: false })
  })

  test("may have stale reads and slow replies, and no pipelines", async () => {
    let pings = 0
    const { code, of } = await degraded(({ commands: [command = []] }) => {
      if (command[0] === "PING" && ++pings === 5) return { kind: "reply-delayed", ms: 1_200 }
      if (command[0] === "GET" && command[1]?.endsWith(":reads")) return reply({ result: "old" })
      return command[0] === "SET" && command[1]?.endsWith(":pipeline")
        ? refused("ERR no pipelines")
        : undefined
    })
    expect(code).toBe(1)
    expect(of("reads see writes")).toMatchObject({
      verdict: "note",
      found: "20 of 20 reads were stale",
    })
    expect(of("round trip")).toMatchObject({
      verdict: "note",
      follows: expect.stringContaining("timeout") as unknown,
    })
    expect(of("several commands in one request")).toMatchObject({ verdict: "problem" })
  })

  test.each([
    ["runs 2 % fast", 1.02, "problem", 1],
    ["runs 2 % slow", 0.98, "problem", 1],
    ["runs 0.3 % fast", 1.003, "ok", 0],
  ])("whose clock %s is noticed or tolerated", async (_, speed, verdict, expected) => {
    const start = performance.now()
    const { code, of } = await degraded(({ commands: [command = []] }) => {
      if (command[0] !== "TIME") return undefined
      const ms = 1_800_000_000_000 + (performance.now() - start) * speed
      const micros = Math.round((ms % 1_000) * 1_000)
      return reply({ result: [String(Math.floor(ms / 1_000)), String(Math.min(micros, 999_999))] })
    })
    expect(of("clock speed")).toMatchObject({ verdict })
    expect(code).toBe(expected)
  })

  test.each([
    ["too early", 0, "was gone after"],
    ["too late", 1, "is still there"],
  ])("whose keys end %s cannot keep a promise", async (_, exists, found) => {
    const { code, of } = await degraded(({ commands: [command = []] }) =>
      command[0] === "EXISTS" && command[1]?.endsWith(":expiry")
        ? reply({ result: exists })
        : undefined,
    )
    expect(code).toBe(1)
    expect(of("expiry")).toMatchObject({
      verdict: "problem",
      found: expect.stringContaining(found) as unknown,
    })
  })

  test.each([
    ["100000", "volatile-lru", "problem", 1],
    ["100000", "allkeys-random", "problem", 1],
    ["0", "allkeys-lru", "note", 0],
    ["100000", "noeviction", "ok", 0],
  ])("with maxmemory %s and %s: %s", async (limit, policy, verdict, expected) => {
    const text = `# Memory\r\nmaxmemory:${limit}\r\nmaxmemory_policy:${policy}\r\n`
    const { code, of } = await degraded(({ commands: [command = []] }) =>
      command[0] === "INFO" ? reply({ result: text }) : undefined,
    )
    expect(of("eviction")).toMatchObject({ verdict })
    expect(code).toBe(expected)
  })

  test("may return nonsense: that is a finding, too, and does not end the examination", async () => {
    const { of, findings } = await degraded(({ commands: [command = []] }) =>
      command[0] === "TIME" || command[0] === "DELEX"
        ? { kind: "replaced", executed: false, status: 502, body: "<html>\u001b[31m" }
        : undefined,
    )
    expect(of("clock speed")).toMatchObject({ verdict: "unknown" })
    expect(of("DELEX")).toMatchObject({ verdict: "unknown" })
    expect(findings.length).toBeGreaterThan(15)
  })
})

test.each([100, 700, 1_500, 3_500])(
  "an examination that is interrupted after %i ms leaves no key, and ends by the signal",
  async (afterMs) => {
    const own = await openDatabase("embedded engine")
    onTestFinished(() => own.close())
    const proxy = await FaultProxy.open(own.url)
    onTestFinished(() => proxy.close())
    // Many requests are on their way at any moment.
    proxy.plan = () => ({ kind: "request-delayed", ms: 40 })
    const command = new FetchlockCommand({ ...own, url: proxy.url }, ["doctor"])
    await until(() => proxy.log.length > 3)
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    command.kill("SIGTERM")
    expect(await command.ended).toMatchObject({ signal: "SIGTERM", out: "", err: "" })
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(await own.command("KEYS", "*")).toEqual([])
  },
)

test("a server that repeats the token does not get it printed", async () => {
  const echo = reply({ error: `ERR unknown command: Bearer ${database.token}` }, 400)
  const proxy = await FaultProxy.open(database.url)
  onTestFinished(() => proxy.close())
  const place = { ...database, url: proxy.url }
  proxy.plan = ({ commands: [command = []] }) => (command[0] === "PING" ? undefined : echo)
  const { out } = await fetchlock(place, ["doctor", "--idle", "0"])
  expect(out).toContain("Bearer …")
  expect(out).not.toContain(database.token)
  proxy.plan = () => echo
  const { code, err } = await fetchlock(place, ["doctor"])
  expect(code).toBe(69)
  expect(err).not.toContain(database.token)
})

test("it ends with 69 if the database cannot be reached or refuses the token", async () => {
  const down = await fetchlock({ ...database, url: "http://127.0.0.1:1" }, ["doctor"])
  expect(down).toMatchObject({ code: 69, out: "" })
  const wrong = await fetchlock({ ...database, token: "wrong-token" }, ["doctor"])
  expect(wrong).toMatchObject({
    code: 69,
    out: "",
    err: expect.stringContaining("WRONGPASS") as unknown,
  })
})
