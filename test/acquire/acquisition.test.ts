// One acquire call, step by step, with a scripted store and a clock that the test moves.
import { getEventListeners } from "node:events"
import { describe, expect, test, vi } from "vitest"
import { OpenHolds } from "../../src/hold/hold-monitor.js"
import { LockBackendError, LockClosedError, LockTimeoutError } from "../../src/index.js"
import type { Busy, Grant, LockQueue, LockStore, Notice, Queued } from "../../src/redis/store.js"
import { now, SHORTEST_DEADLINE_MS } from "../../src/time/validity.js"
import { Acquisition } from "../../src/acquire/acquisition.js"
import type { AcquisitionRequest } from "../../src/acquire/attempts.js"
import { recorder, rejection } from "../support/outcomes.js"
import { REQUEST } from "../support/request.js"
import {
  busy,
  failed,
  grant,
  granted,
  type Script,
  scriptedStore,
} from "../support/scripted-store.js"
import { freeze, useVirtualTime } from "../support/virtual-time.js"

/** Starts a call; `asked` lists the requests to the store and the millisecond of each. */
function start(
  script: Script,
  request: Partial<AcquisitionRequest> = {},
  parts: Partial<LockStore> = {},
) {
  const startedAt = Date.now()
  const store = { ...scriptedStore(script), ...parts }
  const { onEvent, events } = recorder()
  const cleanUps = { begun: 0, ended: 0 }
  const waitUntil = (work: Promise<unknown>) => {
    cleanUps.begun++
    void work.then(() => cleanUps.ended++)
  }
  const running = new Acquisition(store, { ...REQUEST, ...request, waitUntil }, onEvent).run()
  running.catch(() => undefined)
  const asked = () =>
    store.asked.map(({ operation, atMs }) => `${operation} at ${String(atMs - startedAt)}`)
  return { store, running, asked, events, cleanUps }
}

/** A queue in which a waiter waits forever, or gets the given answer. */
function queueOf(enqueue: () => Promise<Grant | Queued>, parts: Partial<LockQueue> = {}) {
  const left: string[] = []
  const queue: LockQueue = {
    isListening: false,
    hearingAt: () => "poll",
    waiter: (request) => ({ ...request, address: undefined, leaseMs: 5_000 }),
    mailbox: () => {
      throw new Error("it polls")
    },
    look: () => Promise.resolve(60_000),
    enqueue,
    check: enqueue,
    leave: ({ token }) => {
      left.push(token)
      return Promise.resolve()
    },
    listen: () => Promise.reject(new Error("it does not listen")),
    ...parts,
  }
  return { queue, left }
}

const queued = (): Promise<Queued> =>
  Promise.resolve({
    kind: "queued",
    holderTtlMs: 60_000,
    isForeign: false,
    place: 3,
    ticket: "1",
    serverTime: { sentAt: now(), micros: 1 },
  })

const untilSettled = () => vi.advanceTimersByTimeAsync(120_000)

useVirtualTime()

