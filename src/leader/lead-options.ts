// The options of `lead`: what they mean, and which options of an acquire call make no sense for it.
import { type AcquireOptions, overlay, resolveAcquireOptions, withDefaults } from "../options.js"
import { invalid } from "../values/invalid-argument.js"

/** How to stand for election, and when to stop. The other options are those of `acquire`. */
export interface LeadOptions extends Omit<
  AcquireOptions,
  "wait" | "maxRequests" | "mode" | "renew"
> {
  /**
   * Resigns when it aborts: `run` is told by its own signal, and once it has settled the lock is released, so that the
   * next candidate leads within about one round trip. `lead` then resolves. A candidate that still waits leaves the queue.
   *
   * @default none: it stands for election forever
   */
  readonly signal?: AbortSignal | undefined
  /**
   * The next step when `run` returns while it still leads: `"resign"` ends the call with the value that `run` returned;
   * `"stand"` releases the lock and stands again, at most once a second.
   *
   * @default "resign"
   */
  readonly onReturn?: "resign" | "stand" | undefined
  /**
   * `{ maxHold }` bounds a term: the hold ends that long after the grant, `run` is told by its signal, and the next
   * candidate leads. A hold that is not renewed is not supported: use `request` for one.
   *
   * @default true
   */
  readonly renew?: true | Extract<AcquireOptions["renew"], object> | undefined
}

/** Checked options. */
export interface LeadPlan {
  /** For `acquire`. */
  readonly acquire: AcquireOptions
  readonly ttlMs: number
  readonly signal: AbortSignal | undefined
  readonly standsAgain: boolean
}

/** @throws `TypeError` or `RangeError` that names the option */
export function planLead(defaults: AcquireOptions, options: unknown): LeadPlan {
  const { onReturn = "resign", ...given } = overlay<LeadOptions>({}, options)
  if (onReturn !== "resign" && (onReturn as unknown) !== "stand") {
    throw invalid("onReturn", '"resign" or "stand"', onReturn)
  }
  for (const option of ["wait", "maxRequests", "mode"] as const) {
    if (option in given) throw new TypeError(`${option}: not supported by lead`)
  }
  const { renew = true } = given
  if ((renew as unknown) === false) throw invalid("renew", "true or { maxHold }", renew)
  // Defaults of the manager that a candidate cannot use give way.
  const own = { wait: Infinity, maxRequests: Infinity, mode: "exclusive", renew } as const
  const acquire = { ...withDefaults(defaults, given), ...own }
  const { ttlMs, signal } = resolveAcquireOptions(acquire)
  return { acquire, ttlMs, signal, standsAgain: onReturn === "stand" }
}
