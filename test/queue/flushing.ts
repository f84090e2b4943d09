// The queue when the database forgets it.
import { expect, test } from "vitest"
import { LockByHand } from "../support/waiter-by-hand.js"
import type { Variant } from "../support/variants.js"
import { enter, SLACK_MS } from "./line.js"

export function flushing(variant: Variant): void {
  test("after a FLUSHALL all waiters are served", async () => {
    const { locks, command, close } = await variant.open()
    try {
      const ttl = 4_000
      await locks({ ttl }).acquire("name")
      const waiters = []
      for (let i = 0; i < 4; i++) waiters.push(await enter(locks, "name", { ttl }))
      await command("FLUSHALL")
      const flushedAt = performance.now()
      await Promise.all(waiters.map(async ({ granted }) => (await granted).release()))
      // They check when the holder's ttl would have ended; the one that takes the lock serves no other at first.
      expect(performance.now() - flushedAt).toBeLessThan(2 * ttl + 2_000 + SLACK_MS)
      expect(await new LockByHand(command, "name").value()).toBeNull()
    } finally {
      await close()
    }
  })
}
