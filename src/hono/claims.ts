// Extends and releases holds of which nothing is known but name and token: one request each.
import { askDatabase } from "../ask-database.js"
import type { ManagerPlan } from "../manager-options.js"
import type { Claim, ReleaseResult } from "../store/store.js"
import type { Validity } from "../validity.js"

/** @throws `LockBackendError` */
export function extendClaim(
  plan: ManagerPlan,
  claim: Claim,
  ttlMs: number,
): Promise<Validity | "taken" | "gone" | "stolen"> {
  const extension = (leftMs: number) => plan.store.extend({ ...claim, ttlMs }, leftMs)
  return askDatabase(claim.name, "extend", extension, { withinMs: plan.timeoutMs })
}

/** @throws `LockBackendError` */
export async function releaseClaim(plan: ManagerPlan, claim: Claim): Promise<ReleaseResult> {
  let mayBeReleased = false as boolean
  const release = (leftMs: number) => plan.store.release(claim, leftMs)
  const result = await askDatabase(claim.name, "release", release, {
    withinMs: plan.timeoutMs,
    onUnknown: () => {
      mayBeReleased = true
    },
  })
  // Whoever has it after a release whose answer was lost got it from us.
  return mayBeReleased ? "released" : result
}