describe("waiting", () => {
  test("pauses double up to two seconds while the holder's ttl is longer", async () => {
    const { running, asked } = start({ tryAcquire: [busy(), busy(60_000)] }, { waitMs: 9_000 })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockTimeoutError)
    const at = [100, 300, 700, 1_500, 3_100, 5_100, 7_100, 9_000]
    expect(asked()).toEqual(["tryAcquire at 0", ...at.map((ms) => `tryAcquire at ${String(ms)}`)])
  })

  test("the pause is the holder's remaining ttl if that is shorter", async () => {
    const { running, asked } = start({
      tryAcquire: [busy(), busy(60_000), busy(60_000), busy(60_000), busy(120), granted()],
    })
    await untilSettled()
    await running
    expect(asked().slice(-2)).toEqual(["tryAcquire at 1500", "tryAcquire at 1621"])
  })

  test("a holder whose key never expires is waited for with backoff alone", async () => {
    const { running, asked } = start({ tryAcquire: [busy(), busy(Infinity), granted()] })
    await untilSettled()
    await running
    expect(asked()).toEqual(["tryAcquire at 0", "tryAcquire at 100", "tryAcquire at 300"])
  })

  test("an interval replaces the backoff, with one more attempt at the end of the wait", async () => {
    const request = { intervalMs: 250, waitMs: 600 }
    const { running, asked } = start({ tryAcquire: [busy(), busy(9_000)] }, request)
    await untilSettled()
    await expect(running).rejects.toMatchObject({ requests: 4, waitedMs: 600 })
    expect(asked()).toEqual([
      "tryAcquire at 0",
      "tryAcquire at 250",
      "tryAcquire at 500",
      "tryAcquire at 600",
    ])
  })

  test("a spin lock keeps its interval after an ambiguous outcome", async () => {
    const script = { tryAcquire: [failed(), busy(1), granted()] }
    const { running, asked } = start(script, { intervalMs: 250 })
    await untilSettled()
    await running
    expect(asked()).toEqual(["tryAcquire at 0", "tryAcquire at 100", "tryAcquire at 350"])
  })

  test("a call that was definitely refused the lock cleans nothing up", async () => {
    const { running, store } = start({ tryAcquire: [busy(), busy(9e9)] }, { waitMs: 1_000 })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockTimeoutError)
    expect(store.count("release")).toBe(0)
  })

  test("its start and its end are events, with the place if there is a queue; a try without a wait only has an end", async () => {
    const script = { tryAcquire: [busy(), busy(9_000)] }
    const looking = start(script, { waitMs: 0 })
    const spinning = start(script, { waitMs: 500 })
    const { queue } = queueOf(queued)
    const waiting = start(script, { waitMs: 500 }, { queue })
    const inQueueNot = start(script, { waitMs: 500, intervalMs: 100 }, { queue })
    await untilSettled()
    const end = {
      type: "not-granted",
      name: "a",
      waitedMs: 500,
      reason: "timeout",
      wasQueued: true,
    }
    expect(looking.events).toEqual([
      { ...end, reason: "busy", waitedMs: 0, requests: 1, wasQueued: false },
    ])
    const number = expect.any(Number) as number
    for (const { events, place } of [
      { ...spinning, place: undefined },
      { ...waiting, place: 3 },
      { ...inQueueNot, place: undefined },
    ]) {
      expect(events).toEqual([
        { type: "queued", name: "a", place },
        { ...end, waitedMs: number, requests: number },
      ])
    }
  })

  test("a waiter that gives up leaves the queue, which also releases the lock if it was granted", async () => {
    const { queue, left } = queueOf(queued)
    const { running, store } = start({}, { waitMs: 500 }, { queue })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockTimeoutError)
    expect(left).toEqual(["fl_a_b"])
    expect(store.asked).toEqual([])
  })

  test.each([
    ["leaves nothing behind, and so sends nothing", 401, []],
    ["leaves the queue if it may be in it", 400, ["fl_a_b"]],
  ])("a caller whose first request is refused %s", async (_, status, expected) => {
    const { queue, left } = queueOf(failed({ outcome: "refused", status }))
    const { running } = start({}, {}, { queue })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(left).toEqual(expected)
  })
})

