// One attempt to get a majority: the validity of a grant, the databases that note its fencing token, and the votes that are
// withdrawn.
import { describe, expect, test, vi } from "vitest"
import { QuorumAttempt } from "../../src/quorum/quorum-attempt.js"
import type { QuorumError } from "../../src/quorum/quorum-error.js"
import type { Grant, LockRequest } from "../../src/redis/store.js"
import { rejection } from "../support/outcomes.js"
import { LOCK_REQUEST } from "../support/request.js"
import {
  after,
  type DatabaseScript,
  fails,
  grants,
  hangs,
  isYoung,
  refuses,
  says,
  scriptedPanel,
} from "../support/scripted-databases.js"
import { useVirtualTime } from "../support/virtual-time.js"

const granting = { vote: [grants()], fence: [says("noted")] }
const refusing = { vote: [refuses()] }
const failing = { vote: [fails({}, "the connection broke")] }
const hanging = { vote: [hangs], fence: [hangs] }

useVirtualTime()

/** Starts the second attempt of a call; each database may take a second. */
function attempt(scripts: readonly DatabaseScript[], request: Partial<LockRequest> = {}) {
  const quorum = scriptedPanel(scripts)
  const running = new QuorumAttempt(quorum.nodes, { ...LOCK_REQUEST, ...request }, 2, 1_000).run()
  running.catch(() => undefined)
  return { ...quorum, running, grant: running as Promise<Grant> }
}

describe("a grant", () => {
  test("belongs to its attempt, and is not a lease that has to be extended at once", async () => {
    const { running, databases } = attempt([granting, granting, granting])
    const expected = { kind: "granted", token: "fl_a_b-2", isLease: false, fencingToken: undefined }
    expect(await running).toMatchObject(expected)
    for (const { of } of databases) {
      expect(of("vote")[0]?.args).toEqual(["fl_a_b", "2", "30000", "60000"])
    }
  })

  test("lasts no longer than the vote that ends first, and than the requested ttl", async () => {
    const short = { vote: [grants({ leftMs: 5_000 })] }
    const long = { vote: [grants({ leftMs: 60_000 })] }
    const first = await attempt([granting, short, hanging]).grant
    expect(first.validity.remainingMs).toBe(4_948)
    const second = await attempt([long, long, long]).grant
    expect(second.validity.remainingMs).toBe(29_698)
  })

  test("counts from before its votes were requested", async () => {
    const slow = { vote: [after(400, grants())] }
    const { grant } = attempt([slow, slow, slow])
    await vi.advanceTimersByTimeAsync(400)
    expect((await grant).validity.remainingMs).toBe(29_298)
  })

  test("whose ttl expired before it was known is a failure, and its votes are withdrawn", async () => {
    const slow = { vote: [after(200, grants())], fence: [after(200, says("noted"))] }
    const request = { ttlMs: 300, fencing: true }
    const { running, counts } = attempt([slow, slow, slow], request)
    await vi.runAllTimersAsync()
    expect(await rejection(running)).toMatchObject({
      message: "the lock's ttl was over before a majority had replied",
      outcome: "unknown",
      mayHaveBeenExecuted: false,
    })
    expect(counts("release")).toEqual([1, 1, 1])
  })

  test("withdraws nothing", async () => {
    const { grant, counts, works } = attempt([granting, granting, granting])
    await grant
    await vi.runAllTimersAsync()
    expect(counts("release")).toEqual([0, 0, 0])
    expect(works).toEqual([])
  })
})

describe("the unsettled requests at a grant", () => {
  /** When each of them is settled. */
  async function endsOf(scripts: readonly DatabaseScript[]) {
    const startedAt = Date.now()
    const { unsettled = [] } = await attempt(scripts).grant
    const ends = unsettled.map(({ settled }) => settled.then(() => Date.now() - startedAt))
    await vi.runAllTimersAsync()
    return Promise.all(ends)
  }

  test("include every vote without a reply, until it has come, however late", async () => {
    const soon = { vote: [after(500, grants())] }
    const late = { vote: [after(3_000, grants())] }
    expect(await endsOf([granting, granting, granting, soon, late])).toEqual([500, 3_000])
  })

  test("include every abandoned reply, until it has come or cannot come, and no other failure or refusal", async () => {
    const givenUp = (late: Promise<unknown>) => ({ vote: [fails({ unsettled: late })] })
    const comes = new Promise((resolve) => setTimeout(resolve, 3_000))
    const breaks = new Promise((_, reject) => setTimeout(reject, 2_000))
    const [one, two] = [givenUp(comes), givenUp(breaks)]
    const four = [granting, granting, granting, granting]
    expect(await endsOf([one, two, refusing, ...four])).toEqual([3_000, 2_000])
    expect(await endsOf([failing, refusing, refusing, ...four])).toEqual([])
  })
})

