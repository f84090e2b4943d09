// The uncontended scenario: one acquire and release after the other, compared with bare fetches, which are the limit.
import type { Client } from "../contenders/contender.js"
import { NOTHING, type Result } from "../result.js"
import { cpuMs } from "../testbed/cpu.js"
import { percentile } from "../testbed/percentile.js"
import { sendBare } from "../testbed/send-bare.js"
import type { Testbed } from "../testbed/testbed.js"
import { timed } from "../testbed/timed.js"
import type { Ready, Scenario } from "./scenario.js"

/** @param cycles the number of turns of each contender */
export function uncontended(cycles: number): Scenario {
  return {
    title: "uncontended",
    takes: () => true,
    limitSeconds: (rttMs) => (cycles * 2 * rttMs) / 1_000,
    run: async (testbed, contenders) => {
      const results: Record<string, Result> = {}
      const all = contenders.map((ready) => new Uncontended(testbed, ready))
      for (const one of all) await one.warmUp()
      for (let i = 0; i < cycles; i++) for (const one of all) await one.takeTurn()
      for (const one of all) results[one.name] = await one.finish()
      return results
    },
  }
}

class Uncontended {
  readonly #testbed: Testbed
  readonly #ready: Ready
  readonly #client: Client
  readonly #own: number[] = []
  readonly #bare: number[] = []
  #ownCpu = 0
  #bareCpu = 0
  #bodies: readonly string[] = []

  constructor(testbed: Testbed, ready: Ready) {
    this.#testbed = testbed
    this.#ready = ready
    this.#client = ready.open(ready.place)
  }

  get name(): string {
    return this.#ready.name
  }

  /** Warms up the connection and the code, and records the bodies that the bare fetches repeat. */
  async warmUp(): Promise<void> {
    for (let i = 0; i < 20; i++) await this.#cycle()
    this.#bodies = (await this.#testbed.count(() => this.#cycle())).bodies
  }

  async takeTurn(): Promise<void> {
    this.#ownCpu += await cpuMs(async () => this.#own.push(await timed(() => this.#cycle())))
    this.#bareCpu += await cpuMs(async () => this.#bare.push(await timed(() => this.#sendBare())))
  }

  async finish(): Promise<Result> {
    const { isRest } = this.#ready
    const { commands } = await this.#testbed.count(() => this.#cycle())
    await this.#client.close?.()
    return {
      ...NOTHING,
      ratio_to_limit: percentile(this.#own, 0.5) / percentile(this.#bare, 0.5),
      requests_per_cs: isRest ? this.#bodies.length : null,
      commands_per_cs: commands > 0 ? commands : null,
      cpu_ms_per_cs: this.#ownCpu / this.#own.length,
      cpu_ms_above_limit: isRest ? (this.#ownCpu - this.#bareCpu) / this.#own.length : null,
    }
  }

  async #cycle(): Promise<void> {
    const release = await this.#client.acquire("bench-uncontended")
    await release()
  }

  /** The recorded requests; or two minimal ones, if the contender sends none to the database. */
  async #sendBare(): Promise<void> {
    const { isRest } = this.#ready
    await sendBare(this.#testbed, isRest ? this.#bodies : ['["PING"]', '["PING"]'])
  }
}
