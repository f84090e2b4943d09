// Programs that a testbed runs beside itself.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"

export interface Program {
  /** What it had printed when it was ready. */
  readonly output: string
  stop(): Promise<void>
}

/** Starts a program of Node's and waits until it prints what is expected of it. */
export async function startProgram(args: readonly string[], ready: RegExp): Promise<Program> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  const killChild = () => child.kill("SIGKILL")
  process.once("exit", killChild)
  let output = ""
  while (!ready.test(output)) {
    const [chunk] = (await once(child.stdout, "data")) as [Buffer]
    output += chunk.toString()
  }
  return {
    output,
    stop: async () => {
      process.off("exit", killChild)
      await stop(child)
    },
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = once(child, "exit")
  child.kill("SIGTERM")
  await gone
}
