// The runs among the open holds of a manager, which are independent of locks of the same name.
import { LockClosedError } from "../errors.js"
import type { OpenHolds } from "../hold/hold-monitor.js"

/** As the open holds of locks, for runs. */
export function openRuns(all: OpenHolds): Pick<OpenHolds, "add" | "has"> {
  return {
    add: (open, name, isHold) => {
      try {
        return all.add(open, notOfALock(name), isHold)
      } catch {
        throw new LockClosedError(name)
      }
    },
    has: (name) => all.has(notOfALock(name)),
  }
}

/** Not valid Unicode, so it cannot be the name of a lock. */
function notOfALock(name: string): string {
  return `\ud800${name}`
}
