// The examples of `once` and of idempotent requests, each run whole, by its own runtime.
import { createHmac } from "node:crypto"
import { fileURLToPath } from "node:url"
import cron from "node-cron"
import { LockManager } from "fetchlock"
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest"
import { coordinatorOver } from "../../examples/node-cron/coordinator.js"
import { startProvider } from "../../demo/provider.js"
import { GET } from "../../examples/cache/route.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"
import { Isolate } from "../workerd/isolate.js"

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

const countOf = (values: readonly unknown[], value: unknown) =>
  values.filter((each) => each === value).length

describe("Workers", { timeout: 30_000 }, () => {
  async function start(name: string, own: Record<string, string> = {}): Promise<Isolate> {
    const isolate = await Isolate.start({
      worker: new URL(`../../examples/${name}/index.ts`, import.meta.url),
      env: {
        UPSTASH_REDIS_REST_URL: database.url,
        UPSTASH_REDIS_REST_TOKEN: database.token,
        ...own,
      },
    })
    onTestFinished(() => isolate.stop())
    return isolate
  }

  test("fifty requests to two isolates refresh the OAuth token once, and the refresh token is rotated once", async () => {
    const provider = await startProvider("refresh-token-0")
    onTestFinished(() => {
      provider.close()
    })
    await database.command("SET", "refresh-token", "refresh-token-0")
    const env = {
      TOKEN_URL: `${provider.url}/token`,
      API_URL: `${provider.url}/events`,
      ENCRYPTION_KEY: btoa("0123456789abcdef0123456789abcdef"),
    }
    const isolates = await Promise.all([start("oauth", env), start("oauth", env)])
    const get = (i: number) => isolates[i % 2 === 0 ? 0 : 1].fetch("/calendar")
    const responses = await Promise.all(Array.from({ length: 50 }, (_, i) => get(i)))
    expect(responses.map(({ status }) => status)).toEqual(Array(50).fill(200))
    expect(provider.refreshes).toBe(1)
    const sources = responses.map(({ headers }) => headers.get("X-Token-Source"))
    expect(countOf(sources, "ran")).toBe(1)
    expect(await database.command("GET", "refresh-token")).toBe("refresh-token-1")
    // It is remembered, and unreadable.
    expect((await isolates[0].fetch("/calendar")).status).toBe(200)
    expect(provider.refreshes).toBe(1)
    const stored = String(await database.command("GET", "{lock:oauth:calendar}:result"))
    expect(stored).toMatch(/^fl1 /)
    expect(stored).not.toContain("token")
    for (const { log } of isolates) expect(log).toEqual([])
  })

  test("the webhook handles each event once, and again if that failed", async () => {
    const secret = "whsec_test"
    const isolate = await start("stripe", { WEBHOOK_SECRET: secret })
    const deliver = (event: object, signedWith = secret) => {
      const body = JSON.stringify(event)
      const time = String(Math.floor(Date.now() / 1_000))
      const v1 = createHmac("sha256", signedWith).update(`${time}.${body}`).digest("hex")
      const headers = { "Stripe-Signature": `t=${time},v1=${v1}` }
      return isolate.fetch("/webhook", { method: "POST", body, headers })
    }
    const ids = ["evt_a", "evt_a", "evt_b", "evt_a", "evt_b"]
    const responses = await Promise.all(ids.map((id) => deliver({ id, amount: 5 })))
    expect(responses.map(({ status }) => status)).toEqual(Array(5).fill(200))
    const sources = await Promise.all(
      responses.map(async (response) => ((await response.json()) as { source: string }).source),
    )
    expect(countOf(sources, "ran")).toBe(2)
    expect(await (await deliver({ id: "evt_a", amount: 5 })).json()).toEqual({
      id: "evt_a",
      source: "remembered",
    })
    expect(await database.command("GET", "stripe:balance")).toBe("10")

    expect((await deliver({ id: "evt_c", amount: -1 })).status).toBe(500)
    expect((await deliver({ id: "evt_c", amount: 1 })).status).toBe(200)
    expect((await deliver({ id: "evt_d", amount: 1 }, "another secret")).status).toBe(400)
    expect(await database.command("GET", "stripe:balance")).toBe("11")
  })

  test("the payment route charges a key once, and tells users and payloads apart", async () => {
    const isolates = await Promise.all([start("payments"), start("payments")])
    let turn = 0
    const pay = (user: string, key: string | undefined, amount: number) =>
      isolates[turn++ % 2 === 0 ? 0 : 1].fetch("/payments", {
        method: "POST",
        body: JSON.stringify({ amount }),
        headers: { Authorization: `Bearer ${user}`, ...(key && { "Idempotency-Key": key }) },
      })
    const responses = await Promise.all(Array.from({ length: 10 }, () => pay("ada", "k1", 5)))
    expect(responses.map(({ status }) => status)).toEqual(Array(10).fill(201))
    const bodies = await Promise.all(responses.map((response) => response.text()))
    expect(new Set(bodies)).toEqual(new Set(['{"id":1,"amount":5}']))
    const replayed = responses.map(({ headers }) => headers.get("Idempotent-Replayed"))
    expect(countOf(replayed, null)).toBe(1)
    expect((await pay("ada", "k1", 6)).status).toBe(422)
    expect((await pay("ada", undefined, 5)).status).toBe(400)
    expect((await pay("bob", "k1", 7)).status).toBe(201)
    expect(await database.command("LRANGE", "paid:ada", "0", "-1")).toEqual(["5"])
    expect(await database.command("LRANGE", "paid:bob", "0", "-1")).toEqual(["7"])
  })
})

