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
  child.once("exit", () => process.off("exit", killChild))
  let output = ""
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += String(chunk)
    if (ready.test(output)) break
  }
  if (!ready.test(output)) throw new Error(`${args.join(" ")} ended before it was ready: ${output}`)
  // The rest of what it prints has to go somewhere.
  child.stdout.resume()
  return { output, stop: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = once(child, "exit")
  child.kill("SIGTERM")
  await gone
}
