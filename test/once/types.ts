// The types of `once`: compiled, never run.
import type { FencedLock, Lock, LockManager } from "../../src/index.js"
import { once } from "../../src/once/index.js"

interface Token {
  readonly lifeMs: number
}

/** The value's type reaches `remember` from a run that takes no argument, or whose lock has its type. */
export async function types(locks: LockManager, refresh: (lock?: Lock | null) => Promise<Token>) {
  const byRun: Token = await once(locks, "a", { remember: (token) => token.lifeMs }, () =>
    refresh(),
  )
  const byLock: Token = await once(
    locks,
    "a",
    { remember: (token) => token.lifeMs },
    (lock: Lock) => refresh(lock),
  )
  const byHand: Token = await once(
    locks,
    "a",
    { remember: (token: Token) => token.lifeMs, stale: "1m" },
    (lock) => refresh(lock),
  )
  const fenced: number = await once(locks, "a", { fencing: true }, (lock) => lock.fencingToken)
  const open: Token = await once(locks, "a", { failOpen: true }, (lock: Lock | null) =>
    refresh(lock),
  )
  const both = await once.detailed(
    locks,
    "a",
    { fencing: true, failOpen: true },
    (lock: FencedLock | null) => lock?.fencingToken,
  )
  return { byRun, byLock, byHand, fenced, open, both: both.value satisfies number | undefined }
}
