// A wait in the queue, step by step: the messages, the checks of each message, and the time of each request.
import { type AcquisitionRequest, Attempts } from "../../src/acquire/attempts.js"
import { leaseMsFor } from "../../src/redis/queue.js"
import { QueueWait } from "../../src/acquire/queue-wait.js"
import { LockBackendError, LockTimeoutError } from "../../src/index.js"
import { RedisError } from "../../src/redis/redis-error.js"
import type { Busy, Grant, LockQueue, Notice, Queued } from "../../src/redis/store.js"
import { now } from "../../src/time/validity.js"
import { rejection } from "../support/outcomes.js"
import { REQUEST } from "../support/request.js"
import { grant } from "../support/scripted-store.js"
import { useVirtualTime } from "../support/virtual-time.js"
import { describe, expect, test, vi } from "vitest"

/** The server's clock when the place is given. */
const MICROS = 1_000_000

type Answer = Grant | Queued | Busy

const queued = (facts: Partial<Queued> = {}): Queued => ({
  kind: "queued",
  holderTtlMs: 50_000,
  isForeign: false,
  place: 3,
  ticket: "17",
  serverTime: { sentAt: now(), micros: MICROS },
  ...facts,
})

const busy: Busy = { kind: "busy", holderTtlMs: 0 }

const fail = () => {
  throw new RedisError("it is away", { outcome: "unknown" })
}

/** A message of a grant that arrives just now. */
const heard = (facts: Partial<Extract<Notice, { kind: "granted" }>> = {}): Notice => ({
  kind: "granted",
  micros: MICROS + 1,
  leaseMs: 3_000,
  fencingToken: undefined,
  receivedAt: now(),
  ...facts,
})

/** The requests of a waiter with a stream of its own. */
const STARTED = ["enqueue anew at 0", "listen at 0", "look at 0"]

