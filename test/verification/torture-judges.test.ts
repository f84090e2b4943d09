// The judges of the torture test, on made-up histories: the verdict of each.
import { describe, expect, test, vi } from "vitest"
import * as scripts from "../../src/redis/lua/scripts.js"
import { bendWallClock } from "../../verification/torture/client/wall-clock.js"
import { Court } from "../../verification/torture/judges/court.js"
import { Random } from "../../verification/torture/random.js"
import { isConclusive, reportOf } from "../../verification/torture/report.js"
import { TIMEOUT_MS } from "../../verification/torture/times.js"
import { Belated } from "../../verification/torture/trouble/belated.js"

const START = 1_000_000
const CRASHES = { kills: 0, pauses: 0, restarts: 0 }

function open() {
  const court = new Court()
  court.begin(START)
  let visits = 0
  const wait = (name: string, from: number, until: number) => {
    const visit = visits++
    const terms = { waitMs: 10_000, ttlMs: 2_000 }
    court.note(1, { kind: "waits", visit, name, ...terms, at: START + from })
    court.note(1, { kind: "gave-up", visit, why: "timeout", at: START + until })
  }
  const hold = (name: string, from: number, until: number) => {
    const visit = visits++
    const terms = { waitMs: 10_000, ttlMs: 2_000 }
    const ends = { until: START + until, leftMs: until - from }
    court.note(2, { kind: "waits", visit, name, ...terms, at: START + from })
    const granted = { name, mode: "exclusive" as const, fence: undefined, ...ends }
    court.note(2, { kind: "granted", visit, ...granted, at: START + from })
    court.note(2, { kind: "ended", visit, at: START + until })
    court.note(2, { kind: "released", visit, result: "released", at: START + until })
  }
  const judged = (at: number) => {
    court.chronicle.end()
    court.advance(START + at)
    return court.violations.map(({ judge }) => judge)
  }
  return { court, wait, hold, judged }
}

describe("overlaps", () => {
  test("are two concurrent holds, but not two consecutive ones", () => {
    const one = open()
    one.hold("ledger-0", 0, 100)
    one.hold("ledger-0", 100, 200)
    expect(one.judged(10_000)).toEqual([])
    one.hold("ledger-0", 199, 300)
    expect(one.judged(10_000)).toEqual(["overlap"])
    expect(one.court.overlaps.judged).toBe(3)
  })

  test("of a semaphore are more holds than it has permits", () => {
    const { hold, judged } = open()
    for (const from of [0, 10, 20]) hold("gate-0", from, 100)
    expect(judged(10_000)).toEqual([])
    hold("gate-0", 30, 100)
    expect(judged(10_000)).toEqual(["overlap"])
  })
})

describe("results", () => {
  /** A run of a job, from its call to the note that its result is stored. */
  function openJobs() {
    const court = new Court()
    court.begin(START)
    let visits = 0
    const terms = { waitMs: 10_000, ttlMs: 2_000 }
    const run = (name: string, from: number, to: number, isSure = true) => {
      const visit = visits++
      const ends = { until: START + to, leftMs: to - from }
      court.note(1, { kind: "waits", visit, name, ...terms, at: START + from })
      const granted = { name, mode: "exclusive" as const, fence: undefined, ...ends }
      court.note(1, { kind: "granted", visit, ...granted, at: START + from + 5 })
      court.note(1, { kind: "ended", visit, at: START + to })
      court.note(1, { kind: "settled", visit, isSure, at: START + to + 5 })
      return `1 ${visit}`
    }
    const call = (
      name: string,
      from: number,
      of: string,
      source: "joined" | "remembered" = "joined",
    ) => {
      const visit = visits++
      court.note(2, { kind: "waits", visit, name, ...terms, at: START + from })
      court.note(2, { kind: "told", visit, run: of, source, at: START + from + 10 })
    }
    const found = () => {
      court.advance(START + 60_000)
      return court.violations.map(({ judge, what }) => `${judge}: ${what}`)
    }
    return { court, run, call, found }
  }

  test("is not reported for a run that the call joined or that is remembered", () => {
    const { court, run, call, found } = openJobs()
    call("job-0", 50, run("job-0", 0, 100))
    const id = run("job-1", 0, 100)
    call("job-1", 900, id, "remembered")
    // Noted too late to be certain.
    call("job-0", 103, "1 0")
    run("job-1", 1_700, 1_800)
    run("job-0", 106, 200)
    expect(found()).toEqual([])
    expect(court.results.shared).toBe(3)
  })

  test("that is older than its call is one", () => {
    const { run, call, found } = openJobs()
    call("job-0", 106, run("job-0", 0, 100))
    call("job-1", 1_700, run("job-1", 0, 100))
    expect(found()).toEqual([
      "result: job-0: a result that is older than the call",
      "result: job-1: a result that is older than the call",
    ])
  })

  test("that is remembered where nothing is, is of another name, or of no run, is one", () => {
    const { run, call, found } = openJobs()
    call("job-0", 50, run("job-0", 0, 100), "remembered")
    call("job-2", 50, "1 0")
    call("job-0", 50, "1 99")
    expect(found()).toEqual([
      "result: job-0: remembered what must not be",
      "result: job-2: a result of another name",
      "result: job-0: a result of a run that nobody has noted",
    ])
  })

  test("that is fresh and is run for again is one, if it is sure to be stored", () => {
    const { run, found } = openJobs()
    run("job-1", 0, 100)
    run("job-1", 200, 300)
    run("job-3", 0, 100, false)
    run("job-3", 200, 300)
    expect(found()).toEqual(["result: job-1: a run while a result is fresh"])
  })
})

