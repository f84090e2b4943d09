// Guards a fetch handler, or makes it idempotent, on any platform.
import type { WaitUntil } from "../options.js"
import { invalid } from "../values/invalid-argument.js"
import { type GuardOptions, type HeldLock, resolveGuardOptions } from "./guard-options.js"
import { guard } from "./guard.js"
import { type IdempotencyOptions, resolveIdempotencyOptions } from "./idempotency-options.js"
import { idempotent } from "./idempotent.js"
import { problemResponse } from "./problem.js"

export type { HeldLock, ReleaseTime } from "./guard-options.js"

/** `NoInfer` of TypeScript 5.4, for older versions: nothing is inferred from a deferred conditional type. */
type Unchanged<T> = [T][T extends unknown ? 0 : never]

/** The options of `withLock`. Functions among them receive the handler's arguments without the lock. */
export type WithLockOptions<
  Req extends Request = Request,
  Rest extends readonly unknown[] = readonly unknown[],
> = GuardOptions<readonly [request: Req, ...rest: Rest]>

/**
 * Guards a fetch handler: it runs only while the request's lock is held.
 *
 * The handler receives the lock as its second argument, before any other argument of the platform, so its position is the
 * same everywhere. Pass `lock.signal` to the work that the lock protects.
 *
 * The release may continue after the response. It is passed to the `waitUntil` of the platform's context (Workers,
 * Netlify), or else to the manager's `waitUntil`, if there is one.
 *
 * @throws `TypeError` or `RangeError` that names the option. The returned handler rethrows the errors of yours.
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
  // The handler's parameters determine those of the functions among the options, not the other way round.
  options: WithLockOptions<Unchanged<Req>, Unchanged<Rest>> & {
    readonly fencing?: Fencing
    readonly failOpen?: FailOpen
  },
): (request: Req, ...rest: Rest) => Promise<Response> {
  if (typeof handler !== "function") throw invalid("handler", "a function", handler)
  const plan = resolveGuardOptions(options)
  return (request, ...rest) =>
    guard(plan, {
      request,
      args: [request, ...rest],
      waitUntil: waitUntilOf(rest),
      // Async, so that a synchronous throw becomes a rejection.
      run: async (lock) => handler(request, lock as HeldLock<Fencing, FailOpen>, ...rest),
      respond: problemResponse,
    })
}

/** The options of `withIdempotency`. Functions among them receive the handler's arguments. */
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
 * > At least once, not exactly once: if the process dies, a repeat is handled again. See `onCrash`.
 *
 * @throws `TypeError` or `RangeError` that names the option. The returned handler rethrows the errors of yours.
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
  const plan = resolveIdempotencyOptions(options)
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

/** The `waitUntil` of the first argument that has one: the `ctx` of a Worker, the `context` of Netlify. */
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
