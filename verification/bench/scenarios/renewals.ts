// Many held and renewed locks: what each renewal costs, and how much memory a held lock takes.
import { setTimeout as sleep } from "node:timers/promises"
import { LockManager } from "fetchlock"
import { isPushed } from "../contenders/fetchlock.js"
import { NOTHING, type Result } from "../result.js"
import { cpuMs, heapKb } from "../testbed/cpu.js"
import type { Scenario } from "./scenario.js"

const TTL_MS = 6_000
/** Each lock is renewed when a third of its ttl has passed. */
const RENEWALS = 4

/** No other contender renews over HTTP. */
export function renewals(count: number): Scenario {
  const seconds = (RENEWALS * TTL_MS) / 3 / 1_000
  return {
    title: `renewals of ${count} locks`,
    takes: isPushed,
    limitSeconds: () => seconds,
    run: async (testbed, contenders) => {
      const results: Record<string, Result> = {}
      for (const { name: contender, managerOptions } of contenders) {
        let lost = 0
        let renewed = 0
        const locks = new LockManager({
          redis: testbed,
          ...managerOptions?.(testbed),
          ttl: TTL_MS,
          renew: true,
          onEvent: ({ type }) => {
            if (type === "lost") lost++
            if (type === "renewed") renewed++
          },
        })
        const names = Array.from({ length: count }, (_, i) => `renewed-${i}`)
        const before = heapKb()
        const held = await Promise.all(names.map((name) => locks.acquire(name)))
        const heap = (heapKb() - before) / count
        renewed = 0
        let cpu = 0
        const { bodies, commands } = await testbed.count(async () => {
          cpu = await cpuMs(() => sleep(seconds * 1_000))
        })
        const renewals = renewed
        await Promise.all(held.map((lock) => lock.release()))
        if (lost > 0) throw new Error(`${lost} locks were lost while they were renewed`)
        results[contender] = {
          ...NOTHING,
          requests_per_cs: bodies.length / renewals,
          commands_per_cs: commands / renewals,
          cpu_ms_per_cs: cpu / renewals,
          heap_kb: heap,
        }
      }
      return results
    },
  }
}
