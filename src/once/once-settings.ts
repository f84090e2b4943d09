// What a call on a name needs of its manager, and what is refused at the door.
import { LockManager } from "../lock-manager.js"
import { checkName } from "../redis/keys.js"
import { invalid, notSupported } from "../values/invalid-argument.js"

/** @throws `TypeError` for what is not a manager or a name; `NotSupportedError` for a quorum. */
export function onceSettings(locks: LockManager, name: string) {
  if (!((locks as unknown) instanceof LockManager)) throw invalid("locks", "a LockManager", locks)
  const { store, ...settings } = LockManager.settingsOf(locks)
  const { single } = store
  if (typeof single === "string") throw notSupported(`once: ${single}`)
  checkName(settings.prefix, name)
  return { ...settings, database: single.database }
}
