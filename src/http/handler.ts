// Guards a fetch handler, whatever the platform: one hold for each request.
import type { WaitUntil } from "../options.js"
import { invalid } from "../values/invalid-argument.js"
import { type GuardOptions, type HeldLock, planGuard } from "./guard-options.js"
import { guard } from "./guard.js"
import { type IdempotencyOptions, planIdempotency } from "./idempotency-options.js"
import { idempotent } from "./idempotent.js"
import { problemResponse } from "./problem.js"

export type { HeldLock, ReleaseTime } from "./guard-options.js"

/** TypeScript 5.4 has `NoInfer` for this; a deferred conditional type is not inferred from either, in older ones too. */
type Unchanged<T> = [T][T extends unknown ? 0 : never]

/** The options of `withLock`. Functions among them are given what the handler is called with, without the lock. */
export type WithLockOptions<
  Req extends Request = Request,
  Rest extends readonly unknown[] = readonly unknown[],
> = GuardOptions<readonly [request: Req, ...rest: Rest]>

/**
 * Guards a fetch handler: it runs while its request's lock is held, and not at all without it.
 *
 * The handler gets the lock as its second argument, before whatever else the platform passes: so its place is the
 * same on each. Pass `lock.signal` on to whatever the lock protects.
 *
 * After the answer the release goes on: through the `waitUntil` of what the platform passes (Workers, Netlify), else
 * through the manager's `waitUntil`, else by itself.
 *
 * @throws `TypeError` or `RangeError` that names the option. What the handler throws is thrown on.
 *
 * @example
 * ```ts
 * import { LockManager } from "fetchlock"
 * import { withLock } from "fetchlock/handler"
 *
 * export const POST = withLock(
 *   async (request, lock) => Response.json(await charge(request, { signal: lock.signal })),
 *   {
 *     locks: LockManager.fromEnv(),
 *     name: (request) => {
 *       const id = new URL(request.url).searchParams.get("id")
 *       return id ? `order:${id}` : undefined
 *     },
 *   },
 * )
 * ```
 */
export function withLock<
  Req extends Request,
  Rest extends readonly unknown[],
  const Fencing extends boolean | undefined = undefined,
  const FailOpen extends boolean | undefined = undefined,
>(
  handler: (
    request: Req,
    lock: HeldLock<Fencing, FailOpen>,
    ...rest: Rest
  ) => Response | Promise<Response>,
  // What the handler takes decides what the functions among the options are given, not the other way round.
  options: WithLockOptions<Unchanged<Req>, Unchanged<Rest>> & {
    readonly fencing?: Fencing
    readonly failOpen?: FailOpen
  },
): (request: Req, ...rest: Rest) => Promise<Response> {
  if (typeof handler !== "function") throw invalid("handler", "a function", handler)
  const plan = planGuard(options)
  return (request, ...rest) =>
    guard(plan, {
      request,
      args: [request, ...rest],
      waitUntil: waitUntilOf(rest),
      // Async, so that a handler that throws at once is one that rejects.
      run: async (lock) => handler(request, lock as HeldLock<Fencing, FailOpen>, ...rest),
      respond: problemResponse,
    })
}

/** The options of `withIdempotency`. Functions among them are given what the handler is called with. */
export type WithIdempotencyOptions<
  Req extends Request = Request,
  Rest extends readonly unknown[] = readonly unknown[],
> = IdempotencyOptions<readonly [request: Req, ...rest: Rest]>

/**
 * Makes a fetch handler idempotent: a request with an `Idempotency-Key` is handled once, and a repeat gets the stored
 * status, headers and bytes, with `Idempotent-Replayed: true`.
 *
 * With `withLock`, put it outside, `withIdempotency(withLock(…), …)`: a repeat then needs no lock.
 *
 * > [!WARNING]
 * > At least once, not exactly once: when the process dies, a repeat is handled again. See `onCrash`.
 *
 * @throws `TypeError` or `RangeError` that names the option. What the handler throws is thrown on.
 *
 * @example
 * ```ts
 * import { LockManager } from "fetchlock"
 * import { withIdempotency } from "fetchlock/handler"
 *
 * export const POST = withIdempotency(
 *   async (request: Request) => Response.json(await charge(await request.json()), { status: 201 }),
 *   { locks: LockManager.fromEnv(), scope: (request) => userOf(request), onCrash: "fail" },
 * )
 * ```
 */
export function withIdempotency<Req extends Request, Rest extends readonly unknown[]>(
  handler: (request: Req, ...rest: Rest) => Response | Promise<Response>,
  options: WithIdempotencyOptions<Unchanged<Req>, Unchanged<Rest>>,
): (request: Req, ...rest: Rest) => Promise<Response> {
  if (typeof handler !== "function") throw invalid("handler", "a function", handler)
  const plan = planIdempotency(options)
  return (request, ...rest) =>
    idempotent(plan, {
      request,
      args: [request, ...rest],
      waitUntil: waitUntilOf(rest),
      readBody: () => request.clone().arrayBuffer(),
      run: async () => handler(request, ...rest),
      respond: problemResponse,
    })
}

/** That of the first thing which has one: the `ctx` of a Worker, the `context` of Netlify. */
function waitUntilOf(rest: readonly unknown[]): WaitUntil | undefined {
  for (const value of rest) {
    const context = value as { waitUntil?: unknown } | null | undefined
    if (typeof context?.waitUntil === "function") {
      return (work) => {
        ;(context as { waitUntil: WaitUntil }).waitUntil(work)
      }
    }
  }
  return undefined
}
