// A lock service to mount in an app, for clients with HTTP and without this library: acquire, extend, release, inspect.
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

/** The operation that a client requests. */
export interface LockAttempt {
  /** What the client wants to do: `inspect` only reads. */
  readonly operation: "acquire" | "extend" | "release" | "inspect"
  /** The name of the lock. */
  readonly name: string
}

/** The options of `lockRoutes`. */
export interface LockRoutesOptions {
  /**
   * The manager, or a function that creates it for the request.
   *
   * @example
   * ```ts
   * import { env } from "hono/adapter"
   * import { LockManager } from "fetchlock"
   * import { lockRoutes } from "fetchlock/hono"
   *
   * const routes = lockRoutes({ locks: (c) => LockManager.fromEnv(env(c)), authorize: () => false })
   * ```
   */
  readonly locks: LockManager | ((c: Context) => LockManager)
  /**
   * Authorizes a request. `true` lets it pass, a response is returned as it is, and any other value gets a 403. It may
   * read the body, to check a signature: the body is in memory by then, with at most `maxBodyBytes`.
   *
   * > [!WARNING]
   * > A client that may acquire can lock any name of this prefix, for up to `maxTtl` at a time. Check `name` as well
   * > if clients must not block each other.
   */
  readonly authorize: (
    c: Context,
    attempt: LockAttempt,
  ) => boolean | Response | Promise<boolean | Response>
  /**
   * The longest ttl that a client may request; a longer one is refused. For up to this time, a client that has died
   * blocks others.
   *
   * @default "5m"
   */
  readonly maxTtl?: Duration | undefined
  /**
   * The longest wait that a client may request; a longer one is refused. A waiting request keeps its connection open:
   * stay below the platform's limit (25 s on Vercel's edge).
   *
   * @default "20s"
   */
  readonly maxWait?: Duration | undefined
  /**
   * The largest body that is read, in bytes: an integer ≥ 2.
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
  // Hono omits the body.
  HEAD: "inspect",
}

const ALLOW = { Allow: "GET, HEAD, POST, PATCH, DELETE, OPTIONS" }

/**
 * Returns a lock service as an app to mount: `POST`, `PATCH`, `DELETE` and `GET` on `/<name>` acquire, extend, release
 * and inspect a lock. It keeps no state between requests: a hold is identified by its name and its token, which is sent
 * in the header `Lock-Token`.
 *
 * @throws `TypeError` or `RangeError` that names the option, for example if `authorize` is missing.
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
    throw invalid("authorize", "a function that authorizes a request", authorize)
  }
  const { maxBodyBytes, ...bounds } = resolveBounds(options)
  const app = new Hono()

  app.all("/:name", (c) =>
    answered(c, async () => {
      const { method } = c.req
      if (method === "OPTIONS") return c.body(null, 204, ALLOW)
      const name = readName(c)
      const operation = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined
      if (operation === undefined) throw methodNotAllowed(method)
      if (operation === "acquire") refuseForgery(c)
      // Before `authorize`, so that the body it may read is bounded, and can still be read afterwards.
      const body = await readBody(c, maxBodyBytes)
      const isAllowed = await authorize(c, { operation, name })
      if (isResponse(isAllowed)) return isAllowed
      // In JavaScript it may be any value.
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
function resolveBounds({
  maxTtl = "5m",
  maxWait = "20s",
  maxBodyBytes = 1_024,
}: LockRoutesOptions): Bounds & { readonly maxBodyBytes: number } {
  if (!(Number.isSafeInteger(maxBodyBytes) && maxBodyBytes >= 2)) {
    throw new RangeError(`maxBodyBytes: must be an integer ≥ 2, got ${show(maxBodyBytes)}`)
  }
  return {
    maxTtlMs: parseDuration("maxTtl", maxTtl, { min: 10, max: Number.MAX_SAFE_INTEGER }),
    maxWaitMs: parseDuration("maxWait", maxWait, { min: 0, max: MAX_TIMER_MS }),
    maxBodyBytes,
  }
}

/** Not checked by its class: servers for Node replace the global one. */
function isResponse(value: unknown): value is Response {
  const { status, headers } = Object(value) as Partial<Response>
  return typeof status === "number" && typeof headers?.get === "function"
}

/** Answers refusals and errors of the lock with a problem; other errors go to the app. */
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

/** The decoded name. Strict, unlike Hono's decoding, which accepts malformed encodings. */
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
    detail: "The path must end with the lock's name as one segment; encode a slash in it as %2F.",
  })
}

function methodNotAllowed(method: string): Refusal {
  return new Refusal({
    type: "method-not-allowed",
    status: 405,
    title: "Method not allowed",
    detail: `${method} is not supported: POST acquires, PATCH extends, DELETE releases, GET inspects.`,
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
