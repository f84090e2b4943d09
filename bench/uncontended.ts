// The uncontended scenario: one acquire and release after the other, against the bare fetches that are the limit.
import type { ContenderFactory, Endpoint } from "./contenders.js"
import { recordFetches } from "./fetch-recorder.js"
import { percentile } from "./percentile.js"
import type { Testbed } from "./testbed.js"

export interface UncontendedResult {
  /** The median cycle as a ratio to two bare fetches of the same bodies, taken in turn with it. */
  readonly ratio_to_limit: number
  readonly requests_per_cs: number
  readonly commands_per_cs: number
}

export async function runUncontended(
  testbed: Testbed,
  factory: ContenderFactory,
  cycles: number,
): Promise<UncontendedResult> {
  const contender = factory(testbed)
  const cycle = async () => {
    const release = await contender.acquire("bench-uncontended")
    await release()
  }
  // A warm connection, and the bodies that the bare fetches repeat.
  const bodies = await recordFetches(cycle)
  const own: number[] = []
  const bare: number[] = []
  for (let i = 0; i < cycles; i++) {
    own.push(await timed(cycle))
    bare.push(await timed(() => sendBare(testbed, bodies)))
  }
  await testbed.reset()
  await cycle()
  return {
    ratio_to_limit: percentile(own, 0.5) / percentile(bare, 0.5),
    requests_per_cs: bodies.length,
    commands_per_cs: await testbed.billedCommands(),
  }
}

/** Sends what was recorded, with nothing around it. */
export async function sendBare({ url, token }: Endpoint, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }
    const response = await fetch(url, { method: "POST", headers, body })
    await response.text()
  }
}

/** How long the work takes, in milliseconds. */
export async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