describe("groups", () => {
  const TERMS = { waitMs: 5_000, ttlMs: 2_000 }

  /** Calls for several locks, and what the judge says of them some seconds later. */
  function openGroups() {
    const court = new Court()
    court.begin(START)
    let visits = 100
    const gather = (client: number, ...names: string[]) => {
      court.note(client, { kind: "gathers", visit: client, names, ...TERMS, at: START })
      const queue = (name: string, at: number) => {
        const visit = visits++
        const note = { visit, name, ...TERMS, group: client, at: START + at }
        court.note(client, { kind: "waits", ...note })
        return { visit, note }
      }
      const take = (name: string, at: number) => {
        const { visit, note } = queue(name, at)
        const ends = { until: START + at, leftMs: 2_000 }
        court.note(client, { kind: "granted", ...note, mode: "exclusive", ...ends })
        const renew = (at: number) => {
          court.note(client, { kind: "holds", visit, until: 0, leftMs: 2_000, at: START + at })
        }
        const giveBack = (at: number) => {
          court.note(client, { kind: "ended", visit, at: START + at })
          court.note(client, { kind: "released", visit, result: "released", at: START + at })
        }
        return { renew, giveBack }
      }
      const end = (kind: "gathered" | "gave-up", at: number) => {
        const why = "timeout"
        court.note(client, { kind, visit: client, why, at: START + at })
      }
      return { queue, take, end }
    }
    const judged = (at: number) => {
      court.advance(START + at)
      const found = court.violations.filter(({ judge }) => judge === "group")
      return found.map(({ what }) => what)
    }
    return { court, gather, judged }
  }

  test("are granted with all of their locks", () => {
    const { court, gather, judged } = openGroups()
    const whole = gather(1, "part-0", "part-1")
    whole.take("part-0", 10)
    whole.take("part-1", 20)
    whole.end("gathered", 30)
    expect(judged(40)).toEqual([])
    expect(court.groups.gathered).toBe(1)
    const half = gather(2, "part-2", "part-3")
    half.take("part-2", 10)
    half.end("gathered", 30)
    expect(judged(40)).toEqual(["a group was granted without part-3"])
  })

  test("have a lock that they took again, although its first release is told late", () => {
    const { gather, judged } = openGroups()
    const group = gather(1, "part-0")
    const first = group.take("part-0", 10)
    group.take("part-0", 100)
    first.giveBack(150)
    group.end("gathered", 200)
    expect(judged(300)).toEqual([])
  })

  test("keep no lock when their call fails, and may give it back for as long as it is held", () => {
    const { gather, judged } = openGroups()
    const good = gather(1, "part-0", "part-1")
    const hold = good.take("part-0", 10)
    good.end("gave-up", 500)
    hold.giveBack(2_000)
    const bad = gather(2, "part-2", "part-3")
    bad.take("part-2", 10)
    bad.end("gave-up", 500)
    expect(judged(6_400)).toEqual([])
    expect(judged(6_600)).toEqual(["a call for several locks failed, and kept part-2"])
    expect(judged(9_000)).toHaveLength(1)
  })

  /** Two calls, each of which waits for a lock of the other. */
  function openCircle() {
    const opened = openGroups()
    const one = opened.gather(1, "part-0", "part-1")
    const hold = one.take("part-0", 10)
    one.queue("part-1", 30)
    const other = opened.gather(2, "part-1", "part-0")
    const theirs = other.take("part-1", 20)
    other.queue("part-0", 40)
    return { ...opened, hold, theirs }
  }

  test("do not wait for each other, unless a lock is being given back, which is not renewed", () => {
    const inOrder = openGroups()
    inOrder.gather(1, "part-0", "part-1").take("part-0", 10).renew(3_500)
    inOrder.gather(2, "part-1", "part-0").queue("part-0", 20)
    expect(inOrder.judged(4_900)).toEqual([])
    const circle = openCircle()
    circle.hold.renew(1_900)
    expect(circle.judged(3_500)).toEqual([])
    circle.theirs.renew(1_900)
    expect(circle.judged(3_000)).toEqual([])
    expect(circle.judged(3_500)).toEqual(["2 calls wait for each other's locks"])
  })

  test("do not wait for each other while one of them is paused, nor after its death", () => {
    const { court, judged, hold, theirs } = openCircle()
    court.paused(1, START + 100)
    for (const each of [hold, theirs]) each.renew(4_900)
    expect(judged(5_000)).toEqual([])
    court.setbacks.resumed(1, START + 5_000)
    court.killed(2, START + 5_000)
    hold.renew(8_900)
    expect(judged(9_000)).toEqual([])
  })

  test.each(["killed", "paused"] as const)(
    "may hold a name for nobody when they are %s",
    (what) => {
      const lockedOut = (name: string) => {
        const { court, wait, hold, judged } = open()
        court.note(3, { kind: "gathers", visit: 0, names: ["part-0"], ...TERMS, at: START })
        court[what](3, START + 12)
        hold(name, 0, 10)
        wait(name, 5, 3_000)
        hold(name, 3_000, 3_010)
        return judged(10_000)
      }
      expect(lockedOut("part-0")).toEqual([])
      expect(lockedOut("part-1")).toEqual(["lock-out"])
    },
  )

  test("end within their wait, and what follows it", () => {
    const { gather, judged } = openGroups()
    gather(1, "part-0", "part-1").queue("part-0", 10)
    expect(judged(12_000)).toEqual([])
    expect(judged(15_000)).toEqual(["a call for several locks does not end"])
  })
})