/** Starts a wait; each request gets the next answer, the last answer repeats. */
function wait(
  answers: readonly (() => Answer)[],
  request: Partial<AcquisitionRequest> = {},
  listening: () => Promise<unknown> = () => Promise.resolve(),
  {
    noticesEnd = true,
    isOpen = false,
    wasListening = undefined as boolean | undefined,
    looking = undefined as (() => Promise<number | undefined>) | undefined,
  } = {},
) {
  const startedAt = Date.now()
  const asked: string[] = []
  const places: (number | undefined)[] = []
  const polling: string[] = []
  /** The channels of its enqueues, "-" for none. */
  const channels: string[] = []
  const stream = { within: 0, closed: 0, distrusted: 0 }
  let tell: (notice: Notice) => void = () => undefined
  let questions = 0
  /** What a look finds, by default. */
  let holderTtlMs = 0
  const answer = () => {
    const next = answers[Math.min(questions++, answers.length - 1)]
    return new Promise<Answer>((resolve) => {
      resolve(next?.() ?? busy)
    })
  }
  const note = (what: string) => asked.push(`${what} at ${String(Date.now() - startedAt)}`)
  const queue: LockQueue = {
    isListening: isOpen,
    hearingAt: (address) => (!address ? "poll" : noticesEnd ? "stream" : "subscriber"),
    waiter: (request, push, channel = "fetchlock-own") => {
      const address = push ? channel : undefined
      const leaseMs = leaseMsFor(queue.hearingAt(address), request.ttlMs)
      return { ...request, address, leaseMs }
    },
    mailbox: (_, onNotice) => {
      tell = onNotice
      return {
        isOpen,
        open: async (within, onRequest) => {
          onRequest()
          note("listen")
          stream.within = within
          await listening()
        },
        close: () => stream.closed++,
        distrust: () => {
          stream.closed++
          stream.distrusted++
        },
      }
    },
    look: async () => {
      note("look")
      return looking ? looking() : holderTtlMs
    },
    enqueue: ({ address = "-" }, ticket) => {
      channels.push(address)
      note(`enqueue ${ticket ?? "anew"}`)
      const reply = answer() as Promise<Grant | Queued>
      reply.then(
        (it) => {
          if (it.kind === "queued") ({ holderTtlMs } = it)
        },
        () => undefined,
      )
      return reply
    },
    check: (_, ticket) => {
      note(`check ${ticket}`)
      return answer()
    },
    leave: () => Promise.resolve(),
    listen: () => Promise.reject(new Error("it opens a mailbox")),
  }
  const all = { ...REQUEST, waitMs: 60_000, ...request }
  const attempts = new Attempts(all, (event) => {
    if (event.type === "queued") places.push(event.place)
    else if (event.type === "polling") polling.push(event.reason)
  })
  const waiter = queue.waiter(all, all.push, all.channel)
  const running = new QueueWait(queue, waiter, all, attempts).run(
    attempts.send((timeoutMs) => queue.enqueue(waiter, undefined, timeoutMs)),
    wasListening ?? isOpen,
  )
  running.catch(() => undefined)
  return {
    running,
    asked,
    places,
    polling,
    channels,
    stream,
    tell: (notice: Notice) => {
      tell(notice)
    },
  }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

useVirtualTime()

describe("a grant that arrives by message", () => {
  test("ends the wait without a request, as a lease, and closes the stream", async () => {
    const { running, asked, places, stream, tell } = wait([queued], { fencing: true })
    await pass(1_000)
    tell(heard({ fencingToken: 7 }))
    expect(await running).toMatchObject({ kind: "granted", isLease: true, fencingToken: 7 })
    expect(asked).toEqual(STARTED)
    expect(places).toEqual([3])
    expect(stream.closed).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test("is not a lease if it covers the whole ttl", async () => {
    const { running, tell } = wait([queued], { ttlMs: 2_000 })
    await pass(10)
    tell(heard({ leaseMs: 2_000 }))
    expect(await running).toMatchObject({ isLease: false })
  })

  test("is ignored if it is older than the reply that the lock is held by another caller", async () => {
    const older = wait([queued, () => grant(30_000)])
    const asOld = wait([queued])
    await pass(10)
    older.tell(heard({ micros: MICROS - 1 }))
    asOld.tell(heard({ micros: MICROS }))
    await older.running
    await asOld.running
    expect(older.asked.at(-1)).toBe("check 17 at 10")
    expect(asOld.asked).toEqual(STARTED)
  })

  test("is ignored if its lease was over on arrival", async () => {
    const { running, asked, tell } = wait([queued, () => grant(30_000)])
    await pass(5_000)
    // Granted when the place was given, five seconds ago.
    tell(heard({ micros: MICROS }))
    await running
    expect(asked.at(-1)).toBe("check 17 at 5000")
  })

  test.each([
    ["for longer than was asked for", { leaseMs: 3_001 }, {}],
    ["with a fencing token that was not", { fencingToken: 7 }, {}],
    ["without the fencing token that was", {}, { fencing: true }],
  ])(
    "%s is ignored: the waiter checks at once and closes its stream",
    async (_, facts, request) => {
      const { running, asked, stream, tell } = wait([queued, () => grant(30_000)], request)
      await pass(10)
      tell(heard(facts))
      await running
      expect(asked.at(-1)).toBe("check 17 at 10")
      expect(stream.closed).toBeGreaterThan(0)
    },
  )

  test("is accepted by a waiter that has no request left", async () => {
    const { running, asked, tell } = wait([queued], { maxRequests: 3 })
    await pass(10)
    tell(heard())
    await running
    expect(asked).toEqual(STARTED)
  })
})

describe("a waiter that listens", () => {
  test("checks when a check is due, and continues to listen", async () => {
    const { running, asked, stream, tell } = wait([() => queued({ holderTtlMs: 5_000, place: 0 })])
    await pass(5_001)
    expect(asked.at(-1)).toBe("check 17 at 5001")
    expect(stream.closed).toBe(0)
    tell(heard())
    await running
    expect(asked).toHaveLength(4)
  })

  test("checks when the announced lease of the next waiter is over", async () => {
    const stranger = () => queued({ isForeign: true, holderTtlMs: Infinity })
    const { asked, tell } = wait([stranger])
    await pass(1_000)
    tell({ kind: "next", leaseMs: 2_500 })
    await pass(4_000)
    expect(asked[3]).toBe("check 17 at 3501")
  })

  test("checks at once when its stream has ended soon, and polls from then on", async () => {
    const { asked, stream, tell } = wait([() => queued({ place: 0 })])
    await pass(999)
    tell({ kind: "end" })
    await pass(500)
    expect(stream.closed).toBe(1)
    expect(asked.slice(3, 5)).toEqual(["check 17 at 999", "check 17 at 1051"])
  })

  test("opens a stream that has ended once more, and looks whether it missed its grant", async () => {
    const { asked, stream, tell, polling } = wait([() => queued({ place: 0 })])
    await pass(1_000)
    tell({ kind: "end" })
    await pass(3_000)
    expect(asked.slice(3)).toEqual(["listen at 1000", "look at 1000"])
    expect([stream.closed, polling]).toEqual([0, []])
    tell({ kind: "end" })
    await pass(0)
    expect(asked.at(-1)).toBe("check 17 at 4000")
    expect([stream.closed, polling]).toEqual([1, ["ended"]])
  })

  test("checks once more when the wait is over", async () => {
    const { running, asked } = wait([queued], { waitMs: 2_000 })
    await pass(2_001)
    await expect(running).rejects.toBeInstanceOf(LockTimeoutError)
    expect(asked.slice(3)).toEqual(["check 17 at 2001"])
  })

  test("takes its old place again after a grant that it has missed, and no longer trusts its stream", async () => {
    const missed = [() => queued({ holderTtlMs: 1_000, place: 0 }), () => busy, () => grant(30_000)]
    const { running, asked, stream, channels } = wait(missed)
    await pass(1_001)
    await running
    expect(asked.slice(3)).toEqual(["check 17 at 1001", "enqueue 17 at 1001"])
    expect(stream).toMatchObject({ closed: 2, distrusted: 1 })
    // With the same entry: a late copy of the first request must not add a second one.
    expect(channels).toEqual(["fetchlock-own", "fetchlock-own"])
  })

  test("returns to its place if it was taken for dead, and continues to listen", async () => {
    const answers = [queued, () => busy, queued]
    const { running, asked, tell, stream, channels } = wait(answers)
    await pass(1_000)
    tell({ kind: "next", leaseMs: 0 })
    await pass(30)
    expect(asked.slice(3)).toEqual(["check 17 at 1025", "enqueue 17 at 1025"])
    expect(channels[1]).toBe(channels[0])
    expect(stream.closed).toBe(0)
    tell(heard())
    expect(await running).toMatchObject({ kind: "granted" })
  })

  test("no longer trusts its stream if it misses a grant after that", async () => {
    const answers = [queued, queued, () => busy, queued]
    const { tell, stream, channels } = wait(answers)
    await pass(1_000)
    tell({ kind: "next", leaseMs: 0 })
    await pass(30_000)
    // With the same entry: a late copy of the first request must not add a second one.
    expect(channels).toEqual(["fetchlock-own", "fetchlock-own"])
    expect(stream.closed).toBe(1)
  })

  test("gives a sign of life, however often it is notified as the next one", async () => {
    const { asked, tell } = wait([queued])
    for (let told = 0; told < 10; told++) {
      tell({ kind: "next", leaseMs: 3_000 })
      await pass(2_000)
    }
    await pass(1)
    expect(asked.slice(3)).toEqual(["check 17 at 20000"])
  })

  test("checks at once, and keeps its stream, if a message of a hold that it does not have arrives", async () => {
    const { asked, stream, tell, polling } = wait([queued])
    await pass(2_000)
    tell({ kind: "stolen" })
    await pass(0)
    expect(asked.slice(3)).toEqual(["check 17 at 2000"])
    expect([stream.closed, polling]).toEqual([0, []])
  })

  test("does not open a stream again after a message that none of our releases can have published", async () => {
    const { asked, stream, tell, polling } = wait([queued])
    await pass(2_000)
    tell(heard({ fencingToken: 7 }))
    tell({ kind: "end" })
    await pass(100)
    expect(asked.filter((what) => what.startsWith("listen"))).toHaveLength(1)
    expect(asked[3]).toBe("check 17 at 2000")
    expect(stream.closed).toBe(1)
    expect(polling).toEqual(["ended"])
  })

  test("reports the end of a stream for whose successor it has no request left", async () => {
    const { running, asked, tell, polling } = wait([queued], { maxRequests: 4 })
    await pass(2_000)
    tell({ kind: "end" })
    await expect(running).rejects.toBeInstanceOf(LockTimeoutError)
    expect(polling).toEqual(["ended"])
    expect(asked.slice(3)).toEqual(["check 17 at 2000"])
  })

  test("no longer trusts its stream if the grant that it missed was announced", async () => {
    const answers = [queued, () => busy, queued]
    const { asked, stream, tell } = wait(answers)
    await pass(1_000)
    tell({ kind: "next", leaseMs: 3_000 })
    await pass(3_100)
    expect(asked.slice(3, 5)).toEqual(["check 17 at 4001", "enqueue 17 at 4001"])
    expect(stream.distrusted).toBe(1)
  })

  test("no longer trusts a stream that was open before it came, and polls, once it misses a grant", async () => {
    const place = () => queued({ place: 0, holderTtlMs: 1_000 })
    const answers = [place, () => busy, () => queued({ place: 0 })]
    const { asked, stream } = wait(answers, {}, undefined, { isOpen: true })
    await pass(1_300)
    expect(asked.slice(1, 3)).toEqual(["check 17 at 1001", "enqueue 17 at 1001"])
    expect(asked.length).toBeGreaterThan(4)
    expect(stream.distrusted).toBe(1)
  })

  test("rides out an outage when it takes its old place again", async () => {
    const answers = [() => queued({ holderTtlMs: 500, place: 0 }), () => busy]
    const away = Array<() => Answer>(6).fill(fail)
    const { running } = wait([...answers, ...away, () => grant(30_000)])
    await pass(20_000)
    expect(await running).toMatchObject({ kind: "granted" })
  })

  test("goes on listening when its budget of requests is used up", async () => {
    const later = () => queued({ holderTtlMs: 1_000, place: 0 })
    const { running, asked, tell } = wait([later, () => queued()], { maxRequests: 4 })
    await pass(5_000)
    expect(asked.slice(3)).toEqual(["check 17 at 1001"])
    tell(heard({ micros: MICROS + 5_000_000 }))
    expect(await running).toMatchObject({ kind: "granted" })
  })

  test("checks more often if the client does not notice the end of a stream", async () => {
    const { asked } = wait([queued], {}, undefined, { noticesEnd: false })
    await pass(5_000)
    expect(asked.at(-1)).toBe("check 17 at 5000")
  })

  test("reports no place if it is granted the lock at once", async () => {
    const { running, places } = wait([() => grant(30_000)])
    await running
    expect(places).toEqual([])
  })
})

describe("the stream", () => {
  test("gets at most half of the wait to open, and no more than a request", async () => {
    const within = async (waitMs: number) => {
      const { stream } = wait([queued], { waitMs })
      await pass(1)
      return stream.within
    }
    expect([await within(60_000), await within(1_000)]).toEqual([1_000, 500])
  })

  test("is opened only if the budget covers the look as well", async () => {
    const [three, two] = [3, 2].map((maxRequests) => wait([queued], { maxRequests }))
    await pass(1)
    expect(three?.asked).toEqual(STARTED)
    expect(two?.asked).toEqual(["enqueue anew at 0"])
  })

  test("that is open already needs neither a request nor a look", async () => {
    const { running, asked, tell } = wait([queued], {}, undefined, { isOpen: true })
    await pass(10)
    tell(heard())
    await running
    expect(asked).toEqual(["enqueue anew at 0"])
  })

  test("that another waiter opened while the first request was under way is followed by a look", async () => {
    const looking = () => Promise.resolve(undefined)
    const facts = { isOpen: true, wasListening: false, looking }
    const { running, asked } = wait([queued, () => grant(3_000)], {}, undefined, facts)
    await pass(0)
    expect(await running).toMatchObject({ kind: "granted" })
    expect(asked).toEqual(["enqueue anew at 0", "look at 0", "check 17 at 0"])
  })

  test("delays neither the place nor, for more than a second, the first check", async () => {
    const never = () => new Promise(() => undefined)
    const { asked } = wait([() => queued({ place: 0 })], {}, never)
    await pass(1_010)
    expect(asked).toEqual(["enqueue anew at 0", "listen at 0", "check 17 at 1001"])
  })

  test("that stays unconfirmed does not keep the waiter from polling", async () => {
    const never = () => new Promise(() => undefined)
    const { asked, stream } = wait([() => queued({ place: 0 }), () => busy, queued], {}, never)
    await pass(2_000)
    expect(asked.slice(2, 4)).toEqual(["check 17 at 1001", "enqueue 17 at 1001"])
    expect(asked.length).toBeGreaterThan(5)
    // It may still open.
    expect(stream).toMatchObject({ closed: 0, distrusted: 0 })
  })

  test("that ends before the waiter knows that it is open is replaced by polling", async () => {
    let open: (value: unknown) => void = () => undefined
    const opening = new Promise((resolve) => {
      open = resolve
    })
    const { asked, stream, tell, polling } = wait([() => queued({ place: 0 })], {}, () => opening)
    await pass(10)
    tell({ kind: "end" })
    open(undefined)
    await pass(40)
    expect(polling).toEqual(["ended"])
    expect(stream.closed).toBe(1)
    expect(asked).toEqual(["enqueue anew at 0", "listen at 0", "check 17 at 35"])
  })

  test("that opens when the budget is used up is not followed by a look", async () => {
    let open: (value: unknown) => void = () => undefined
    const opening = new Promise((resolve) => {
      open = resolve
    })
    const { asked } = wait([() => queued({ place: 0 })], { maxRequests: 3 }, () => opening)
    await pass(1_010)
    expect(asked).toEqual(["enqueue anew at 0", "listen at 0", "check 17 at 1001"])
    open(undefined)
    await pass(10)
    expect(asked).toHaveLength(3)
  })

  test("of a wait goes on to the hold that watches: with its messages, and nothing else", async () => {
    const { running, tell, stream } = wait([queued], { channel: "fetchlock-own" })
    await pass(10)
    tell(heard())
    tell({ kind: "end" })
    const { stream: kept } = await running
    expect(stream.closed).toBe(0)
    const notices: unknown[] = []
    kept?.forward((notice) => notices.push(notice.kind))
    tell({ kind: "stolen" })
    expect(notices).toEqual(["end", "stolen"])
    kept?.close()
    expect(stream.closed).toBe(1)
  })

  test("of a wait goes on to the hold without the reply to a look that came too late", async () => {
    let look: (holderTtlMs: number | undefined) => void = () => undefined
    const looking = () =>
      new Promise<number | undefined>((resolve) => {
        look = resolve
      })
    const channel = "fetchlock-own"
    const { running, tell } = wait([queued], { channel }, undefined, { looking })
    await pass(10)
    tell(heard())
    const { stream: kept } = await running
    const notices: unknown[] = []
    kept?.forward((notice) => notices.push(notice.kind))
    look(50)
    await pass(1)
    expect(notices).toEqual([])
  })

  test("reveals by a look a grant that came before it was open: then a check takes it", async () => {
    const answers = [queued, () => grant(3_000)]
    const looking = () => Promise.resolve(undefined)
    const { running, asked } = wait(answers, {}, undefined, { looking })
    await pass(0)
    expect(await running).toMatchObject({ kind: "granted" })
    expect(asked).toEqual([...STARTED, "check 17 at 0"])
  })

  test("does not make the grant wait for its look", async () => {
    const { running, asked, tell } = wait([queued], {}, undefined, {
      looking: () => new Promise(() => undefined),
    })
    await pass(10)
    tell(heard())
    expect(await running).toMatchObject({ kind: "granted" })
    expect(asked).toEqual(STARTED)
  })

  /** A wait whose looks are answered by the test, in order, whenever it likes. */
  function waitLooking(answers: readonly (() => Answer)[]) {
    const looks: ((holderTtlMs: number | undefined) => void)[] = []
    const looking = () =>
      new Promise<number | undefined>((resolve) => {
        looks.push(resolve)
      })
    const listening = () => new Promise((resolve) => setTimeout(resolve, 5))
    return { ...wait(answers, {}, listening, { looking }), looks }
  }

  test("believes a look that is newer than all that it was told", async () => {
    const { asked, looks } = waitLooking([() => queued({ place: 0, holderTtlMs: 1_000 })])
    await pass(10)
    looks[0]?.(6_000)
    await pass(5_900)
    expect(asked).toHaveLength(3)
    await pass(200)
    expect(asked.at(-1)).toBe("check 17 at 6011")
  })

  test("does not believe a look in whose time a message came: it may be older", async () => {
    const { asked, looks, tell } = waitLooking([() => queued({ place: 1 })])
    await pass(10)
    // The holder released the lock after the look, and the lease that this message names is never extended.
    tell({ kind: "next", leaseMs: 1_000 })
    await pass(10)
    looks[0]?.(50_000)
    await pass(1_500)
    expect(asked.at(-1)).toBe("check 17 at 1011")
  })

  test("does not believe a look in whose time a check was answered: it may be older", async () => {
    const answers = [50, 1_000, 60_000].map(
      (holderTtlMs) => () => queued({ place: 0, holderTtlMs }),
    )
    const { asked, looks } = waitLooking(answers)
    await pass(60)
    expect(asked.at(-1)).toBe("check 17 at 51")
    looks[0]?.(50_000)
    await pass(1_000)
    expect(asked.slice(-2)).toEqual(["check 17 at 51", "check 17 at 1052"])
  })

  test("is followed by a check if its look fails", async () => {
    const looking = () => Promise.reject(new RedisError("lost", { outcome: "unknown" }))
    const { asked } = wait([queued], {}, undefined, { looking })
    await pass(1)
    expect(asked).toEqual([...STARTED, "check 17 at 0"])
  })

  test("is replaced by polling if it cannot be opened, except after a programming error", async () => {
    const lost = new RedisError("lost", { outcome: "unknown" })
    const { asked } = wait([() => queued({ place: 0 })], {}, () => Promise.reject(lost))
    await pass(35)
    expect(asked).toEqual(["enqueue anew at 0", "listen at 0", "check 17 at 35"])
    const mistake = new TypeError("ours")
    const failing = wait([queued], {}, () => Promise.reject(mistake))
    expect(await rejection(failing.running)).toBe(mistake)
  })

  test("that opens after an abort is closed", async () => {
    const controller = new AbortController()
    let open: (value: unknown) => void = () => undefined
    const opening = new Promise((resolve) => {
      open = resolve
    })
    const { running, stream } = wait([queued], { signal: controller.signal }, () => opening)
    await pass(1)
    controller.abort("enough")
    expect(await rejection(running)).toBe("enough")
    open(undefined)
    await pass(1)
    expect(stream.closed).toBe(1)
  })
})

describe("a waiter that polls although it prefers to listen", () => {
  test.each([
    ["refused", { outcome: "refused", status: 404 }],
    ["failed", { outcome: "unknown" }],
  ] as const)("reports that the stream was %s", async (reason, failure) => {
    const refusing = () => Promise.reject(new RedisError("no", failure))
    const { polling } = wait([queued], {}, refusing)
    await pass(10)
    expect(polling).toEqual([reason])
  })

  test("reports once that the stream has ended", async () => {
    const { polling, tell } = wait([queued])
    await pass(10)
    tell({ kind: "end" })
    await pass(5_000)
    expect(polling).toEqual(["ended"])
  })

  test("reports nothing if it was told to poll, or if it listens", async () => {
    const told = wait([queued], { push: false })
    const listening = wait([queued])
    await pass(10)
    expect([told.polling, listening.polling]).toEqual([[], []])
  })
})

test.each([true, false])(
  "a database that repeatedly reports a free lock is not flooded with requests (push: %s)",
  async (push) => {
    const { asked } = wait([() => queued({ holderTtlMs: 0, place: 0 })], { push })
    await pass(4_000)
    expect(asked.length).toBeLessThan(40)
  },
)

describe("an outage", () => {
  test("is survived within the wait: the waiter keeps its place", async () => {
    const away = Array<() => Answer>(8).fill(fail)
    const { running, asked } = wait([queued, ...away, queued, () => grant(30_000)], { push: false })
    await pass(20_000)
    expect(await running).toMatchObject({ kind: "granted" })
    expect(asked.slice(1).every((what) => what.startsWith("check 17"))).toBe(true)
  })

  test("of more than 30 s ends the wait as a failure of the database", async () => {
    const { running } = wait([queued, fail], { push: false, waitMs: Infinity })
    await pass(29_000)
    let isOver = false
    void running.catch(() => (isOver = true))
    await pass(0)
    expect(isOver).toBe(false)
    await pass(4_000)
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
  })

  test("that outlasts the wait ends with it, at most one request later", async () => {
    const { running } = wait([queued, fail], { push: false, waitMs: 5_000, timeoutMs: 1_000 })
    await pass(6_000)
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
  })
})

describe("a waiter that polls", () => {
  test("checks less and less often at the same place, and at the rate of the queue once the queue moves", async () => {
    const moved = () => queued({ place: 1 })
    const { asked } = wait([queued, queued, moved], { push: false })
    await pass(1_500)
    // 140 and 210 ms; then two places took 210 ms, and it is the second: 0.85 x 105 ms.
    const at = [140, 350, 439]
    expect(asked.slice(1, 4)).toEqual(at.map((ms) => `check 17 at ${String(ms)}`))
  })

  test("takes its old place again after a missed grant, too", async () => {
    const { running, asked } = wait([queued, () => busy, () => grant(30_000)], { push: false })
    await pass(200)
    await running
    expect(asked.slice(1)).toEqual(["check 17 at 140", "enqueue 17 at 140"])
  })

  test("gives up when its budget of requests is used up", async () => {
    const { running, asked } = wait([queued], { push: false, maxRequests: 1 })
    await expect(running).rejects.toBeInstanceOf(LockTimeoutError)
    expect(asked).toEqual(["enqueue anew at 0"])
  })
})
