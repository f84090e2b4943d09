// What this process computes, and what it keeps in memory: the clients' part alone, since all else runs elsewhere.
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Milliseconds of processor time that the work takes. */
export async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** Kilobytes on the heap, after what is no longer used has been collected. */
export function heapKb(): number {
  collect()
  return process.memoryUsage().heapUsed / 1_024
}

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void
