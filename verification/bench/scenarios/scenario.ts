// A scenario: work that all contenders do in turn, on one testbed, in one run.
import type { Client, Contender, Place } from "../contenders/contender.js"
import type { Result } from "../result.js"
import type { Testbed } from "../testbed/testbed.js"

/** A contender that is ready to be measured. */
export interface Ready extends Contender {
  readonly place: Place
}

export interface Scenario {
  readonly title: string
  /** Whether the contender supports it. */
  takes(contender: Contender): boolean
  /** The shortest possible time of one contender, in seconds. */
  limitSeconds(rttMs: number): number
  /** Not left out for its duration, which is its purpose. */
  readonly isLong?: true
  /** Measures the contenders. */
  run(testbed: Testbed, contenders: readonly Ready[]): Promise<Readonly<Record<string, Result>>>
}

/** Runs the work with clients of the contender, and closes them. */
export async function withClients<T>(
  ready: Ready,
  count: number,
  work: (clients: readonly Client[]) => Promise<T>,
): Promise<T> {
  const clients = Array.from({ length: count }, () => ready.open(ready.place))
  try {
    return await work(clients)
  } finally {
    for (const client of clients) await client.close?.()
  }
}