test("a leader that was misled is a violation, and a term is counted", () => {
  const { court, hold, judged } = open()
  hold("chair-0", 0, 10)
  court.note(1, { kind: "misled", what: "chair-0: a candidate leads twice", at: START + 5 })
  expect(judged(10_000)).toEqual(["leader"])
  expect(court.terms).toBe(1)
})

test.each(["frozen", "jumping", "wrong"] as const)("a wall clock is %s", (kind) => {
  const read = Date.now
  const clock = vi.spyOn(performance, "now").mockReturnValue(0)
  try {
    bendWallClock(kind, new Random(7))
    const first = Date.now()
    const steps = Array.from({ length: 20 }, (_, i) => {
      clock.mockReturnValue((i + 1) * 5_001)
      return Date.now()
    })
    const moves = steps.map((now, i) => now - (steps[i - 1] ?? first))
    if (kind === "frozen") expect(new Set(moves)).toEqual(new Set([0]))
    else if (kind === "wrong") expect(Math.abs(first - read())).toBeGreaterThan(60_000)
    else {
      expect(Math.max(...moves)).toBeGreaterThan(1_000)
      expect(Math.min(...moves)).toBeLessThan(-1_000)
    }
  } finally {
    Date.now = read
    vi.restoreAllMocks()
  }
})

describe("lock-outs", () => {
  test("include a name that no one gets any more, however many come and give up, and it is reported once", () => {
    const { wait, hold, judged } = open()
    hold("ledger-0", 0, 10)
    for (let at = 100; at < 120_000; at += 625) wait("ledger-0", at, at + 600)
    expect(judged(130_000)).toEqual(["lock-out"])
  })

  test("do not include a wait within its bound, which is reported as the longest", () => {
    const { court, wait, hold, judged } = open()
    hold("ledger-0", 0, 10)
    wait("ledger-0", 5, 800)
    hold("ledger-0", 800, 900)
    expect(judged(10_000)).toEqual([])
    expect(court.lockOuts.longest?.ms).toBe(790)
  })

  test("do not include a name that no one wanted", () => {
    const { hold, judged } = open()
    hold("ledger-0", 0, 10)
    hold("ledger-0", 60_000, 60_010)
    expect(judged(70_000)).toEqual([])
  })
})

