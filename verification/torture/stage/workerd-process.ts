// Finds the process of a workerd that Miniflare has started, which does not tell it.
import { execFile } from "node:child_process"
import { promisify } from "node:util"

const run = promisify(execFile)

/** Starts something, and returns it with the workerd process that this has started. One after the other. */
export async function withProcess<T>(start: () => Promise<T>): Promise<readonly [T, number]> {
  const before = await workerdChildren()
  const started = await start()
  const added = (await workerdChildren()).filter((pid) => !before.includes(pid))
  const [pid] = added
  if (pid === undefined || added.length > 1) throw new Error("expected one more workerd process")
  return [started, pid]
}

/** The processes of this one that run workerd. */
async function workerdChildren(): Promise<readonly number[]> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,comm="])
  return stdout.split("\n").flatMap((line) => {
    const [pid, parent, command = ""] = line.trim().split(/\s+/)
    return Number(parent) === process.pid && command.endsWith("workerd") ? [Number(pid)] : []
  })
}