describe("an unsettled vote is undone", () => {
  /** The releases at each database after the grant is undone. */
  async function undone(last: DatabaseScript) {
    const { grant, counts } = attempt([granting, granting, last])
    const { unsettled = [] } = await grant
    const settled = Promise.allSettled(unsettled.map((each) => each.settled))
    await vi.runAllTimersAsync()
    await settled
    for (const { undo } of unsettled) await undo?.()
    return counts("release")
  }

  test("at its own database", async () => {
    expect(await undone({ vote: [after(500, grants())] })).toEqual([0, 0, 1])
    const late = Promise.resolve()
    expect(await undone({ vote: [after(500, fails({ unsettled: late }))] })).toEqual([0, 0, 1])
  })

  test("also if its client fails in another way than with a failure of the database", async () => {
    const dynamic = () => Promise.reject(new Error("dynamic"))
    expect(await undone({ vote: [after(500, dynamic)] })).toEqual([0, 0, 1])
  })

  test("only if it may have been given", async () => {
    expect(await undone({ vote: [after(500, refuses())] })).toEqual([0, 0, 0])
    expect(await undone({ vote: [after(500, isYoung(1_000))] })).toEqual([0, 0, 0])
  })
})

describe("a fencing token", () => {
  test("takes a second round, which may take as long as the votes: each round is one request", async () => {
    const slow = { vote: [after(900, grants())], fence: [after(900, says("noted"))] }
    const { running, databases } = attempt([slow, slow, slow], { fencing: true })
    await vi.advanceTimersByTimeAsync(1_800)
    expect(await running).toMatchObject({ kind: "granted" })
    expect(databases.map(({ of }) => of("fence")[0]?.timeoutMs)).toEqual([1_000, 1_000, 1_000])
  })

  test("is above all tokens that the majority has noted and no less than the server's time", async () => {
    const voting = (lastFence: number, micros: number) => ({
      ...granting,
      vote: [grants({ lastFence, micros })],
    })
    const byCounter = attempt([voting(7, 3), voting(9, 4), hanging], { fencing: true })
    expect(await byCounter.grant).toMatchObject({ fencingToken: 10 })
    const byClock = attempt([voting(7, 300), voting(9, 200), hanging], { fencing: true })
    expect(await byClock.grant).toMatchObject({ fencingToken: 300 })
    expect(byClock.databases[0]?.of("fence")[0]?.args).toEqual(["fl_a_b-2", "300"])
  })

  test("is noted by databases that gave their vote, or may still give it, and by no other", async () => {
    const fencing = { fencing: true }
    const some = attempt([failing, refusing, granting, granting, granting], fencing)
    await some.grant
    expect(some.counts("fence")).toEqual([0, 0, 1, 1, 1])
    const others = { ...hanging, fence: [says("noted")] }
    const all = attempt([granting, granting, granting, others, others], fencing)
    await all.grant
    expect(all.counts("fence")).toEqual([1, 1, 1, 1, 1])
  })

  test("is returned when a majority has noted it, whatever the others do", async () => {
    const mute = { ...granting, fence: [hangs] }
    const { grant } = attempt([mute, granting, granting, granting, mute], { fencing: true })
    expect(await grant).toMatchObject({ kind: "granted", fencingToken: 1 })
  })

  test("that no majority can note is not returned: the error has each reason, and the votes are withdrawn", async () => {
    const forgetful = { ...granting, fence: [says("gone")] }
    const { running, counts } = attempt([failing, refusing, granting, granting, forgetful], {
      fencing: true,
    })
    const error = (await rejection(running)) as QuorumError
    expect(error).toMatchObject({ name: "QuorumError", outcome: "unknown" })
    expect(error.failures).toMatchObject([
      { database: 0, reason: { message: "the connection broke", outcome: "unknown" } },
      { database: 1, reason: { message: "another holder has its vote", outcome: "unknown" } },
      { database: 4, reason: { message: "no longer has our vote", outcome: "unknown" } },
    ])
    await vi.runAllTimersAsync()
    expect(counts("release")).toEqual([1, 0, 1, 1, 1])
  })

  test("fails as soon as a majority can no longer note it", async () => {
    const mute = { ...granting, fence: [hangs] }
    const refused = { ...granting, fence: [fails()] }
    const { running } = attempt([mute, mute, refused, refused, refused], { fencing: true })
    const startedAt = Date.now()
    expect(await rejection(running)).toMatchObject({ name: "QuorumError" })
    expect(Date.now()).toBe(startedAt)
  })
})

