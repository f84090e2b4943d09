// Streams that are refused, cut, silent, garbled and split: a waiter falls back to polling, and is never lost.
import { expect, test } from "vitest"
import type { Lab } from "../contract/lab.js"
import { always, type Fault } from "../support/fault-proxy.js"
import {
  byHand,
  enter,
  expectFree,
  LONGEST_POLL_MS,
  type MakeManager,
  msUntil,
  SLACK_MS,
  until,
  untilListening,
} from "./line.js"

/** The longest that a waiter without a stream goes without a check: as long as one whose client hides the end of its stream. */
function longestPauseMs({ variant }: Lab): number {
  return variant.client === "fetch client" ? LONGEST_POLL_MS : 5_000
}

const REFUSALS: readonly (readonly [string, Fault])[] = [
  ...[400, 404, 405, 500].map((status) => [`a ${String(status)}`, refusal(status)] as const),
  ["a 200 with JSON", refusal(200, '{"result":null}')],
  ["no answer", { kind: "hang", executed: false, after: "nothing" }],
  ["a broken connection", { kind: "request-lost", by: "reset" }],
  ["a stream that is never confirmed", { kind: "stream-stalled", after: "headers" }],
]

function refusal(status: number, body = '{"error":"ERR no streams"}'): Fault {
  const headers = { "content-type": "application/json" }
  return { kind: "replaced", executed: false, status, body, headers }
}

const HARMS: readonly (readonly [string, Fault])[] = [
  ["ends", { kind: "stream-cut", afterMs: 300, by: "end" }],
  ["is reset", { kind: "stream-cut", afterMs: 300, by: "reset" }],
  ["ends before it was confirmed", { kind: "stream-cut", afterMs: 0, by: "end" }],
  ["is silent", { kind: "stream-stalled", after: "confirmation" }],
  ["is garbled", { kind: "stream-garbled", text: "data: garbage\n\n" }],
  ["is HTML", { kind: "stream-garbled", text: "<html><body>502</body></html>\n" }],
  [
    "sends an invalid message",
    { kind: "stream-garbled", text: "data: message,x,granted soon\n\n" },
  ],
]

export function streams(lab: () => Lab): void {
  test.for(REFUSALS)(
    "a waiter still gets the lock if its stream request meets %s",
    async ([, fault]) => {
      const { locks, proxied, name } = lab()
      const { proxy, locks: behindProxy } = await proxied()
      proxy.plan = always("SUBSCRIBE", fault)
      const lock = await locks().acquire(name())
      const { granted } = await enter(behindProxy, lock.name, { timeout: 1_500 })
      const releasedAt = performance.now()
      await lock.release()
      expect(await msUntil(granted, releasedAt)).toBeLessThan(longestPauseMs(lab()) + SLACK_MS)
      await (await granted).release()
      await expectFree(byHand(lab(), lock.name))
    },
  )

  test.for(HARMS)("a waiter whose stream %s is not lost", async ([, fault]) => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    proxy.plan = always("SUBSCRIBE", fault)
    // A silent stream cannot be noticed, but the end of the holder's ttl can.
    const ttl = 2_500
    const lock = await locks({ ttl, renew: true }).acquire(name())
    const { granted } = await enter(behindProxy, lock.name)
    await new Promise((resolve) => setTimeout(resolve, 400))
    const releasedAt = performance.now()
    await lock.release()
    const bound = Math.max(ttl, longestPauseMs(lab()))
    expect(await msUntil(granted, releasedAt)).toBeLessThan(bound + SLACK_MS)
    await (await granted).release()
    await expectFree(byHand(lab(), lock.name))
  })

  test.for([1, 2, 7, 31])(
    "a stream that arrives in pieces of %i bytes delivers the same messages",
    async (bytes) => {
      const { locks, proxied, name } = lab()
      const { proxy, locks: behindProxy } = await proxied()
      proxy.plan = always("SUBSCRIBE", { kind: "stream-split", bytes })
      const lock = await locks().acquire(name())
      const { granted } = await enter(behindProxy, lock.name)
      await untilListening(proxy)
      const releasedAt = performance.now()
      await lock.release()
      expect(await msUntil(granted, releasedAt)).toBeLessThan(SLACK_MS)
      expect(proxy.seen("acquire")).toEqual([])
      await (await granted).release()
    },
  )
}

