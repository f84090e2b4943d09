// Each kind of request of a wait, lost, duplicated and late: a bounded delay, no second holder, no lock-out.
import { expect, test } from "vitest"
import type { Lab } from "../contract/lab.js"
import { CriticalSection } from "../support/critical-section.js"
import { type Fault, inOrder, nothing } from "../support/fault-proxy.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import { byHand, enter, expectBounded, SLACK_MS, until } from "./line.js"

const TTL_MS = 2_000
const TIMEOUT_MS = 1_500
const LATE_MS = 2_000

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["lost", { kind: "request-lost" }],
  ["executed, its reply lost", { kind: "reply-lost", by: "reset" }],
  ["duplicated at once", { kind: "doubled", ms: 0, answer: "second" }],
  ["duplicated late", { kind: "doubled", ms: LATE_MS, answer: "first" }],
  ["delayed past its deadline", { kind: "request-delayed", ms: LATE_MS }],
]

/** The requests of a waiter, from its first place in the queue to its end. */
const STEPS = {
  enqueue: "claim",
  check: "acquire: check",
  extend: "extend",
  release: "release: hold",
  leave: "release: leave",
} as const

const KINDS = ["enqueue", "check", "extend", "release", "leave"] as const
const CASES = KINDS.flatMap((kind) => FAULTS.map(([what, fault]) => [kind, what, fault] as const))

/**
 * The delay of one fault: a reply that does not come (the deadline and a pause), and then a hold that no client knows of (a
 * whole ttl, if the request of a waiter that has gone took the lock) and a check.
 */
const BOUND_MS = LATE_MS + TTL_MS + 2_500 + SLACK_MS

export function losingRequests(lab: () => Lab): void {
  test.for(CASES)('the queue survives a fault of "%s": %s', async ([kind, , fault]) => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    const wanted = name()
    const hand = byHand(lab(), wanted)
    const section = new CriticalSection()
    // A waiter behind a dead holder has to check.
    const holder = waiterByHand()
    await hand.take(holder.token, kind === "check" ? 2_500 : 20_000)
    proxy.plan = inOrder(STEPS[kind], fault)
    const controller = new AbortController()
    const options = { ttl: TTL_MS, timeout: TIMEOUT_MS }
    const { signal } = controller
    const first = behindProxy({ ...options, signal, wait: "60s" }).acquire(wanted)
    first.catch(() => undefined)
    await until(async () => {
      expect(await hand.waiters()).toHaveLength(1)
    })
    const second = await enter(locks, wanted, options)
    const startedAt = performance.now()
    if (kind === "leave") controller.abort("enough")
    else if (kind !== "check") await hand.release(holder.token)
    const visits = [
      first.then(
        (lock) => section.visit("first", lock),
        (error: unknown) => {
          expect([kind, error]).toEqual(["leave", "enough"])
        },
      ),
      second.granted.then((lock) => section.visit("second", lock)),
    ]
    if (kind === "leave") {
      await expect(first).rejects.toBe("enough")
      await hand.release(holder.token)
    }
    await Promise.all(visits)
    // A late request may hold the lock once more, for nobody.
    await proxy.settled()
    const last = await locks({ ...options, wait: BOUND_MS }).acquire(wanted)
    await section.visit("last", last)
    expect(performance.now() - startedAt).toBeLessThan(BOUND_MS)
    const expected = kind === "leave" ? ["second", "last"] : ["first", "second", "last"]
    expect([...section.visits].sort()).toEqual([...expected].sort())
    proxy.plan = nothing
    await expectBounded(hand, TTL_MS)
  })
}
