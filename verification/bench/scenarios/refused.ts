// The time to learn that the lock is held, without waiting for it.
import { NOTHING, type Result } from "../result.js"
import { percentile } from "../testbed/percentile.js"
import { sendBare } from "../testbed/send-bare.js"
import { timed } from "../testbed/timed.js"
import { type Scenario, withClients } from "./scenario.js"

export function refused(times: number): Scenario {
  return {
    title: "tryAcquire, held",
    takes: ({ isRest }) => isRest,
    limitSeconds: (rttMs) => (times * rttMs) / 1_000,
    run: async (testbed, contenders) => {
      const results: Record<string, Result> = {}
      for (const ready of contenders) {
        results[ready.name] = await withClients(ready, 2, async ([holder, other]) => {
          const name = `held from ${ready.name}`
          const release = await holder?.acquire(name)
          const ask = async () => {
            if (await other?.tryAcquire?.(name)) throw new Error("it is held")
          }
          for (let i = 0; i < 10; i++) await ask()
          const own: number[] = []
          const bare: number[] = []
          for (let i = 0; i < times; i++) {
            own.push(await timed(ask))
            bare.push(await timed(() => sendBare(testbed, ['["PING"]'])))
          }
          const { bodies, commands } = await testbed.count(ask)
          await release?.()
          return {
            ...NOTHING,
            ratio_to_limit: percentile(own, 0.5) / percentile(bare, 0.5),
            requests_per_cs: bodies.length,
            commands_per_cs: commands,
          }
        })
      }
      return results
    },
  }
}
