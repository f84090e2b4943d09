// The middleware that guards a route: one hold for each request.
import { type GuardOptions, type HeldLock, planGuard } from "../guard-options.js"
import { guard } from "../guard.js"
import { problemResponse } from "../problem.js"
import { waitUntilOf } from "./execution-context.js"
import type { Context, MiddlewareHandler } from "hono"

/** The options of `lock`. Functions among them are given Hono's context, behind the error if there is one. */
export type LockOptions = GuardOptions<readonly [c: Context]>

/**
 * Guards a route of Hono: what comes behind it runs while the request's lock is held, and not at all without it.
 *
 * The lock is `c.var.lock`. Pass `c.var.lock.signal` on to whatever it protects.
 *
 * > [!WARNING]
 * > `c.req.param()` knows the parameters of the middleware's own path: under `app.use("*", …)` there are none. Return
 * > undefined then, which is refused: text around it would be one name for all. Better guard the route itself:
 * > `app.post("/orders/:id", lock(…), handler)`.
 *
 * > [!WARNING]
 * > What answers before the handler has ended, as Hono's `timeout` does, belongs before the lock: behind it, it
 * > would let the lock go while the handler still runs.
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
  const plan = planGuard<readonly [Context]>(options)
  return async (c, next) => {
    // What was set before, as a copy: the server's own `Response` may show what is set later. A late handler's headers are
    // none of the answer's business.
    const headers = new Headers(c.body(null).headers)
    let handled: Response | undefined
    let answered: Response | undefined
    const response = await guard(plan, {
      request: c.req.raw,
      args: [c as Context],
      waitUntil: waitUntilOf(c as Context),
      run: async (held) => {
        c.set("lock", held as HeldLock<Fencing, FailOpen>)
        await next()
        // Hono has put what a late handler threw in place of the answer.
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
    // Hono would lay the headers of the one over the other.
    if (c.finalized) c.res = undefined
    c.res = answered = response
  }
}