/** Tests only for a client that notices the faults of its streams: the built-in one. */
export function noticedStreams(lab: () => Lab): void {
  test("a server without streams is asked for one only once, a server that fails each time", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    const lock = await locks().acquire(name())
    for (const [status, asked] of [
      [500, 2],
      [404, 1],
    ] as const) {
      proxy.log.length = 0
      proxy.plan = always("SUBSCRIBE", refusal(status))
      const manager = behindProxy({ wait: 1_000 })
      for (let i = 0; i < 2; i++) {
        await expect(manager.acquire(lock.name)).rejects.toMatchObject({ name: "LockTimeoutError" })
      }
      expect(proxy.seen("SUBSCRIBE")).toHaveLength(asked)
    }
    await lock.release()
  })

  test("the end of a stream is noticed when it happens", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    proxy.plan = always("SUBSCRIBE", { kind: "stream-cut", afterMs: 300 })
    const lock = await locks().acquire(name())
    const { granted } = await enter(behindProxy, lock.name)
    // It checks at once, and polls from then on.
    const deadline = performance.now() + 1_500
    while (proxy.seen("acquire").length < 2 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(proxy.seen("acquire").length).toBeGreaterThanOrEqual(2)
    await lock.release()
    await (await granted).release()
  })

  test("a waiter that missed a grant in silence does not miss the next one", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    proxy.plan = always("SUBSCRIBE", { kind: "stream-stalled", after: "confirmation" })
    // The deaf waiter checks when this would end, which is after its lease.
    const lock = await locks().acquire(name(), { ttl: 6_000, renew: false })
    const deaf = await enter(behindProxy, lock.name)
    await untilListening(proxy)
    const next = await enter(locks, lock.name)
    const last = await enter(locks, lock.name)
    await lock.release()
    const other = await next.granted
    const hand = byHand(lab(), lock.name)
    const before = proxy.seen("acquire").length
    // It is back in the queue, and is served before the waiter that came after it.
    while (((await hand.waiters()) as unknown[]).length < 2) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(proxy.seen("acquire").length).toBeGreaterThan(before)
    const releasedAt = performance.now()
    await other.release()
    expect(await msUntil(deaf.granted, releasedAt)).toBeLessThan(1_000 + SLACK_MS)
    await (await deaf.granted).release()
    await (await last.granted).release()
    await expectFree(hand)
  })

  test("a waiter that counted as dead is notified, and returns to its place at once", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    const first = await enter(locks, lock.name)
    const second = await enter(locks, lock.name)
    const line = (await hand.waiters()) as string[]
    const [entry = ""] = line
    const [channel = "", waiter = ""] = entry.split(" ")[1]?.split(".") ?? []
    await until(async () => {
      expect(await command("PUBSUB", "NUMSUB", channel)).toEqual([channel, 1])
    })
    await command("ZREM", hand.key("queue"), entry)
    await command("PUBLISH", channel, `${waiter} next 0`)
    const isBack = async () => {
      expect(await hand.waiters()).toEqual(line)
    }
    // By itself it would check after some ten seconds.
    await until(isBack, SLACK_MS)
    const releasedAt = performance.now()
    await lock.release()
    expect(await msUntil(first.granted, releasedAt)).toBeLessThan(longestPauseMs(lab()) + SLACK_MS)
    await (await first.granted).release()
    await (await second.granted).release()
    await expectFree(hand)
  })
}

/** A server whose scripts cannot publish, simulated by a custom fetch. */
export function unpublished(lab: () => Lab): void {
  test("a message that a script cannot publish is published by its caller", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const fetchWithout = (url: string, init: RequestInit) => {
      const body = typeof init.body === "string" ? init.body : ""
      const isScript = body.startsWith('["EVAL"')
      const sent = isScript ? body.replaceAll('\\"PUBLISH\\"', '\\"UNKNOWN\\"') : body
      return fetch(url, { ...init, body: sent })
    }
    const manager: MakeManager = (options) => locks({ ...options, fetch: fetchWithout })
    const lock = await manager().acquire(name())
    const first = await enter(manager, lock.name)
    const second = await enter(manager, lock.name)
    const releasedAt = performance.now()
    await lock.release()
    expect(await msUntil(first.granted, releasedAt)).toBeLessThan(SLACK_MS)
    const messages = proxy.seen("PUBLISH").map(({ commands }) => commands[0]?.[2])
    expect(messages).toEqual([expect.stringMatching(/^1 granted /), "1 next 3000"])
    await (await first.granted).release()
    await (await second.granted).release()
    expect(proxy.seen("PUBLISH")).toHaveLength(3)
    await expectFree(byHand(lab(), lock.name))
  })
}
