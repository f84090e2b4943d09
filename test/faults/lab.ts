// What the trials of one file share: a database that writes down what is done to its locks, and a process in which
// nothing may be left over when they have ended.
import { afterAll, beforeAll, expect } from "vitest"
import { FaultProxy } from "../support/fault-proxy.js"
import { countTimers } from "../support/live-timers.js"
import { until } from "../support/outcomes.js"
import { recorded } from "../support/record.js"
import { type Database, openDatabase } from "../support/variants.js"

export interface FaultLab extends Database {
  /** Where it is reached without faults. What is sent there is written down, too. */
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

/** Counts what the process hears of rejections that nobody handled. */
export function countUnhandled(): () => number {
  let count = 0
  process.on("unhandledRejection", () => count++)
  return () => count
}
