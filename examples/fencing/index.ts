// A resource that refuses late writers: it remembers the greatest fencing token that it has seen.
// The writer here stalls after its lock has expired, as a paused process does, and another writer overtakes it.
import { LockManager } from "fetchlock"
import { Hono } from "hono"

/** The resource: a document and the token of its last writer. The comparison and the write are one step. */
export function createStore(): Hono {
  let document = { text: "", fence: 0 }
  const store = new Hono()
  store.get("/", (c) => c.json(document))
  store.put("/", async (c) => {
    const fence = Number(c.req.header("Fencing-Token"))
    const text = await c.req.text()
    if (!(fence >= document.fence)) return c.text(`${document.fence} was here before`, 409)
    document = { text, fence }
    return c.body(null, 204)
  })
  return store
}

/** Writes under the lock after a delay, and returns the store's status. */
export async function write(locks: LockManager, store: Hono, text: string, stallMs = 0) {
  // Renewals would end with a process that is stopped; here their absence stands in for that.
  const lock = await locks.acquire("document", { ttl: "1s", renew: false, fencing: true })
  try {
    await new Promise((resolve) => setTimeout(resolve, stallMs))
    // A careful writer checks lock.signal here. This one was stopped right after that check.
    const headers = { "Fencing-Token": String(lock.fencingToken) }
    const response = await store.request("/", { method: "PUT", body: text, headers })
    return response.status
  } finally {
    await lock.release()
  }
}
