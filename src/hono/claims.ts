// Extends and releases holds of which nothing is known but name and token: one request each.
import { LockBackendError, type LockPhase } from "../errors.js"
import type { ManagerPlan } from "../manager-options.js"
import { RestError } from "../rest/rest-error.js"
import type { Claim, ReleaseResult } from "../store/store.js"
import type { Validity } from "../validity.js"
import { type AskOptions, askUntilKnown } from "../ask-until-known.js"

/** @throws `LockBackendError` */
export function extendClaim(
  plan: ManagerPlan,
  claim: Claim,
  ttlMs: number,
): Promise<Validity | "taken" | "gone" | "stolen"> {
  return ask(plan, claim, "extend", (leftMs) => plan.store.extend(claim, ttlMs, leftMs))
}

/** @throws `LockBackendError` */
export async function releaseClaim(plan: ManagerPlan, claim: Claim): Promise<ReleaseResult> {
  let mayBeReleased = false as boolean
  const release = (leftMs: number) => plan.store.release(claim, leftMs)
  const result = await ask(plan, claim, "release", release, () => {
    mayBeReleased = true
  })
  // Whoever has it after a release whose answer was lost got it from us.
  return mayBeReleased ? "released" : result
}

async function ask<T>(
  { timeoutMs: withinMs }: ManagerPlan,
  { name }: Claim,
  phase: LockPhase,
  question: (leftMs: number) => Promise<T>,
  onUnknown: AskOptions["onUnknown"] = () => undefined,
): Promise<T> {
  try {
    return await askUntilKnown(question, { withinMs, onUnknown })
  } catch (error) {
    throw error instanceof RestError ? new LockBackendError(name, phase, error) : error
  }
}
