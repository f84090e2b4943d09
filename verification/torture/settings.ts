// What a run is made of.
import type { Judge } from "./judges/hold.js"
import type { Breakage } from "../../test/support/broken-build.js"

export interface TortureSettings {
  readonly seconds: number
  readonly seed: number
  /** Clients that are Node processes, and such as are workerd instances. */
  readonly processes: number
  readonly workers: number
  /** How many visits each client makes at a time. */
  readonly visitors: number
  /** The same for a Worker, whose every note is a request. */
  readonly workerVisitors: number
  /** How many exclusive locks are contended for, beside a few of other kinds. */
  readonly ledgers: number
  /** The part of all requests that suffers a fault. */
  readonly faultShare: number
  /** The mean time between two kills or pauses, and between two restarts of the database. */
  readonly crashEveryMs: number
  readonly restartEveryMs: number
  /** What of the library is broken on purpose. */
  readonly breakages: readonly Breakage[]
  /** End at the first violation that one of these judges finds. */
  readonly stopAt: readonly Judge[]
}

/** For two cores. */
export const USUAL: Omit<TortureSettings, "seconds" | "seed"> = {
  processes: 5,
  workers: 2,
  visitors: 17,
  workerVisitors: 5,
  ledgers: 60,
  faultShare: 0.065,
  crashEveryMs: 2_000,
  restartEveryMs: 20_000,
  breakages: [],
  stopAt: [],
}
