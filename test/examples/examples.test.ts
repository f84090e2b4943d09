// The examples, each run as a whole: as its platform runs it, or at least as its platform calls it.
import { spawn } from "node:child_process"
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest"
import { createStore, write } from "../../examples/fencing/index.js"
import { LockManager } from "fetchlock"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"
import { Isolate, type IsolateOptions } from "../workerd/isolate.js"

let database: Database

beforeAll(async () => {
  database = await openDatabase("embedded engine")
  vi.stubEnv("UPSTASH_REDIS_REST_URL", database.url)
  vi.stubEnv("UPSTASH_REDIS_REST_TOKEN", database.token)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await database.close()
})

const example = (name: string) => new URL(`../../examples/${name}/index.ts`, import.meta.url)

describe("Workers", { timeout: 30_000 }, () => {
  async function start(name: string, options: Partial<IsolateOptions> = {}): Promise<Isolate> {
    const env = { UPSTASH_REDIS_REST_URL: database.url, UPSTASH_REDIS_REST_TOKEN: database.token }
    const isolate = await Isolate.start({ worker: example(name), env, ...options })
    onTestFinished(() => isolate.stop())
    return isolate
  }

  test("the cron job runs once although it fires on two machines, and again at its next time", async () => {
    const isolates = await Promise.all([start("cron"), start("cron")])
    const three = new Date("2026-05-01T03:00:00Z")
    const fireAll = (time: Date) => Promise.all(isolates.map((isolate) => isolate.fire(time)))
    expect(await fireAll(three)).toEqual(["ok", "ok"])
    // A firing that comes late, after the first run has ended.
    expect(await isolates[1].fire(three)).toBe("ok")
    expect(await database.command("GET", "reports")).toBe("1")
    await fireAll(new Date("2026-05-01T04:00:00Z"))
    expect(await database.command("GET", "reports")).toBe("2")
  })

  test("the webhook books a payment once, however often it is delivered", async () => {
    const isolate = await start("webhook")
    const deliver = (id: string) =>
      isolate.fetch(`/payments/${id}`, { method: "POST", body: '{"amount":5}' })
    const responses = await Promise.all(["a", "a", "b", "a", "b"].map(deliver))
    const statuses = responses.map(({ status }) => status).sort()
    expect(statuses).toEqual([200, 200, 200, 201, 201])
    expect((await deliver("a")).status).toBe(200)
    expect(await database.command("GET", "balance")).toBe("10")
  })

  test("the answer to a chat message ends at once when the next message of the conversation comes", async () => {
    const [older, newer] = await Promise.all([start("chat"), start("chat")])
    const send = async (isolate: Isolate, chat: string, message: string) => {
      const path = `/chats/${chat}/messages`
      const { body } = await isolate.fetch(path, { method: "POST", body: message })
      const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
      let read = ""
      const readUntil = async (token: string) => {
        while (!read.includes(token)) {
          const { done, value } = await (reader?.read() ?? { done: true, value: undefined })
          if (done) return "ended"
          read += value ?? ""
        }
        return "read"
      }
      return { readUntil, cancel: () => reader?.cancel() }
    }
    const first = await send(older, "1", "first")
    const other = await send(older, "2", "other")
    expect(await first.readUntil("first-5\n")).toBe("read")
    const rest = first.readUntil("event: complete").catch(() => "ended")
    const startedAt = performance.now()
    const second = await send(newer, "1", "second")
    expect(await rest).toBe("ended")
    // A renewal would have noticed after ten seconds; the whole answer takes twenty.
    expect(performance.now() - startedAt).toBeLessThan(8_000)
    await until(() => older.log.some((line) => line.startsWith('"first" ended after')))
    expect(older.log).not.toContain('"first" ended after 400 tokens')
    // The newest message gets its answer, and so does another conversation.
    expect(await second.readUntil("second-5\n")).toBe("read")
    expect(await other.readUntil("other-10\n")).toBe("read")
    await Promise.all([second.cancel(), other.cancel()])
    await until(async () => (await database.command("EXISTS", "lock:chat:1")) === 0)
  })

  test("the queue's consumer holds the lock until its job is done", async () => {
    const queue = { binding: "JOBS", name: "jobs" }
    const isolate = await start("queue", { queue })
    const post = () => isolate.fetch("/accounts/7/export", { method: "POST" })
    expect((await post()).status).toBe(202)
    // Transferred, so no other request gets in.
    expect((await post()).status).toBe(409)
    await until(async () => (await database.command("GET", "exports:7")) === "1", {
      timeout: 15_000,
    })
    await until(async () => (await database.command("EXISTS", "lock:account:7")) === 0)
    expect((await post()).status).toBe(202)
  })
})

test("the fenced resource refuses a late writer", async () => {
  const { url, token } = database
  const locks = new LockManager({ redis: { url, token } })
  const store = createStore()
  // Stalls until its lock has expired, and another writer has been served.
  const late = write(locks, store, "late", 3_000)
  await until(async () => (await locks.inspect("document")).isHeld)
  const early = write(locks, store, "in time")
  expect(await Promise.all([early, late])).toEqual([204, 409])
  expect(await (await store.request("/")).json()).toMatchObject({ text: "in time" })
})

