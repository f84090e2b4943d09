// Starts the programs of a testbed in their own processes.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"

export interface Program {
  /** Its output until it was ready. */
  readonly output: string
  stop(): Promise<void>
}

/** Starts a Node program and waits until its output matches. */
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
  // Discards the rest of its output, so that the pipe does not fill up.
  child.stdout.resume()
  return { output, stop: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = once(child, "exit")
  child.kill("SIGTERM")
  await gone
}
