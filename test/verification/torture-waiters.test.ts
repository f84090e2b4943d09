// The torture sees which waiters enter a queue, and whether they can be notified: without that, its judges accuse the innocent.
import { afterEach, beforeEach, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { type ClientFaults, planFaults } from "../../verification/torture/trouble/fault-plan.js"
import { type Execution, FaultProxy } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"

const nothing = () => undefined

let database: Database
let proxy: FaultProxy
let see: ClientFaults["see"]

beforeEach(async () => {
  database = await openDatabase("embedded engine")
  const onExecution = (execution: Execution) => {
    see(execution)
  }
  proxy = await FaultProxy.open(database.url, { onExecution })
})
afterEach(async () => {
  await proxy.close()
  await database.close()
})

test.each([
  [true, "healthy"],
  [false, "none"],
])("a waiter with push: %s has a stream that is %s", async (push, stream) => {
  const seen: unknown[] = []
  const onWaiter = (...[name, how, ttlMs]: [string, string, number, number]) => {
    seen.push([name, how, ttlMs])
  }
  const onlooker = {
    onRequest: nothing,
    onFault: nothing,
    onLate: nothing,
    onBelated: nothing,
    onWaiter,
  }
  const faults = planFaults({ seed: 1, client: 1, share: 0, prefix: "lock:" }, onlooker)
  proxy.plan = faults.plan
  see = faults.see
  const locks = new LockManager({ redis: { url: proxy.url, token: database.token }, push })
  const lock = await locks.acquire("x")
  const waiting = locks.acquire("x", { ttl: "7s" })
  await until(async () => (await locks.inspect("x")).waiting === 1)
  expect(seen).toEqual([["x", stream, 7_000]])
  await lock.release()
  await (await waiting).release()
})
