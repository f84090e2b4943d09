// The resource that a lock protects in a test: it notices when two holders are inside at the same time.
import { expect } from "vitest"
import { type Lock, LockBackendError } from "../../src/index.js"

export class CriticalSection {
  #inside = 0
  /** The visitors, in the order in which they entered. */
  readonly visits: string[] = []

  /** Enters with a lock that was just granted, stays for a moment, and releases it. */
  async visit(who: string, lock: Lock, forMs = 20): Promise<void> {
    this.visits.push(who)
    this.#inside++
    try {
      expect(this.#inside, `${who} is not alone`).toBe(1)
      expect(lock.signal.aborted, `${who} has lost its lock`).toBe(false)
      await new Promise((resolve) => setTimeout(resolve, forMs))
      expect(this.#inside, `${who} is not alone`).toBe(1)
    } finally {
      this.#inside--
    }
    // A release whose reply does not come in time rejects, and may be called again.
    await lock.release().catch((error: unknown) => {
      expect(error).toBeInstanceOf(LockBackendError)
      return lock.release()
    })
  }
}
