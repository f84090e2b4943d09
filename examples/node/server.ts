// A server that gives its locks back when it stops: node --import tsx examples/node/server.ts. POST /orders/7 works on one order
// at a time. Stop it with SIGTERM: its locks are free at once, and its waiters leave their places.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import process from "node:process"
import { LockClosedError, LockManager } from "fetchlock"

/** How long requests in progress may go on. Less than the platform waits before it kills the process. */
const GRACE_MS = Number(process.env["GRACE_MS"] ?? 5_000)

const locks = LockManager.fromEnv()

async function handle({ url = "/" }: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await locks.request(`order${url}`, ({ signal }) => work(signal))
    response.end("done\n")
  } catch (error) {
    // 503: another instance may serve the retry.
    response.statusCode = error instanceof LockClosedError ? 503 : 500
    response.end(`${String(error)}\n`)
  }
}

/** The work of one request. It stops when its lock is lost or released. */
function work(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Number(process.env["WORK_MS"] ?? 100))
    signal.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

const server = createServer((request, response) => {
  void handle(request, response)
})

async function shutDown(exitCode: number): Promise<void> {
  // First the requests in progress end, then whatever is still held is released.
  const drained = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, GRACE_MS))])
  const { released, failed } = await locks.releaseAll()
  console.log(`released ${String(released)}, failed ${String(failed)}`)
  // The responses to requests that were cut short leave first.
  await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 500))])
  process.exit(exitCode)
}

for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void shutDown(0))
for (const failure of ["uncaughtException", "unhandledRejection"]) {
  process.once(failure, (error) => {
    console.error(error)
    // Its state is unknown, so nothing is waited for.
    void locks.releaseAll().finally(() => process.exit(1))
  })
}

server.listen(Number(process.env["PORT"] ?? 3_000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${String((server.address() as { port: number }).port)}`)
})
