// The middleware that makes a route idempotent: it handles one request for each key, and repeats its response.
import {
  type IdempotencyOptions as Options,
  resolveIdempotencyOptions,
} from "../idempotency-options.js"
import { idempotent } from "../idempotent.js"
import { problemResponse } from "../problem.js"
import { waitUntilOf } from "./execution-context.js"
import type { Context, MiddlewareHandler } from "hono"

/** The options of `idempotency`. Functions among them receive Hono's context. */
export type IdempotencyOptions = Options<readonly [c: Context]>

/**
 * Makes a route of Hono idempotent: a request with an `Idempotency-Key` is handled once, and a repeat gets the stored
 * status, headers and bytes, with `Idempotent-Replayed: true`.
 *
 * With `lock`, put it first: a repeat then needs no lock.
 *
 * > [!WARNING]
 * > At least once, not exactly once: if the process dies, a repeat is handled again. See `onCrash`.
 *
 * @throws `TypeError` or `RangeError` that names the option.
 *
 * @example
 * ```ts
 * import { Hono } from "hono"
 * import { env } from "hono/adapter"
 * import { LockManager } from "fetchlock"
 * import { idempotency } from "fetchlock/hono"
 *
 * const app = new Hono<{ Variables: { userId: string } }>()
 * const once = idempotency({
 *   locks: (c) => LockManager.fromEnv(env(c)),
 *   scope: (c) => c.get("userId"),
 *   onCrash: "fail",
 * })
 * app.post("/payments", once, async (c) => c.json(await charge(await c.req.json()), 201))
 * ```
 */
export function idempotency(options: IdempotencyOptions): MiddlewareHandler {
  const plan = resolveIdempotencyOptions<readonly [Context]>(options)
  return async (c, next) => {
    // A copy, as in lock-middleware.ts: those of a late handler must not get into a problem.
    const headers = new Headers(c.body(null).headers)
    let handled: Response | undefined
    const response = await idempotent(plan, {
      request: c.req.raw,
      args: [c],
      waitUntil: waitUntilOf(c),
      // A body that was read through Hono's context is kept there.
      readBody: () => (c.req.raw.bodyUsed ? c.req : c.req.raw.clone()).arrayBuffer(),
      run: async () => {
        await next()
        return (handled = c.res)
      },
      respond: (problem) => problemResponse(problem, headers),
    })
    if (response === handled) return
    // Reset first: otherwise Hono merges the headers of the two responses.
    c.res = undefined
    c.res = response
  }
}
