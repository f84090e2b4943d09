// The middleware that guards a route: one hold for each request.
import { type GuardOptions, type HeldLock, resolveGuardOptions } from "../guard-options.js"
import { sleep } from "../../time/timers.js"
import { guard } from "../guard.js"
import { problemResponse } from "../problem.js"
import { waitUntilOf } from "./execution-context.js"
import type { Context, MiddlewareHandler } from "hono"

/** The options of `lock`. Functions among them receive Hono's context, after the error if there is one. */
export type LockOptions = GuardOptions<readonly [c: Context]>

/**
 * Guards a route of Hono: the handlers after it run only while the request's lock is held.
 *
 * The lock is `c.var.lock`. Pass `c.var.lock.signal` to the work that it protects.
 *
 * > [!WARNING]
 * > `c.req.param()` knows only the parameters of the middleware's own path: under `app.use("*", …)` it returns undefined.
 * > Return undefined as the name then, so that the request is refused: in a template string, undefined would give all
 * > requests the same name. It is better to guard the route itself: `app.post("/orders/:id", lock(…), handler)`.
 *
 * > [!WARNING]
 * > Put middleware that may answer before the handler has ended, such as Hono's `timeout`, before the lock: after it, it
 * > would cause a release while the handler still runs.
 *
 * @throws `TypeError` or `RangeError` that names the option.
 *
 * @example
 * ```ts
 * import { Hono } from "hono"
 * import { env } from "hono/adapter"
 * import { LockManager } from "fetchlock"
 * import { lock } from "fetchlock/hono"
 *
 * const app = new Hono()
 * const guarded = lock({
 *   locks: (c) => LockManager.fromEnv(env(c)),
 *   name: (c) => {
 *     const id = c.req.param("id")
 *     return id && `order:${id}`
 *   },
 * })
 * app.post("/orders/:id/pay", guarded, async (c) => {
 *   await charge({ signal: c.var.lock.signal })
 *   return c.json({ paid: true })
 * })
 * ```
 */
export function lock<
  const Fencing extends boolean | undefined = undefined,
  const FailOpen extends boolean | undefined = undefined,
>(
  options: LockOptions & { readonly fencing?: Fencing; readonly failOpen?: FailOpen },
): MiddlewareHandler<{ Variables: { lock: HeldLock<Fencing, FailOpen> } }> {
  const plan = resolveGuardOptions<readonly [Context]>(options)
  return async (c, next) => {
    // A copy of the headers that were set before: the server's own `Response` may also show headers that are set later, and
    // those of a late handler must not get into the answer.
    const headers = new Headers(c.body(null).headers)
    let handled: Response | undefined
    let isRunning = false as boolean
    let answered: Response | undefined
    const response = await guard(plan, {
      request: c.req.raw,
      args: [c as Context],
      waitUntil: waitUntilOf(c as Context),
      run: async (held) => {
        c.set("lock", held as HeldLock<Fencing, FailOpen>)
        isRunning = true
        await next()
        // The handler threw after the request was answered, and Hono has replaced the answer.
        if (answered && c.error) {
          c.res = undefined
          c.res = answered
        }
        return (handled = c.res)
      },
      respond: (problem) => {
        c.res = undefined
        return problemResponse(problem, headers)
      },
    })
    if (response === handled) return
    // A handler that obeys its signal throws in this very moment, and Hono would send the answer to that error instead.
    if (isRunning) await sleep(0)
    // Reset first: otherwise Hono merges the headers of the two responses.
    if (c.finalized) c.res = undefined
    c.res = answered = response
  }
}