describe("a manager that is closed", () => {
  test("ends a wait at once, and leaves the queue", async () => {
    const open = new OpenHolds()
    const { queue, left } = queueOf(queued)
    const { running, events } = start({}, { open }, { queue })
    await vi.advanceTimersByTimeAsync(10)
    await Promise.all([open.close(1_000), vi.advanceTimersByTimeAsync(0)])
    expect(await rejection(running)).toBeInstanceOf(LockClosedError)
    expect(left).toEqual(["fl_a_b"])
    expect(events.at(-1)).toMatchObject({ type: "not-granted", reason: "closed" })
  })

  test("ends a call after its request, and releases what that was granted", async () => {
    const open = new OpenHolds()
    let answer: (reply: Grant) => void = () => undefined
    const take = new Promise<Grant>((resolve) => (answer = resolve))
    const release = [() => Promise.resolve("released" as const)]
    const { running, store } = start({ tryAcquire: [() => take], release }, { open })
    let isClosed = false
    const closing = open.close(1_000).then(() => (isClosed = true))
    await vi.advanceTimersByTimeAsync(0)
    expect(isClosed).toBe(false)
    answer(grant(30_000))
    expect(await rejection(running)).toBeInstanceOf(LockClosedError)
    await closing
    expect(store.count("release")).toBe(1)
  })
})

test.each([
  ["busy", { waitMs: 0 }, busy()],
  ["timeout", { waitMs: 500 }, busy()],
  ["error", { waitMs: 500 }, failed({ outcome: "refused", status: 400 })],
  ["error", { waitMs: 500 }, () => Promise.reject(new TypeError("ours"))],
  ["aborted", { waitMs: 500, signal: AbortSignal.abort("no") }, busy()],
] as const)("a call that is not granted the lock says why: %s", async (reason, request, answer) => {
  const script = { tryAcquire: [answer], release: [() => Promise.resolve("gone" as const)] }
  const { running, events } = start(script, request)
  await untilSettled()
  await rejection(running)
  expect(events.at(-1)).toMatchObject({ type: "not-granted", name: "a", reason })
})

test("an error is not an abort, although the signal aborts before it is reported", async () => {
  const controller = new AbortController()
  const mistake = new TypeError("ours")
  const store = scriptedStore({ tryAcquire: [() => Promise.reject(mistake)] })
  const { onEvent, events } = recorder()
  const waitUntil = () => {
    controller.abort("late")
  }
  const request = { ...REQUEST, signal: controller.signal, waitUntil }
  expect(await rejection(new Acquisition(store, request, onEvent).run())).toBe(mistake)
  expect(controller.signal.aborted).toBe(true)
  expect(events).toMatchObject([{ type: "not-granted", reason: "error" }])
})

test("a call needs neither a listener nor waitUntil", async () => {
  const { queue, left } = queueOf(queued)
  const store = { ...scriptedStore({ tryAcquire: [busy(), granted()] }), queue }
  const spinning = new Acquisition(store, { ...REQUEST, intervalMs: 50 }, undefined).run()
  const giving = rejection(new Acquisition(store, { ...REQUEST, waitMs: 500 }, undefined).run())
  await untilSettled()
  expect((await spinning).grant).toMatchObject({ kind: "granted" })
  expect(await giving).toBeInstanceOf(LockTimeoutError)
  expect(left).toEqual(["fl_a_b"])
})

test("a wait that ends with a grant leaves no listener on the caller's signal", async () => {
  const { signal } = new AbortController()
  const { running } = start({ tryAcquire: [busy(), granted()] }, { signal })
  await untilSettled()
  await running
  expect(getEventListeners(signal, "abort")).toEqual([])
})

