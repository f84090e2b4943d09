// Measures the processor time of the clients, in this process or in workerd, and this process's memory.
import { readdirSync, readFileSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** The processor time that the work takes, in milliseconds. */
export async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/**
 * The processor time of the workerd that this process has started, in milliseconds, in steps of 10 ms. Only on Linux; NaN
 * elsewhere.
 */
export async function cpuMsOfWorkerd(work: () => Promise<unknown>): Promise<number> {
  const before = workerdTicks()
  await work()
  return (workerdTicks() - before) * MS_PER_TICK
}

/** `USER_HZ`, which is 100 wherever Node runs. */
const MS_PER_TICK = 10

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function workerdTicks(): number {
  if (process.platform !== "linux") return NaN
  let ticks = 0
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const [, name, rest = ""] = /\((.*)\) (.*)/s.exec(statOf(pid)) ?? []
    const fields = rest.split(" ")
    // The fields after the second: state, parent, …, utime (14th), stime.
    if (name !== "workerd" || Number(fields[1]) !== process.pid) continue
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks
}

/** Empty for a process that has just ended. */
function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8")
  } catch {
    return ""
  }
}

/** Kilobytes on the heap after a garbage collection. */
export function heapKb(): number {
  collect()
  return process.memoryUsage().heapUsed / 1_024
}

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void
