// A quorum inside workerd, where few connections may be open at once and nothing outlives its request unannounced.
import { afterAll, beforeAll, expect, test } from "vitest"
import { findOverlaps, type Hold } from "../../demo/overlaps.js"
import { quorum } from "../../src/quorum/index.js"
import { everything, FaultProxy } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase, REST_TOKEN } from "../support/variants.js"
import { Isolate } from "./isolate.js"

const databases: Database[] = []
let hanging: FaultProxy
let isolate: Isolate

beforeAll(async () => {
  while (databases.length < 5) databases.push(await openDatabase("embedded engine"))
  const urls = databases.map(({ url }) => url)
  await quorum(urls.map((url) => ({ url, token: REST_TOKEN }))).start()
  hanging = await FaultProxy.open(urls[0] ?? "")
  hanging.plan = everything({ kind: "hang", executed: false, after: "nothing" })
  isolate = await Isolate.start({
    worker: new URL("./on-quorum.ts", import.meta.url),
    env: { URLS: [hanging.url, ...urls.slice(1)].join(" "), TOKEN: REST_TOKEN },
  })
})
afterAll(async () => {
  await isolate.stop()
  await hanging.close()
  await Promise.all(databases.map((database) => database.close()))
})

test("critical sections of many requests never overlap although a database hangs, and the log is empty", async () => {
  const enter = async () => (await (await isolate.fetch("/a")).json()) as Hold & Section
  const sections = await Promise.all(Array.from({ length: 6 }, enter))
  expect(findOverlaps(sections)).toEqual([])
  expect(sections.every(({ isHeld }) => isHeld)).toBe(true)
  const inOrder = sections.sort((a, b) => a.enteredAt - b.enteredAt)
  const tokens = inOrder.map(({ fencingToken }) => fencingToken)
  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
  await until(async () => {
    const left = await Promise.all(databases.map((d) => d.command("EXISTS", "lock:a")))
    return left.every((count) => count === 0)
  })
  expect(isolate.log).toEqual([])
}, 60_000)

interface Section {
  readonly enteredAt: number
  readonly fencingToken: number
  readonly isHeld: boolean
}
