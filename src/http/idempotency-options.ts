// The options of an idempotent route: the scope of a key, which responses are kept and how long, and what a repeat gets.
import type { LockManager } from "../lock-manager.js"
import { type Duration, parseDuration } from "../time/duration.js"
import { checkCount, invalid } from "../values/invalid-argument.js"
import { managerOf } from "./guard-options.js"
import { type BodyBounds, type BodyOption, resolveBody } from "./read-ahead.js"

/** @typeParam Args the arguments of the callbacks: Hono's context, or the arguments of the handler */
export interface IdempotencyOptions<Args extends readonly unknown[]> {
  /** The manager, or a function that returns it for the request, as on Workers. It must not be one of a quorum. */
  readonly locks: LockManager | ((...args: Args) => LockManager)
  /**
   * The owner of the key: the id of the user or the tenant. `"none"` makes all clients share their keys.
   *
   * > [!WARNING]
   * > In the same scope, a client that knows the key of another client gets that client's response. Derive the scope from
   * > authenticated data. An undefined or empty scope is refused with a `TypeError`.
   */
  readonly scope: "none" | ((...args: Args) => string | undefined | Promise<string | undefined>)
  /** Whether a request without a key gets a 400. With `false` it is handled each time. @default true */
  readonly required?: boolean | undefined
  /** How long a response is kept and repeated: 1 second to 30 years. @default "24h" */
  readonly remember?: Duration | undefined
  /**
   * Which responses are kept, by status and headers. A response that is not kept is repeated only to the requests that
   * waited for it; a later request is handled again.
   *
   * @default a status below 400, and one below 500 without `Retry-After`
   */
  readonly keep?: ((response: Response) => boolean) | undefined
  /**
   * How long a request waits for another request with the same key. With 0 it gets a 409 with `Retry-After` at once.
   *
   * @default 0, regardless of the manager's
   */
  readonly wait?: Duration | undefined
  /** How long the key stays in use if the process dies; renewed while the handler runs. @default the manager's, "30s" */
  readonly ttl?: Duration | undefined
  /**
   * Identifies the payload: a request with the same key and another fingerprint gets a 422. Only a digest of it is stored.
   *
   * @default a SHA-256 digest of the method, the path with its query, and the raw body
   */
  readonly fingerprint?: ((...args: Args) => string | Promise<string>) | undefined
  /**
   * When to read the request's body.
   *
   * - `{ maxBytes, timeout }`: before the key is claimed, for the fingerprint. A larger body gets a 413, a slower one a
   *   408. The handler reads it as usual, from memory; larger bounds let requests use more memory, for longer.
   *   `maxBytes` is a positive integer, `timeout` at least 1 ms.
   * - `"streamed"`: when the handler reads it. For uploads that do not fit in memory; give a `fingerprint` that does not
   *   read the body.
   *
   * @default { maxBytes: 4_194_304, timeout: "30s" }
   */
  readonly body?: BodyOption | undefined
  /**
   * Turns a response's text into the text that is stored, where responses hold secrets. Give `decrypt` with it. If it fails,
   * the response is sent, and a repeat gets what `onTooLarge` says.
   *
   * @default stored as it is
   */
  readonly encrypt?: ((text: string) => string | Promise<string>) | undefined
  /** Turns it back. A repeat that cannot be decrypted is answered 503. @default none */
  readonly decrypt?: ((text: string) => string | Promise<string>) | undefined
  /** The largest body that is kept, in bytes. It is stored as base64, which is a third longer. @default 500_000 */
  readonly maxBytes?: number | undefined
  /**
   * What a repeat gets if the response could not be stored, because it was larger than `maxBytes` or `encrypt` failed:
   * `refuse` answers 409 (`idempotency-unavailable`), `retry` handles the request again.
   *
   * @default "refuse"
   */
  readonly onTooLarge?: "refuse" | "retry" | undefined
  /**
   * What a repeat gets if the process died while it handled the request: `retry` handles the request again, up to three
   * crashes in a row. `fail` answers 500 (`idempotency-unknown`) for the time of `remember`: for payments.
   *
   * @default "retry"
   */
  readonly onCrash?: "retry" | "fail" | undefined
  /**
   * When the response is sent: after it has been stored, or, for streams, as soon as the handler returns it. In the latter
   * case, after a crash before the response is stored, a repeat is handled again.
   *
   * @default "after-store"
   */
  readonly answer?: "after-store" | "before-store" | undefined
  /**
   * Handle requests even if the database fails.
   *
   * > [!WARNING]
   * > While the database is down, each repeat is handled again.
   *
   * @default false
   */
  readonly failOpen?: boolean | undefined
}

/** Checked options. */
export type ResolvedIdempotencyOptions<Args extends readonly unknown[]> = Omit<
  IdempotencyOptions<Args>,
  "body"
> & {
  /** The bounds of a body that is read ahead; undefined for a streamed one. */
  readonly body: BodyBounds | undefined
  readonly required: boolean
  readonly remember: Duration
  readonly keep: (response: Response) => boolean
  readonly wait: Duration
  readonly maxBytes: number
}

const CHOICES = {
  onTooLarge: ["refuse", "retry"],
  onCrash: ["retry", "fail"],
  answer: ["after-store", "before-store"],
  required: [true, false],
  failOpen: [true, false],
} as const

/** @throws `TypeError` or `RangeError` that names the option. */
export function resolveIdempotencyOptions<Args extends readonly unknown[]>(
  options: IdempotencyOptions<Args>,
): ResolvedIdempotencyOptions<Args> {
  const { locks, scope, fingerprint, encrypt, decrypt } = options
  const {
    required = true,
    remember = "24h",
    keep = isFinal,
    wait = 0,
    maxBytes = 500_000,
  } = options
  if (typeof locks !== "function") managerOf(locks)
  if (scope !== "none" && typeof scope !== "function") {
    throw invalid("scope", '"none" or a function that returns the owner of the key', scope)
  }
  for (const [option, value] of Object.entries({ keep, fingerprint, encrypt, decrypt })) {
    if (value !== undefined && typeof value !== "function")
      throw invalid(option, "a function", value)
  }
  const body = resolveBody(options.body)
  if (!body && !fingerprint)
    throw invalid("fingerprint", 'given with body: "streamed"', fingerprint)
  if (!encrypt !== !decrypt) throw invalid("encrypt", "given together with decrypt", encrypt)
  for (const [option, choices] of Object.entries(CHOICES)) {
    const value = options[option as keyof typeof CHOICES]
    if (value !== undefined && !(choices as readonly unknown[]).includes(value)) {
      throw invalid(option, `one of ${choices.join(", ")}`, value)
    }
  }
  parseDuration("remember", remember, { min: 1_000, max: 1e12 })
  parseDuration("wait", wait, { min: 0, max: Infinity })
  checkCount("maxBytes", maxBytes)
  return { ...options, body, required, remember, keep, wait, maxBytes }
}

/** A response that asks the client to retry later is not a final result. */
function isFinal({ status, headers }: Response): boolean {
  return status < 400 || (status < 500 && !headers.has("Retry-After"))
}