describe("an attempt without a majority", () => {
  test("withdraws each vote that it got or may have got, under its own token, and no other", async () => {
    const young = { vote: [isYoung()] }
    const shut = { vote: [fails({ outcome: "refused", status: 401 })] }
    const scripts = [refusing, refusing, refusing, refusing, granting, failing, young, shut]
    const { running, counts, databases } = attempt([...scripts, refusing])
    expect(await running).toEqual({ kind: "busy", holderTtlMs: 20_000 })
    await vi.runAllTimersAsync()
    expect(counts("release")).toEqual([0, 0, 0, 0, 1, 1, 0, 0, 0])
    expect(databases[4]?.of("release")[0]?.args[0]).toBe("fl_a_b-2")
  })

  test("that was split withdraws its votes", async () => {
    const { running, counts } = attempt([
      granting,
      { vote: [refuses("b")] },
      { vote: [refuses("c")] },
    ])
    expect(await running).toMatchObject({ kind: "split", mayBeHeld: false })
    await vi.runAllTimersAsync()
    expect(counts("release")).toEqual([1, 0, 0])
  })

  test("that too many databases failed reports why, and withdraws votes that may have been given", async () => {
    const { running, counts } = attempt([failing, granting, failing])
    expect(await rejection(running)).toMatchObject({
      message: "no majority of 3 databases: [0] the connection broke; [2] the connection broke",
    })
    await vi.runAllTimersAsync()
    expect(counts("release")).toEqual([1, 1, 1])
  })

  test("withdraws a vote that comes late: at its deadline, and again when it has come", async () => {
    const late = { vote: [after(3_000, grants())] }
    const { databases, works } = attempt([refusing, refusing, late])
    const startedAt = Date.now()
    await vi.runAllTimersAsync()
    const times = databases[2]?.of("release").map(({ atMs }) => atMs - startedAt)
    expect(times).toEqual([1_000, 3_000])
    await Promise.all(works)
  })

  test("withdraws a failed vote only once if no reply can come any more", async () => {
    const { counts } = attempt([refusing, refusing, failing])
    await vi.runAllTimersAsync()
    expect(counts("release")).toEqual([0, 0, 1])
  })

  test("does not wait for the withdrawals, and passes them to waitUntil", async () => {
    const slow = { ...granting, release: [after(400, says(["released", 0]))] }
    const own: Promise<unknown>[] = []
    const { running, works } = attempt([refusing, refusing, slow], {
      waitUntil: (work) => own.push(work),
    })
    const startedAt = Date.now()
    await running
    expect(Date.now()).toBe(startedAt)
    expect(works).toEqual([])
    const ended = Promise.all(own).then(() => Date.now() - startedAt)
    await vi.runAllTimersAsync()
    expect(own).toHaveLength(1)
    expect(await ended).toBe(400)
  })

  test("that ends with a programming error withdraws its votes, and its background work does not reject", async () => {
    const mistake = new TypeError("ours")
    const broken = { vote: [() => Promise.reject(mistake)] }
    const slow = { vote: [after(500, grants())] }
    const { running, counts, works } = attempt([broken, granting, slow])
    expect(await rejection(running)).toBe(mistake)
    await vi.runAllTimersAsync()
    expect(counts("release")).toEqual([0, 1, 1])
    expect(await Promise.all(works)).toHaveLength(1)
  })
})