describe("a queue whose waiters listen", () => {
  const listening = (isOpen: boolean) => {
    const joined: ((notice: Notice) => void)[] = []
    const parts: Partial<LockQueue> = {
      isListening: isOpen,
      hearingAt: () => "stream",
      waiter: (request) => ({ ...request, address: "c.1", leaseMs: 5_000 }),
      mailbox: (_, onNotice) => {
        joined.push(onNotice)
        const nothing = () => undefined
        return { isOpen, open: () => Promise.resolve(), close: nothing, distrust: nothing }
      },
    }
    return { joined, parts }
  }

  test("delivers a grant that comes before the reply to the first request, if its stream was open", async () => {
    const { joined, parts } = listening(true)
    let reply: (queued: Queued) => void = () => undefined
    const place = await queued()
    const { queue } = queueOf(() => new Promise((resolve) => (reply = resolve)), parts)
    const { running } = start({}, {}, { queue })
    await vi.advanceTimersByTimeAsync(0)
    const facts = { micros: 2, leaseMs: 5_000, fencingToken: undefined, receivedAt: now() }
    for (const onNotice of joined) onNotice({ kind: "granted", ...facts })
    reply(place)
    await vi.advanceTimersByTimeAsync(0)
    expect(await running).toMatchObject({ grant: { isLease: true } })
  })

  test("is not joined by a call that is granted the lock at once, before any stream is open", async () => {
    const { joined, parts } = listening(false)
    const { queue } = queueOf(() => Promise.resolve(grant(30_000)), parts)
    await start({}, {}, { queue }).running
    expect(joined).toEqual([])
  })

  test("is not left by a caller that was refused before it had a place", async () => {
    const { parts } = listening(true)
    const { queue, left } = queueOf(failed({ outcome: "refused", status: 401 }), parts)
    const { running } = start({}, {}, { queue })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(left).toEqual([])
  })

  test("is not left by a call that never entered it: its clean-up releases the lock", async () => {
    const { queue, left } = queueOf(queued)
    const script = { tryAcquire: [failed()], release: [() => Promise.resolve("gone" as const)] }
    const { running, store } = start(script, { waitMs: 0 }, { queue })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(store.count("release")).toBe(1)
    expect(left).toEqual([])
  })
})

test.each([
  [
    "leaves its place, after a refusal while it waits",
    [queued, failed({ outcome: "refused", status: 401 })],
    1,
  ],
  [
    "has none to leave, after a refusal of its first request",
    [failed({ outcome: "refused", status: 401 })],
    0,
  ],
] as const)("a waiter %s", async (_, answers, times) => {
  let asked = 0
  const { queue, left } = queueOf(() => (answers[asked++] ?? queued)())
  const { running } = start({}, { waitMs: 9_000 }, { queue })
  await untilSettled()
  await expect(running).rejects.toBeInstanceOf(LockBackendError)
  expect(left).toHaveLength(times)
})

