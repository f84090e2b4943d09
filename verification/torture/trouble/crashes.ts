// Kills and pauses clients, and restarts the database, at random times.
import { setTimeout as sleep } from "node:timers/promises"
import type { Random } from "../random.js"
import { TTL_MS } from "../times.js"

/** The targets: the clients and the database. */
export interface Victims {
  /** Kills a client and replaces it. Resolves with false if there was none. */
  kill(random: Random): Promise<boolean>
  /** Pauses a client for this time. Resolves with false if there was none. */
  pause(random: Random, ms: number): Promise<boolean>
  /** Kills the database and starts it again. */
  restart(): Promise<void>
}

/** The number of each. */
export type Crashes = Record<"kills" | "pauses" | "restarts", number>

export interface CrashSettings {
  /** The mean time between two kills or pauses. */
  readonly everyMs: number
  /** The mean time between two restarts. */
  readonly restartEveryMs: number
}

/** Strikes until the signal aborts, and then resumes all clients. */
export async function strike(
  victims: Victims,
  { everyMs, restartEveryMs }: CrashSettings,
  random: Random,
  crashes: Crashes,
  signal: AbortSignal,
): Promise<void> {
  const underWay = new Set<Promise<void>>()
  const again = async (random: Random, meanMs: number, strikeOnce: () => Promise<void>) => {
    for (;;) {
      await sleep(random.between(0.5, 1.5) * meanMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      await strikeOnce()
    }
  }
  const clients = random.fork()
  const database = random.fork()
  await Promise.all([
    again(clients, everyMs, async () => {
      if (clients.chance(0.3)) {
        if (await victims.kill(clients)) crashes.kills++
        return
      }
      // Most pauses are shorter than a hold; some are longer.
      const part = clients.chance(0.7) ? clients.between(0.02, 0.5) : clients.between(0.9, 1.6)
      const pausing = victims.pause(clients, part * TTL_MS).then((isStruck) => {
        if (isStruck) crashes.pauses++
      })
      underWay.add(pausing)
      void pausing.finally(() => underWay.delete(pausing))
    }),
    again(database, restartEveryMs, async () => {
      crashes.restarts++
      await victims.restart()
    }),
  ])
  await Promise.all(underWay)
}