describe("requests that are executed too late", () => {
  const TOKEN = "fl_client-3_abcdefghijklmnopqrstuvwx"
  const keys = ["6", "lock:a", "q", "seen", "fence", "holders", "stolen"]
  const acquire = ["EVAL", scripts.acquire, ...keys, `${TOKEN} - 2000 1 x`, "2000", "try", ""]
  const release = ["EVAL", scripts.release, ...keys, TOKEN, "", "0"]
  const executed = (command: string[], sentAt: number, result: unknown) => ({
    commands: [command],
    headers: { "sent-at": String(sentAt) },
    answer: JSON.stringify({ result: ["nonce", result] }),
  })
  const acquired = (sentAt: number, kind = "granted") => executed(acquire, sentAt, [kind, 2_000])
  const released = (sentAt: number) => executed(release, sentAt, ["released"])

  test("are sent before their token is released, and executed after that", () => {
    const belated = new Belated()
    expect(belated.see(acquired(1_000), 1_010)).toEqual([])
    expect(belated.see(released(1_020), 1_030)).toEqual([])
    expect(belated.see(acquired(1_015), 1_040)).toEqual([acquire])
  })

  test("do not include requests that the client sends after it has begun to release, however often it does", () => {
    const belated = new Belated()
    belated.see(released(1_000), 1_010)
    belated.see(released(1_020), 1_030)
    expect(belated.see(acquired(1_005), 1_040)).toEqual([])
    const together = {
      ...acquired(1_050),
      commands: [release, acquire],
      answer: JSON.stringify([
        { result: ["nonce", ["released"]] },
        { result: ["nonce", ["granted", 2_000]] },
      ]),
    }
    expect(new Belated().see(together, 1_060)).toEqual([])
  })

  test("include abandoned requests that took the lock", () => {
    const late = 1_000 + TIMEOUT_MS
    const belated = new Belated()
    expect(belated.see(acquired(1_000), late)).toEqual([acquire])
    expect(belated.see(acquired(1_000, "busy"), late)).toEqual([])
    // A "try" enters no queue.
    expect(belated.see(acquired(1_000, "queued"), late)).toEqual([])
    const enqueue = acquire.map((part) => (part === "try" ? "enqueue" : part))
    expect(belated.see(executed(enqueue, 1_000, ["queued"]), late)).toEqual([enqueue])
    const claim = ["EVAL", scripts.claim, "1", "lock:a", TOKEN, "2000", "1"]
    expect(belated.see(executed(claim, 1_000, ["granted", 2_000]), late)).toEqual([claim])
    expect(belated.see(executed(claim, 1_000, ["busy"]), late)).toEqual([])
    expect(belated.see(released(1_000), late)).toEqual([])
  })

  test("cannot be recognized if a request does not say when it was sent", () => {
    const silent = { ...acquired(1_000), headers: {} }
    expect(() => new Belated().see(silent)).toThrow("when it was sent")
  })

  test("may each delay others for one ttl, at their own name", () => {
    const lockedOut = (name: string) => {
      const { court, wait, hold, judged } = open()
      hold("ledger-0", 0, 10)
      wait("ledger-0", 5, 4_000)
      hold("ledger-0", 4_000, 4_010)
      court.onBelated(name, START + 20)
      return judged(10_000)
    }
    expect(lockedOut("ledger-0")).toEqual([])
    expect(lockedOut("ledger-1")).toEqual(["lock-out"])
  })

  test("may delay others until its place is reached, and not once a later waiter was served", () => {
    const lockedOut = (...holds: [from: number, until: number][]) => {
      const { court, wait, hold, judged } = open()
      court.onBelated("ledger-0", START)
      for (const [from, until] of holds) hold("ledger-0", from, until)
      wait("ledger-0", 10_000, 14_800)
      hold("ledger-0", 14_800, 14_810)
      return judged(20_000)
    }
    expect(lockedOut([1_000, 12_000])).toEqual([])
    expect(lockedOut([1_000, 2_500], [2_600, 12_000])).toEqual(["lock-out"])
  })
})

test("a request that the machine executed after its deadline can be looked up, with its place and time", () => {
  const lockedOut = (name: string, at: number) => {
    const { court, wait, hold, judged } = open()
    hold("ledger-0", 10_000, 10_010)
    wait("ledger-0", 10_005, 12_000)
    hold("ledger-0", 12_000, 12_010)
    court.onLate(name, START + at)
    return judged(20_000)
  }
  expect(lockedOut("ledger-0", 10_020)).toEqual([])
  expect(lockedOut("ledger-1", 10_020)).toEqual(["lock-out"])
  expect(lockedOut("ledger-0", 12_100)).toEqual(["lock-out"])
})

test("a run without grants, or an interrupted run, proves nothing", () => {
  const { court, hold } = open()
  const facts = { seed: 1, seconds: 2, crashes: CRASHES }
  expect(isConclusive(reportOf(court, { ...facts, keysLeft: [] }))).toBe(false)
  hold("ledger-0", 0, 10)
  hold("ledger-0", 10, 20)
  expect(isConclusive(reportOf(court, { ...facts, keysLeft: [] }))).toBe(true)
  expect(isConclusive(reportOf(court, { ...facts, keysLeft: undefined }))).toBe(false)
})