describe("ambiguous outcomes", () => {
  test("do not end a wait without a queue, which rides out an outage", async () => {
    const away = Array<() => Promise<never>>(6).fill(failed())
    const { running } = start({ tryAcquire: [busy(60_000), ...away, granted()] })
    await untilSettled()
    expect((await running).grant).toMatchObject({ kind: "granted" })
  })

  test("that come a little after their deadline end the call with its time: the process was not frozen", async () => {
    const late = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_000 + SHORTEST_DEADLINE_MS))
      return failed()()
    }
    const release = [() => Promise.resolve("gone" as const)]
    const { running, store } = start({ tryAcquire: [late], release }, { waitMs: 0 })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(store.count("tryAcquire")).toBe(1)
  })

  test("are resolved by a retry that recognizes its own lock", async () => {
    const { running, asked, events } = start({ tryAcquire: [failed(), granted()] })
    await untilSettled()
    await running
    expect(events).toMatchObject([{ type: "granted", requests: 2, waitedMs: 100 }])
    expect(asked()).toEqual(["tryAcquire at 0", "tryAcquire at 100"])
  })

  test("fail the call after three in a row, however long the wait", async () => {
    const script = { tryAcquire: [failed(), failed()], release: [failed()] }
    const { running, store } = start(script, { waitMs: Infinity })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(store.count("tryAcquire")).toBe(3)
  })

  test("do not include a programming error, which is thrown unchanged at once", async () => {
    const mistake = new TypeError("ours")
    const { running, store } = start({ tryAcquire: [() => Promise.reject(mistake)] })
    expect(await rejection(running)).toBe(mistake)
    expect(store.count("tryAcquire")).toBe(1)
  })

  test("are cleaned up by at most five releases", async () => {
    const script = { tryAcquire: [failed(), failed()], release: [failed()] }
    const { running, store } = start(script)
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(store.count("release")).toBe(5)
  })

  test("are cleaned up by a release that is itself retried", async () => {
    const release = [failed(), failed(), () => Promise.resolve("gone" as const)]
    const { running, store } = start({ tryAcquire: [failed(), failed()], release })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(store.count("release")).toBe(3)
  })

  test("cost no more requests than the budget", async () => {
    const script = { tryAcquire: [failed(), failed()], release: [failed()] }
    const { running, store } = start(script, { maxRequests: 2 })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(store.count("tryAcquire")).toBe(2)
  })

  test("fail the call with the reason of the last attempt that had time for a response", async () => {
    // A pause of 100 ms does not fit into the remaining 50 ms.
    const script = { tryAcquire: [failed({ status: 502 })], release: [failed()] }
    const { running, store } = start(script, { waitMs: 0, timeoutMs: 50 })
    await untilSettled()
    await expect(running).rejects.toMatchObject({ status: 502 })
    expect(store.count("tryAcquire")).toBe(1)
  })

  test("do not include a temporary refusal, which is retried within the wait, or three times in all without one", async () => {
    const passing = failed({ outcome: "refused", status: 400, refusal: "transient" })
    const patient = start({ tryAcquire: [...Array<typeof passing>(5).fill(passing), granted()] })
    const tryOnly = start({ tryAcquire: [passing], release: [failed()] }, { waitMs: 0 })
    await untilSettled()
    await patient.running
    expect(patient.store.count("tryAcquire")).toBe(6)
    await expect(tryOnly.running).rejects.toMatchObject({ status: 400 })
    expect(tryOnly.store.count("tryAcquire")).toBe(3)
  })

  test("do not include a permanent refusal, which fails the call at once", async () => {
    const take = [failed({ outcome: "refused", status: 400 })]
    const { running, store } = start({ tryAcquire: take, release: [failed()] })
    await expect(running).rejects.toMatchObject({ phase: "acquire", status: 400 })
    expect(store.count("tryAcquire")).toBe(1)
  })

  test("do not include a refused authorization, which needs no clean-up", async () => {
    const { running, store } = start({ tryAcquire: [failed({ outcome: "refused", status: 401 })] })
    await expect(running).rejects.toMatchObject({ status: 401 })
    await untilSettled()
    expect(store.count("release")).toBe(0)
  })

  test("a grant whose ttl expired on the way is requested again", async () => {
    const { running, store } = start({ tryAcquire: [granted(0), granted()] }, { waitMs: 0 })
    await untilSettled()
    expect((await running).grant).toMatchObject({ kind: "granted" })
    expect(store.count("tryAcquire")).toBe(2)
  })

  test("a grant whose ttl expired on the way counts as a failure and is released", async () => {
    const release = [() => Promise.resolve("released" as const)]
    const { running, store } = start({ tryAcquire: [granted(1), granted(1)], release })
    await untilSettled()
    await expect(running).rejects.toThrow(/ttl was over/)
    expect(store.count("release")).toBe(1)
  })
})

