// No two lead at once, whatever happens to the requests, and the office is filled again and again.
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { lead } from "../../src/leader/index.js"
import { type Fault, FaultProxy } from "../support/fault-proxy.js"
import { type Database, openDatabase } from "../support/variants.js"

let database: Database

beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

/** From the beginning of the work until it has ended, or its signal told it to stop. */
interface Term {
  readonly from: number
  until: number
}

const FAULTS: readonly Fault[] = [
  { kind: "request-lost" },
  { kind: "reply-lost" },
  { kind: "request-delayed", ms: 700 },
  { kind: "reply-delayed", ms: 700 },
  { kind: "doubled", ms: 200, answer: "first" },
]

/** A fifth of the requests has one of the faults. */
const troubled = () => FAULTS[Math.floor(Math.random() * FAULTS.length * 5)]

test("five candidates through bad networks, which resign, fail and stall: never two at a time", async () => {
  const end = new AbortController()
  const terms: Term[] = []
  const proxies: FaultProxy[] = []
  const candidate = async () => {
    const proxy = await FaultProxy.open(database.url)
    proxies.push(proxy)
    proxy.plan = troubled
    const redis = { url: proxy.url, token: database.token }
    const locks = new LockManager({ redis, timeout: "500ms", ttl: "1500ms" })
    while (!end.signal.aborted) {
      const resignation = AbortSignal.any([
        end.signal,
        AbortSignal.timeout(Math.ceil(Math.random() * 2_000)),
      ])
      await lead(
        locks,
        "faulty",
        async (lock, signal) => {
          const term: Term = { from: performance.now(), until: Infinity }
          terms.push(term)
          const stop = () => {
            term.until = Math.min(term.until, performance.now())
          }
          lock.signal.addEventListener("abort", stop)
          // Some stop at once when they are told, and some go on for a while, which a loss does not wait for.
          await sleep(Math.random() * 800, undefined, { signal }).catch(() => undefined)
          await sleep(Math.random() * 50)
          stop()
          if (Math.random() < 0.2) throw new Error("the work failed")
        },
        { signal: resignation },
      )
    }
  }
  const all = Array.from({ length: 5 }, candidate)
  await sleep(8_000)
  end.abort()
  await Promise.all(all)
  await Promise.all(proxies.map((proxy) => proxy.close()))
  const inOrder = [...terms].sort((a, b) => a.from - b.from)
  const overlaps = inOrder.filter((term, i) => term.until > (inOrder[i + 1]?.from ?? Infinity))
  expect(overlaps).toEqual([])
  expect(terms.length).toBeGreaterThan(5)
}, 30_000)
