// A lock service to mount in an app, for clients that have HTTP and no library: acquire, extend, release, inspect.
import { LockError } from "../../errors.js"
import { LockManager } from "../../lock-manager.js"
import { checkName } from "../../redis/keys.js"
import { type Duration, MAX_TIMER_MS, parseDuration } from "../../time/duration.js"
import { invalid, show } from "../../values/invalid-argument.js"
import { managerOf } from "../guard-options.js"
import { type Problem, problemResponse, refusalOf } from "../problem.js"
import { refuseForgery } from "./forgery.js"
import { readBody } from "./read-json.js"
import { badRequest, checked, Refusal } from "./refusal.js"
import { type Bounds, OPERATIONS } from "./route-operations.js"
import { type Context, Hono } from "hono"

/** What a client wants to do. */
export interface LockAttempt {
  readonly operation: "acquire" | "extend" | "release" | "inspect"
  /** The name of the lock. */
  readonly name: string
}

/** The options of `lockRoutes`. */
export interface LockRoutesOptions {
  /**
   * The manager, or a function that makes it for the request.
   *
   * @example `locks: (c) => LockManager.fromEnv(env(c))` with `env` of `hono/adapter`
   */
  readonly locks: LockManager | ((c: Context) => LockManager)
  /**
   * Decides who may do what. `true` lets the request pass, a response is returned as it is, and anything else is a
   * 403. It may read the body, to check a signature: at most `maxBodyBytes` have been read by then.
   *
   * > [!WARNING]
   * > Whoever may acquire can lock any name of this prefix, for up to `maxTtl` at a time. Check `name` as well
   * > where clients must not stand in each other's way.
   */
  readonly authorize: (
    c: Context,
    attempt: LockAttempt,
  ) => boolean | Response | Promise<boolean | Response>
  /**
   * The longest ttl that a client may ask for; a longer one is refused. It is how long a client that has died keeps
   * others out.
   *
   * @default "5m"
   */
  readonly maxTtl?: Duration | undefined
  /**
   * The longest wait that a client may ask for; a longer one is refused. A request that waits is one that is open:
   * stay below what the platform allows (25 s on Vercel's edge).
   *
   * @default "20s"
   */
  readonly maxWait?: Duration | undefined
  /**
   * The largest body that is read, in bytes, from 2 on.
   *
   * @default 1024
   */
  readonly maxBodyBytes?: number | undefined
}

/** By method. */
const METHODS: Readonly<Record<string, LockAttempt["operation"]>> = {
  POST: "acquire",
  PATCH: "extend",
  DELETE: "release",
  GET: "inspect",
  // Hono leaves the body out.
  HEAD: "inspect",
}

const ALLOW = { Allow: "GET, HEAD, POST, PATCH, DELETE, OPTIONS" }

/**
 * A lock service as an app of its own, to be mounted: `POST`, `PATCH`, `DELETE` and `GET` on `/<name>` acquire,
 * extend, release and inspect a lock. It keeps nothing between two requests: a hold is known by its name and its
 * token, which travels in the header `Lock-Token`.
 *
 * @throws `TypeError` or `RangeError` that names the option, above all where `authorize` is missing.
 *
 * @example
 * ```ts
 * import { type Context, Hono } from "hono"
 * import { timingSafeEqual } from "hono/utils/buffer"
 * import { LockManager } from "fetchlock"
 * import { lockRoutes } from "fetchlock/hono"
 *
 * const secret = process.env.LOCKS_SECRET
 * if (!secret) throw new Error("LOCKS_SECRET is not set")
 * const authorize = (c: Context) =>
 *   timingSafeEqual(c.req.header("Authorization") ?? "", `Bearer ${secret}`)
 *
 * const app = new Hono()
 * app.route("/locks", lockRoutes({ locks: LockManager.fromEnv(), authorize }))
 * ```
 */