describe("late answers", () => {
  /** An attempt that timed out, and its late answer, which the test gives. */
  function givenUp() {
    let resolve: (answer: unknown) => void = () => undefined
    let reject: (error: Error) => void = () => undefined
    const late = new Promise((res, rej) => {
      resolve = res
      reject = rej
    })
    late.catch(() => undefined)
    return { answer: failed({ unsettled: late }), late, resolve, reject }
  }

  test("never release the lock that a later attempt of the same call was granted", async () => {
    const first = givenUp()
    const { running, store } = start({ tryAcquire: [first.answer, granted()] })
    await untilSettled()
    await running
    first.resolve(grant(30_000))
    await untilSettled()
    expect(store.count("release")).toBe(0)
  })

  test("are released if the call has failed", async () => {
    const attempts = [givenUp(), givenUp(), givenUp()]
    const release = [() => Promise.resolve("released" as const)]
    const { running, store, cleanUps } = start({
      tryAcquire: attempts.map(({ answer }) => answer),
      release,
    })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(store.count("release")).toBe(1)
    attempts[1]?.resolve(true)
    await untilSettled()
    expect(store.count("release")).toBe(2)
    expect(cleanUps.ended).toBe(0)
    for (const { reject } of attempts) reject(new Error("gave up"))
    await untilSettled()
    expect(store.count("release")).toBe(3)
    expect(cleanUps.ended).toBe(1)
  })

  test("that come while a release is in flight share one further release, which is sent after all of them", async () => {
    const attempts = [givenUp(), givenUp(), givenUp()]
    let answer: (result: "released") => void = () => undefined
    const slow = () => new Promise<"released">((resolve) => (answer = resolve))
    const script = { tryAcquire: attempts.map(({ answer }) => answer), release: [slow] }
    const { running, store } = start(script)
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    for (const { reject } of attempts) reject(new Error("gave up"))
    await untilSettled()
    expect(store.count("release")).toBe(1)
    answer("released")
    await untilSettled()
    expect(store.count("release")).toBe(2)
    answer("released")
    await untilSettled()
    expect(store.count("release")).toBe(2)
  })

  test("to a failing database cost one release each, beside the first five", async () => {
    const attempts = [givenUp(), givenUp(), givenUp()]
    const script = { tryAcquire: attempts.map(({ answer }) => answer), release: [failed()] }
    const { running, store } = start(script)
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(store.count("release")).toBe(5)
    for (const [i, { reject }] of attempts.entries()) {
      reject(new Error("gave up"))
      await untilSettled()
      expect(store.count("release")).toBe(6 + i)
    }
  })

  test("of attempts that were abandoned at the grant lead to a release when they come, as a result or as a failure", async () => {
    for (const how of ["resolve", "reject"] as const) {
      const vote = givenUp()
      const release = [() => Promise.resolve("gone" as const)]
      const take = () => Promise.resolve({ ...grant(30_000), unsettled: [{ settled: vote.late }] })
      const { running, store } = start({ tryAcquire: [take], release })
      const { noteUnsettled } = await running
      const withdrawals = noteUnsettled()()
      expect(withdrawals).toHaveLength(1)
      await untilSettled()
      expect(store.count("release")).toBe(0)
      vote[how](new Error("it came"))
      await Promise.all(withdrawals)
      expect(store.count("release")).toBe(1)
      expect(noteUnsettled()()).toEqual([])
    }
  })

  test("are undone in their own way if they have one, and the whole call is not", async () => {
    const vote = givenUp()
    const undo = vi.fn(() => Promise.resolve())
    const unsettled = [{ settled: vote.late, undo }]
    const take = () => Promise.resolve({ ...grant(30_000), unsettled })
    const { running, store } = start({ tryAcquire: [take] })
    const { noteUnsettled } = await running
    const withdrawals = noteUnsettled()()
    expect(undo).not.toHaveBeenCalled()
    vote.resolve(new Error("it came"))
    await Promise.all(withdrawals)
    expect(undo).toHaveBeenCalledOnce()
    expect(store.count("release")).toBe(0)
  })

  test("of a queued call lead to a leave after its grant, because a late enqueue takes a place", async () => {
    const attempt = givenUp()
    const answers = [attempt.answer, () => Promise.resolve(grant(30_000))]
    const enqueue = () => (answers.shift() ?? queued)() as Promise<Grant | Queued>
    const { queue, left } = queueOf(enqueue)
    const { running, store } = start({ tryAcquire: [busy()] }, {}, { queue })
    await untilSettled()
    const { noteUnsettled } = await running
    const withdrawals = noteUnsettled()()
    attempt.resolve("queued")
    await Promise.all(withdrawals)
    expect(left).toEqual(["fl_a_b"])
    expect(store.count("release")).toBe(0)
  })

  test("that are failures lead to a release too, since a client may have sent until then", async () => {
    const attempt = givenUp()
    const release = [() => Promise.resolve("released" as const)]
    const { running, store } = start({ tryAcquire: [attempt.answer], release }, { maxRequests: 1 })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    attempt.reject(new Error("fetch failed"))
    await untilSettled()
    expect(store.count("release")).toBe(2)
  })

  test("that came before the release cost no second release", async () => {
    const attempt = givenUp()
    const release = [() => Promise.resolve("released" as const)]
    attempt.reject(new Error("aborted"))
    const { running, store } = start({ tryAcquire: [attempt.answer], release }, { maxRequests: 1 })
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockBackendError)
    expect(store.count("release")).toBe(1)
  })
})

