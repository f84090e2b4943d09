// Long waits: what a minute of waiting costs, and how soon each waiter then gets its turn.
import { setTimeout as sleep } from "node:timers/promises"
import { LockManager } from "fetchlock"
import { NOTHING, type Result } from "../result.js"
import { heapKb } from "../testbed/cpu.js"
import { percentile } from "../testbed/percentile.js"
import { type Scenario, withClients } from "./scenario.js"

/** Requests and commands are those of one waiter, of the release that lets it in, and of its own release. */
export function longWait(seconds: number, waiters: number): Scenario {
  return {
    isLong: true,
    title: `a wait of ${seconds} s`,
    // A client of ours holds the lock; no other contender uses its keys.
    takes: ({ managerOptions }) => managerOptions !== undefined,
    limitSeconds: () => seconds,
    run: async (testbed, contenders) => {
      const results: Record<string, Result> = {}
      // Holds for longer than the whole scenario, without a renewal.
      const holder = new LockManager({ redis: testbed, ttl: (seconds + 30) * 1_000 })
      for (const ready of contenders) {
        const names = Array.from({ length: waiters }, (_, i) => `${ready.name} waits ${i}`)
        results[ready.name] = await withClients(ready, waiters, async (clients) => {
          const before = heapKb()
          const held = await Promise.all(names.map((name) => holder.acquire(name)))
          const enteredAt = new Map<number, number>()
          const leftAt: number[] = []
          let heap = 0
          const { bodies, commands } = await testbed.count(async () => {
            const waiting = clients.map(async (client, i) => {
              const release = await client.acquire(names[i] ?? "")
              enteredAt.set(i, performance.now())
              await release()
            })
            await sleep(seconds * 1_000)
            heap = heapKb() - before
            for (const [i, lock] of held.entries()) {
              leftAt[i] = performance.now()
              await lock.release()
            }
            await Promise.all(waiting)
          })
          const handoffs = leftAt.map((left, i) => (enteredAt.get(i) ?? NaN) - left)
          return {
            ...NOTHING,
            requests_per_cs: bodies.length / waiters,
            commands_per_cs: commands / waiters,
            handoff_p50_rtt: percentile(handoffs, 0.5) / testbed.rttMs,
            handoff_p99_rtt: percentile(handoffs, 0.99) / testbed.rttMs,
            heap_kb: heap / waiters,
          }
        })
      }
      return results
    },
  }
}
