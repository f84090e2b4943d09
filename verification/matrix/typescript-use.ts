// Uses each entry point except for Hono's, whose types need a newer TypeScript. Compiled, not run.
import { type Lock, type LockEvent, LockLostError, LockManager } from "fetchlock"
import { withIdempotency, withLock } from "fetchlock/handler"
import { lead } from "fetchlock/leader"
import { once, type OnceResult } from "fetchlock/once"
import { type LockTelemetry, telemetry } from "fetchlock/otel"
import { quorum } from "fetchlock/quorum"

interface Context {
  readonly params: Promise<{ readonly id: string }>
}

export const locks = new LockManager({
  redis: quorum([{ url: "https://eu1-example.upstash.io", token: "t" }]),
})

export const remaining: Promise<number> = locks.request("a", (lock: Lock) => lock.remainingMs)

export const isLost = (error: unknown): boolean => error instanceof LockLostError

export const shared: Promise<OnceResult<number>> = once.detailed(
  locks,
  "report",
  { remember: "1m", fencing: true },
  (lock) => lock.fencingToken,
)

export const led: Promise<string | undefined> = lead(locks, "poller", (_lock, signal) =>
  signal.aborted ? "told to stop" : "done",
)

export const reporting: (event: LockEvent) => void = ((given: LockTelemetry) => given.onEvent)(
  telemetry({ label: (name) => name.split(":")[0] }),
)

/** The handler's parameters determine those of `name`. */
export const pay: (request: Request, context: Context) => Promise<Response> = withLock(
  async (_request: Request, lock, { params }: Context) => {
    const token: number = lock.fencingToken
    return new Response(`${(await params).id} ${token}`)
  },
  { locks, fencing: true, name: async (_, { params }) => (await params).id },
)

export const repeated = withIdempotency(() => new Response("done"), { locks, scope: "none" })

export const refused = withLock(() => new Response("done"), {
  locks,
  // @ts-expect-error -- the handler takes no context
  name: async (_: Request, { params }: Context) => (await params).id,
})
