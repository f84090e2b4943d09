// The settings of a run.
import type { Judge } from "./judges/hold.js"
import type { Breakage } from "../../test/support/broken-build.js"

export interface TortureSettings {
  readonly seconds: number
  readonly seed: number
  /** The number of clients that are Node processes, and of those that are workerd instances. */
  readonly processes: number
  readonly workers: number
  /** The number of concurrent visits of each client. */
  readonly visitors: number
  /** The same for a Worker, for which each note is a request. */
  readonly workerVisitors: number
  /** The number of contended exclusive locks, in addition to a few of other kinds. */
  readonly ledgers: number
  /** The number of further exclusive locks, at which a visitor is mostly alone. */
  readonly quietLedgers: number
  /** The share of requests that suffer a fault. */
  readonly faultShare: number
  /** The mean time between two kills or pauses, and between two restarts of the database. */
  readonly crashEveryMs: number
  readonly restartEveryMs: number
  /** The deliberate defects of the library. */
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
  ledgers: 40,
  quietLedgers: 400,
  faultShare: 0.065,
  crashEveryMs: 2_000,
  restartEveryMs: 20_000,
  breakages: [],
  stopAt: [],
}