test("the cached page is computed once, and its old value is served while one request replaces it", async () => {
  const get = async () => {
    const params = Promise.resolve({ symbol: "ACME" })
    const response = await GET(new Request("https://a.example"), { params })
    const { version } = (await response.json()) as { version: number }
    return { version, source: response.headers.get("X-Cache") }
  }
  const getAll = () => Promise.all(Array.from({ length: 20 }, get))
  const first = await getAll()
  expect(first.map(({ version }) => version)).toEqual(Array(20).fill(1))
  const isOld = ({ source }: { source: string | null }) => source === "stale"
  let expired = await getAll()
  await until(async () => (expired = await getAll()).every(isOld))
  expect(new Set(expired.map(({ version }) => version))).toEqual(new Set([1]))
  // Behind all of them the page was computed once.
  await until(async () => (await get()).version === 2)
})

describe("node-cron", { timeout: 30_000 }, () => {
  test("each second's job runs in one of two processes", async () => {
    const main = fileURLToPath(new URL("../../examples/node-cron/main.ts", import.meta.url))
    const { Program } = await import("../demo/program.js")
    const programs = [new Program(main), new Program(main)]
    onTestFinished(async () => {
      for (const program of programs) {
        program.signal("SIGTERM")
        await program.exit
      }
    })
    const ticks = () => database.command("LRANGE", "ticks", "0", "-1") as Promise<string[]>
    await until(async () => (await ticks()).length >= 4, { timeout: 20_000 })
    const seconds = (await ticks()).map((time) => time.slice(0, 19))
    expect(new Set(seconds).size).toBe(seconds.length)
    expect(programs.map(({ output }) => output)).toEqual(["", ""])
  })

  test("a process that fires late, after the first has ended, runs nothing", async () => {
    const coordinators = [1, 2].map(() => coordinatorOver(LockManager.fromEnv()))
    const ran: number[] = []
    const skipped: number[] = []
    const tasks = coordinators.map((runCoordinator, i) => {
      const options = { name: "late", distributed: true, runCoordinator, maxExecutions: 1 }
      const task = cron.createTask("* * * * * *", () => void ran.push(i), options)
      task.on("execution:skipped", () => void skipped.push(i))
      return task
    })
    for (const task of tasks) await task.start()
    await until(() => Promise.resolve(ran.length > 0 && skipped.length > 0), { timeout: 10_000 })
    for (const task of tasks) await task.destroy()
    const [key = ""] = ((await database.command("KEYS", "lock:cron:late:*")) as string[]).sort()
    const again = await coordinators[1]?.shouldRun(key.slice("lock:cron:".length), 30_000)
    expect(again).toBe(false)
    expect(Number(await database.command("PTTL", key))).toBeGreaterThan(500_000)
  })
})
