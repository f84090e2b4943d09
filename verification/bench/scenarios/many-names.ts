// Many locks at once, each with its own name: no caller waits, and everything is sent at the same time.
import { NOTHING, type Result } from "../result.js"
import { cpuMs } from "../testbed/cpu.js"
import { sendBare } from "../testbed/send-bare.js"
import { timed } from "../testbed/timed.js"
import { type Scenario, withClients } from "./scenario.js"

export function manyNames(count: number): Scenario {
  return {
    title: `${count} names at once`,
    takes: ({ isRest }) => isRest,
    limitSeconds: (rttMs) => (2 * rttMs) / 1_000,
    run: async (testbed, contenders) => {
      const results: Record<string, Result> = {}
      for (const ready of contenders) {
        results[ready.name] = await withClients(ready, 1, async ([client]) => {
          const cycle = async (name: string) => {
            const release = await client?.acquire(name)
            await release?.()
          }
          const all = (work: (i: number) => Promise<void>) => async () => {
            await Promise.all(Array.from({ length: count }, (_, i) => work(i)))
          }
          // Opens the connections, and records the bodies that the bare fetches repeat.
          await all((i) => cycle(`warm-${i}`))()
          const { bodies } = await testbed.count(() => cycle("name-0"))
          const bare = await timed(
            all((i) =>
              sendBare(
                testbed,
                bodies.map((body) => body.replaceAll("name-0", `bare-${i}`)),
              ),
            ),
          )
          let took = 0
          let cpu = 0
          const counted = await testbed.count(async () => {
            cpu = await cpuMs(async () => {
              took = await timed(all((i) => cycle(`name-${i}`)))
            })
          })
          return {
            ...NOTHING,
            ratio_to_limit: took / bare,
            requests_per_cs: counted.bodies.length / count,
            commands_per_cs: counted.commands / count,
            cpu_ms_per_cs: cpu / count,
          }
        })
      }
      return results
    },
  }
}
