// Starts a Valkey 9 for a test, on a free port of this machine: its WebAssembly, in a process of its own.
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

export interface ValkeyServer {
  readonly url: string
  stop(): Promise<void>
}

export async function startValkey(): Promise<ValkeyServer> {
  const program = fileURLToPath(new URL("valkey-program.ts", import.meta.url))
  const child = fork(program, { execArgv: ["--import", "tsx", "--no-warnings"] })
  const [url] = (await once(child, "message")) as [string]
  return {
    url,
    stop: async () => {
      const gone = once(child, "exit")
      child.disconnect()
      await gone
    },
  }
}
