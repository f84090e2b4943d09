// One poller among many processes: node --import tsx examples/leader/main.ts, started as often as you like. Each line says
// which process polls. Kill the one that does: after at most a ttl another one polls. Stop it with SIGTERM: at once.
import process from "node:process"
import { LockManager } from "fetchlock"
import { lead } from "fetchlock/leader"

const locks = LockManager.fromEnv()
const stop = new AbortController()
process.once("SIGTERM", () => {
  stop.abort()
})

async function poll(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    console.log(`${process.pid} polls`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

await lead(locks, "poller", (_, signal) => poll(signal), { ttl: "3s", signal: stop.signal })
console.log(`${process.pid} has resigned`)