describe("the clean-up", () => {
  test("does not happen if the call was granted the lock", async () => {
    const { running, cleanUps } = start({ tryAcquire: [granted()] })
    await running
    expect(cleanUps).toEqual({ begun: 0, ended: 0 })
  })

  test("is passed to waitUntil, and ends at once if there is nothing to clean up", async () => {
    const { running, cleanUps } = start({ tryAcquire: [busy(9e9)] }, { waitMs: 0, maxRequests: 1 })
    await rejection(running)
    expect(cleanUps.begun).toBe(1)
    await vi.advanceTimersByTimeAsync(0)
    expect(cleanUps.ended).toBe(1)
  })

  test("ends with its release, and delays neither the failure of the call nor its rejection", async () => {
    const release = [
      () => new Promise<"gone">((resolve) => setTimeout(resolve, 500, "gone" as const)),
    ]
    const script = { tryAcquire: [failed({ outcome: "refused", status: 400 })], release }
    const { running, cleanUps } = start(script)
    expect(await rejection(running)).toBeInstanceOf(LockBackendError)
    await vi.advanceTimersByTimeAsync(499)
    expect(cleanUps).toEqual({ begun: 1, ended: 0 })
    await vi.advanceTimersByTimeAsync(1)
    expect(cleanUps.ended).toBe(1)
  })

  test("ends even if the database responds to no release", async () => {
    const script = {
      tryAcquire: [failed({ outcome: "refused", status: 400 })],
      release: [failed()],
    }
    const { running, cleanUps } = start(script)
    await rejection(running)
    await untilSettled()
    expect(cleanUps).toEqual({ begun: 1, ended: 1 })
  })
})

