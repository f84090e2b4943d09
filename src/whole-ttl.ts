// Sees to it that a hold lasts for about its ttl from now on, however it was granted.
import type { Lock } from "./lock.js"

/** So much of the ttl is left where nothing had to be waited for: less is a lease, or was granted a while ago. */
const NEARLY = 0.9

/** @throws as `Lock.extend` does. */
export async function ensureWholeTtl(
  hold: Pick<Lock, "remaining" | "extend">,
  ttlMs: number,
): Promise<void> {
  if (hold.remaining < ttlMs * NEARLY) await hold.extend()
}
