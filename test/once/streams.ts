// The stream of a name: one for all calls of a process that wait for its result.
import { afterAll, beforeAll, expect, test } from "vitest"
import { once } from "../../src/once/index.js"
import { always } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import type { Opened, Variant } from "../support/variants.js"

const CALLS = 30

export function streams(variant: Variant): void {
  let database: Opened
  beforeAll(async () => {
    database = await variant.open()
  })
  afterAll(() => database.close())

  /** Calls of one process, the first of which runs until `end` is called. */
  async function crowd(name: string) {
    const { proxy, locks } = await database.proxied()
    const manager = locks()
    let end: (value: number) => void = () => undefined
    const ended = new Promise<number>((resolve) => {
      end = resolve
    })
    const calls = Array.from({ length: CALLS }, () => once(manager, name, () => ended))
    const claims = (n: number) => {
      const answered = () =>
        proxy.log.flatMap(({ operations, answers }) =>
          answers.length > 0 ? operations.filter((one) => one === "onceClaim") : [],
        )
      return until(() => answered().length >= n, { timeout: 10_000 })
    }
    return { proxy, manager, end, results: Promise.all(calls), claims }
  }

  test.runIf(variant.push)("the calls of a process share one stream", async () => {
    const { proxy, manager, end, results, claims } = await crowd("shared stream")
    // The first of each, and one of each that waits, after the stream is open.
    await claims(2 * CALLS - 1)
    expect(proxy.seen("SUBSCRIBE")).toHaveLength(1)
    end(7)
    expect(await results).toEqual(Array(CALLS).fill(7))
    // Then it is closed, so the next wait opens another one.
    await new Promise((resolve) => setTimeout(resolve, 100))
    let endAgain: () => void = () => undefined
    const again = new Promise<void>((resolve) => {
      endAgain = resolve
    })
    const calls = [1, 2].map(() => once(manager, "shared stream", () => again))
    await until(() => proxy.seen("SUBSCRIBE").length === 2)
    endAgain()
    await Promise.all(calls)
  })

  test.runIf(variant.push)(
    "a shared stream that is cut leaves no call without a result",
    async () => {
      const { proxy, end, results, claims } = await crowd("cut stream")
      await claims(1)
      proxy.plan = always("SUBSCRIBE", { kind: "stream-cut", afterMs: 100, by: "reset" })
      await claims(2 * CALLS - 1)
      end(8)
      expect(await results).toEqual(Array(CALLS).fill(8))
    },
  )

  test("a shared stream that cannot be opened leaves no call without a result", async () => {
    const { proxy, end, results, claims } = await crowd("no stream")
    proxy.plan = always("SUBSCRIBE", { kind: "request-lost", by: "reset" })
    await claims(CALLS)
    end(9)
    expect(await results).toEqual(Array(CALLS).fill(9))
  })
}