describe("aborts", () => {
  test("before the call send nothing", async () => {
    const { running, asked, cleanUps } = start({}, { signal: AbortSignal.abort("no") })
    expect(await rejection(running)).toBe("no")
    expect(asked()).toEqual([])
    expect(cleanUps.begun).toBe(0)
  })

  test("end the pause of a spin lock at once, without a further attempt", async () => {
    const controller = new AbortController()
    const request = { signal: controller.signal, intervalMs: 5_000 }
    const { running, asked } = start({ tryAcquire: [busy()], release: [failed()] }, request)
    await vi.advanceTimersByTimeAsync(100)
    controller.abort("enough")
    expect(await rejection(running)).toBe("enough")
    await untilSettled()
    expect(asked().filter((what) => !what.startsWith("release"))).toEqual(["tryAcquire at 0"])
  })

  /** A call that is aborted while its first request is in flight. */
  function abortedMidway() {
    const controller = new AbortController()
    const reason = new Error("enough")
    let answer: (value: Grant | Busy) => void = () => undefined
    let fail: () => void = () => undefined
    const take = new Promise<Grant | Busy>((resolve, reject) => {
      answer = resolve
      fail = () => void failed()().catch(reject)
    })
    const release = [() => Promise.resolve("released" as const)]
    const script = { tryAcquire: [() => take], release }
    const call = start(script, { signal: controller.signal })
    controller.abort(reason)
    return { ...call, reason, answer, fail }
  }

  test("release the lock that the request in flight was granted, after its answer", async () => {
    const { running, store, reason, answer } = abortedMidway()
    expect(await rejection(running)).toBe(reason)
    await untilSettled()
    expect(store.count("release")).toBe(0)
    answer(grant(30_000))
    await untilSettled()
    expect(store.count("release")).toBe(1)
  })

  test("release the lock that the request in flight may have been granted", async () => {
    const { running, store, reason, fail } = abortedMidway()
    expect(await rejection(running)).toBe(reason)
    fail()
    await untilSettled()
    expect(store.count("release")).toBe(1)
  })

  test("leave the queue if the request in flight entered it", async () => {
    const controller = new AbortController()
    let reply: (queued: Queued) => void = () => undefined
    const place = await queued()
    const { queue, left } = queueOf(() => new Promise((resolve) => (reply = resolve)))
    const { running } = start({}, { signal: controller.signal }, { queue })
    controller.abort("enough")
    expect(await rejection(running)).toBe("enough")
    reply(place)
    await untilSettled()
    expect(left).toEqual(["fl_a_b"])
  })

  test("release nothing after a definite refusal", async () => {
    const { running, store, reason, answer } = abortedMidway()
    expect(await rejection(running)).toBe(reason)
    answer({ kind: "busy", holderTtlMs: 500 })
    await untilSettled()
    expect(store.count("release")).toBe(0)
  })
})

describe("deadlines", () => {
  test("a waiter that was frozen for longer than its wait tries once more, with the full timeout of a request", async () => {
    const { running, store } = start({ tryAcquire: [busy(), busy(60_000)] }, { waitMs: 5_000 })
    await vi.advanceTimersByTimeAsync(1_000)
    freeze(60_000)
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockTimeoutError)
    expect(store.asked.every(({ timeoutMs }) => timeoutMs === 1_000)).toBe(true)
  })

  test("a waiter that was frozen in the middle of a request tries again before it gives up", async () => {
    const lost = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return failed()()
    }
    const { running, store } = start({ tryAcquire: [lost, busy(60_000)] }, { waitMs: 5_000 })
    await vi.advanceTimersByTimeAsync(10)
    freeze(60_000)
    await untilSettled()
    await expect(running).rejects.toBeInstanceOf(LockTimeoutError)
    expect(store.asked.map(({ timeoutMs }) => timeoutMs).slice(0, 2)).toEqual([1_000, 900])
  })

  test("a wall clock that jumps by two hours neither ends a wait nor prolongs it", async () => {
    for (const jump of [7_200_000, -7_200_000]) {
      const { running, store } = start({ tryAcquire: [busy(), busy(Infinity)] }, { waitMs: 9_000 })
      await vi.advanceTimersByTimeAsync(1_000)
      vi.setSystemTime(Date.now() + jump)
      await vi.advanceTimersByTimeAsync(7_900)
      expect(store.count("tryAcquire")).toBe(8)
      await vi.advanceTimersByTimeAsync(200)
      await expect(running).rejects.toMatchObject({ name: "LockTimeoutError", waitedMs: 9_000 })
    }
  })

  test("no request gets more time than its timeout, the ttl, or one last request of the call", async () => {
    const limits = async (request: Partial<AcquisitionRequest>) => {
      const script = { tryAcquire: [busy(), busy(Infinity)] }
      const { running, store } = start(script, request)
      await untilSettled()
      await rejection(running)
      return store.asked.map(({ timeoutMs }) => timeoutMs)
    }
    expect(await limits({ timeoutMs: 700, waitMs: 0 })).toEqual([700])
    expect(await limits({ timeoutMs: 700, ttlMs: 40, waitMs: 0 })).toEqual([40])
    expect(await limits({ timeoutMs: 700, waitMs: 100 })).toEqual([700, 700])
  })
})
