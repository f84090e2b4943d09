// Runs a program against the built package in a Node process of its own, and returns how it ended.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { resolve } from "node:path"

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** From the program's last step, which it reports, to the end of the process. */
  readonly lingeredMs: number
}

/** @param program has `LockManager`, `redis` and `end()`, which it calls last */
export async function runChild(
  program: string,
  redis: { readonly url: string; readonly token: string },
): Promise<Ended> {
  const source = `
    import { LockManager } from ${JSON.stringify(resolve("dist/index.js"))}
    const redis = ${JSON.stringify({ url: redis.url, token: redis.token })}
    const print = (...values) => process.stdout.write(values.map((v) => JSON.stringify(v)).join(" ") + "\\n")
    const end = () => process.stderr.write("the end\\n")
    ${program}
  `
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 15_000,
    killSignal: "SIGKILL",
  })
  let out = ""
  let err = ""
  let endedAt: number | undefined
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString()
    if (err.includes("the end\n")) endedAt ??= performance.now()
  })
  const [code] = (await once(child, "close")) as [number | null]
  const lingeredMs = endedAt === undefined ? Infinity : performance.now() - endedAt
  return { code, out, err: err.replace("the end\n", ""), lingeredMs }
}