test("the function on Vercel charges one order at a time", async () => {
  const { POST } = await import("../../examples/vercel/route.js")
  const pay = (id: string) => {
    const request = new Request("https://a.example", { method: "POST", body: '{"amount":9}' })
    return POST(request, { params: Promise.resolve({ id }) })
  }
  const responses = await Promise.all([pay("1"), pay("1"), pay("2")])
  expect(responses.map(({ status }) => status)).toEqual([201, 201, 201])
  const receipts = await Promise.all(
    responses.map(async (response) => ((await response.json()) as { receipt: string }).receipt),
  )
  expect(receipts.map((receipt) => receipt.split(":")[0])).toEqual(["1", "1", "2"])
  expect(new Set(receipts).size).toBe(3)
  // Released before the response.
  expect(await database.command("EXISTS", "lock:order:1")).toBe(0)
})

test.each(["deno", "bun"])(
  "the server for %s counts correctly, called as its platform calls it",
  async (name) => {
    const { default: server } = (await import(`../../examples/${name}/main.ts`)) as {
      default: { fetch(request: Request, info: object): Promise<Response> }
    }
    const ask = () => server.fetch(new Request("http://localhost/"), { remoteAddr: "somewhere" })
    const counts = await Promise.all(
      Array.from({ length: 5 }, async () => (await ask()).json() as Promise<{ count: number }>),
    )
    expect(counts.map(({ count }) => count).sort()).toEqual([1, 2, 3, 4, 5])
  },
)

test("a server that is stopped with SIGTERM frees its lock at once, and its waiters leave their places", async () => {
  const env = {
    ...process.env,
    UPSTASH_REDIS_REST_URL: database.url,
    UPSTASH_REDIS_REST_TOKEN: database.token,
    PORT: "0",
    GRACE_MS: "100",
    WORK_MS: "60000",
  }
  const args = ["--conditions=@fetchlock/source", "--import", "tsx", "examples/node/server.ts"]
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] })
  onTestFinished(() => {
    child.kill("SIGKILL")
  })
  let out = ""
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
  await until(() => out.includes("\n"), { timeout: 20_000 })
  const [url = ""] = out.split("\n")
  const locks = new LockManager({ redis: database })
  const post = () => fetch(`${url}/7`, { method: "POST" })
  const working = post()
  await until(async () => (await locks.inspect("order/7")).isHeld)
  const waiting = post()
  await until(async () => (await locks.inspect("order/7")).waiting === 1)
  const exited = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGTERM")
  await until(async () => !(await locks.inspect("order/7")).isHeld)
  expect(await exited).toBe(0)
  expect((await locks.inspect("order/7")).waiting).toBe(0)
  expect([(await working).status, (await waiting).status]).toEqual([500, 503])
  expect(out).toContain("released 1, failed 0")
}, 60_000)

test("of five processes one polls, and the next one does when that is killed or resigns", async () => {
  const env = {
    ...process.env,
    UPSTASH_REDIS_REST_URL: database.url,
    UPSTASH_REDIS_REST_TOKEN: database.token,
  }
  const args = ["--conditions=@fetchlock/source", "--import", "tsx", "examples/leader/main.ts"]
  /** When each process has polled, in their order. */
  const polls: { readonly pid: number; readonly atMs: number }[] = []
  const children = Array.from({ length: 5 }, () => {
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] })
    child.stdout.on("data", (chunk: Buffer) => {
      for (const [, pid] of chunk.toString().matchAll(/(\d+) polls/g)) {
        polls.push({ pid: Number(pid), atMs: performance.now() })
      }
    })
    return child
  })
  onTestFinished(() => {
    for (const child of children) child.kill("SIGKILL")
  })
  const locks = new LockManager({ redis: database })
  await until(async () => (await locks.inspect("poller")).waiting === 4, { timeout: 20_000 })
  const endLeader = async (signal: "SIGKILL" | "SIGTERM", withinMs: number) => {
    await until(() => polls.length > 0)
    const leader = children.find(({ pid }) => pid === polls.at(-1)?.pid)
    const atMs = performance.now()
    leader?.kill(signal)
    const next = () => polls.find((poll) => poll.atMs > atMs && poll.pid !== leader?.pid)
    await until(() => next() !== undefined, { timeout: withinMs })
    return Number(next()?.atMs) - atMs
  }
  // Nobody can tell for it that it is dead before its ttl is over.
  expect(await endLeader("SIGKILL", 10_000)).toBeGreaterThan(1_500)
  expect(await endLeader("SIGTERM", 10_000)).toBeLessThan(1_500)
  const leaders = polls.map(({ pid }) => pid)
  const changes = leaders.filter((pid, i) => pid !== leaders[i - 1])
  // Nobody polled between the polls of another.
  expect(changes).toHaveLength(3)
  expect(new Set(changes).size).toBe(3)
}, 60_000)
