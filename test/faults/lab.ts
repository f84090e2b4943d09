// The fixture of one file's trials: a database that records the changes of its locks, and a process in which nothing may be left
// over at the end.
import { afterAll, beforeAll, expect } from "vitest"
import { FaultProxy } from "../support/fault-proxy.js"
import { countTimers } from "../support/live-timers.js"
import { until } from "../support/outcomes.js"
import { recorded } from "../support/record.js"
import { type Database, openDatabase } from "../support/variants.js"

export interface FaultLab extends Database {
  /** The way to the database without faults. Requests to it are recorded, too. */
  readonly unharmedUrl: string
}

/** Opens a real Redis before the tests of the describe block that calls it, and closes it after them. */
export function openFaultLab(): () => FaultLab {
  let lab: FaultLab | undefined
  const unhandled = countUnhandled()
  const timers = countTimers()
  beforeAll(async () => {
    const database = await openDatabase("real Redis")
    const unharmed = await FaultProxy.open(database.url, { rewrite: recorded })
    const close = async () => {
      await unharmed.close()
      await database.close()
    }
    lab = { ...database, unharmedUrl: unharmed.url, close }
  })
  afterAll(async () => {
    await until(() => timers() === 0).catch(() => undefined)
    await lab?.close()
    expect({ unhandled: unhandled(), timers: timers() }).toEqual({ unhandled: 0, timers: 0 })
  })
  return () => {
    if (!lab) throw new Error("the database is not open yet")
    return lab
  }
}

/** Counts the unhandled rejections of the process. */
export function countUnhandled(): () => number {
  let count = 0
  process.on("unhandledRejection", () => count++)
  return () => count
}