export function lockRoutes(options: LockRoutesOptions): Hono {
  const { locks, authorize } = options
  if (typeof locks !== "function") managerOf(locks)
  if (typeof authorize !== "function") {
    throw invalid("authorize", "a function that decides who may do what", authorize)
  }
  const { maxBodyBytes, ...bounds } = planBounds(options)
  const app = new Hono()

  app.all("/:name", (c) =>
    answered(c, async () => {
      const { method } = c.req
      if (method === "OPTIONS") return c.body(null, 204, ALLOW)
      const name = readName(c)
      const operation = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined
      if (operation === undefined) throw methodNotAllowed(method)
      if (operation === "acquire") refuseForgery(c)
      // Before the question: whatever `authorize` reads is then bounded, and leaves us ours.
      const body = await readBody(c, maxBodyBytes)
      const isAllowed = await authorize(c, { operation, name })
      if (isResponse(isAllowed)) return isAllowed
      // From a caller without types it may be anything.
      if ((isAllowed as unknown) !== true) throw forbidden(operation)
      const manager = managerOf(typeof locks === "function" ? locks(c) : locks)
      const { prefix } = LockManager.settingsOf(manager)
      checked(() => {
        checkName(prefix, name)
      })
      c.header("Cache-Control", "no-store")
      return OPERATIONS[operation]({ c, locks: manager, name, body, bounds })
    }),
  )
  app.all("*", (c) =>
    answered(c, () => {
      throw notFound(c)
    }),
  )
  return app
}

/** @throws `TypeError` or `RangeError` that names the option. */
function planBounds({
  maxTtl = "5m",
  maxWait = "20s",
  maxBodyBytes = 1_024,
}: LockRoutesOptions): Bounds & { readonly maxBodyBytes: number } {
  if (!(Number.isSafeInteger(maxBodyBytes) && maxBodyBytes >= 2)) {
    throw new RangeError(
      `maxBodyBytes: must be a whole number from 2 on, got ${show(maxBodyBytes)}`,
    )
  }
  return {
    maxTtlMs: parseDuration("maxTtl", maxTtl, { min: 10, max: Number.MAX_SAFE_INTEGER }),
    maxWaitMs: parseDuration("maxWait", maxWait, { min: 0, max: MAX_TIMER_MS }),
    maxBodyBytes,
  }
}

/** Not by its class: servers for Node put one of their own in its place. */
function isResponse(value: unknown): value is Response {
  const { status, headers } = Object(value) as Partial<Response>
  return typeof status === "number" && typeof headers?.get === "function"
}

/** Answers problems for what was refused and for what failed; other errors are the app's. */
async function answered(c: Context, answer: () => Promise<Response> | Response): Promise<Response> {
  try {
    return await answer()
  } catch (error) {
    const problem = problemOf(error)
    if (!problem) throw error
    return problemResponse(problem, c.body(null).headers)
  }
}

function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Refusal) return error.problem
  if (error instanceof LockError) return refusalOf(error)
  if (!(error instanceof DOMException && error.name === "NotSupportedError")) return undefined
  return { type: "not-supported", status: 501, title: "Not supported", detail: error.message }
}

/** The name as it was before the client encoded it; Hono's own reading lets what is garbled pass. */
function readName(c: Context): string {
  const segment = new URL(c.req.url).pathname.split("/").at(-1) ?? ""
  if (segment === "") throw notFound(c)
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badRequest("name: must be percent-encoded UTF-8")
  }
}

function notFound(c: Context): Refusal {
  if (new URL(c.req.url).pathname.endsWith("/")) {
    return badRequest("name: must not be empty: the path ends with the lock's name")
  }
  return new Refusal({
    type: "not-found",
    status: 404,
    title: "Not found",
    detail: "The path ends with the lock's name as one segment; a slash in it is written %2F.",
  })
}

function methodNotAllowed(method: string): Refusal {
  return new Refusal({
    type: "method-not-allowed",
    status: 405,
    title: "Method not allowed",
    detail: `${method} does nothing here: POST acquires, PATCH extends, DELETE releases, GET inspects.`,
    headers: ALLOW,
  })
}

function forbidden(operation: string): Refusal {
  return new Refusal({
    type: "forbidden",
    status: 403,
    title: "Forbidden",
    detail: `You may not ${operation} this lock.`,
  })
}
