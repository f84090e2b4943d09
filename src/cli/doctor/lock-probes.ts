// Uses real locks on the database, as a program would.
import type { LockEvent } from "../../events.js"
import { LockManager } from "../../lock-manager.js"
import { once } from "../../once/once.js"
import { sleep } from "../../time/timers.js"
import type { Examination } from "./finding.js"
import { type ProbedDatabase, TIMEOUT_MS } from "./probed-database.js"

export function lockProbes(database: ProbedDatabase): Examination[] {
  return [
    { probe: "a lock and its queue", examine: () => real(() => handOff(database)) },
    { probe: "shared locks", examine: () => real(() => sharing(database)) },
    { probe: "steal", examine: () => real(() => stealing(database)) },
    { probe: "once", examine: () => real(() => runOnce(database)) },
  ]
}

interface Result {
  readonly verdict: "ok" | "note" | "problem"
  readonly found: string
  readonly follows: string
}

/** Any error is a problem here. */
async function real(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    return { verdict: "problem", found, follows: "this does not work here" }
  }
}

const BROKEN = "the promises of docs/safety.md do not hold here"

function managerOf(database: ProbedDatabase, onEvent?: (event: LockEvent) => void): LockManager {
  const { config, fetch, prefix } = database
  return new LockManager({ redis: config, fetch, prefix, onEvent, wait: TIMEOUT_MS })
}

async function handOff(database: ProbedDatabase): Promise<Result> {
  const name = database.lockName("queue")
  let polling: string | undefined
  let isQueued: () => void = () => undefined
  const queued = new Promise<void>((resolve) => (isQueued = resolve))
  const locks = managerOf(database, (event) => {
    if (event.type === "polling") polling = event.reason
    if (event.type === "queued") isQueued()
  })
  const first = await locks.acquire(name, { fencing: true })
  if (await locks.tryAcquire(name)) {
    return { verdict: "problem", found: "two callers held one lock", follows: BROKEN }
  }
  const waiting = locks.acquire(name, { fencing: true })
  // If it fails before it waits, the second await reports that.
  await Promise.race([queued, waiting.catch(() => undefined)])
  const releasedAt = performance.now()
  await first.release()
  const second = await waiting
  const tookMs = performance.now() - releasedAt
  const isGreater = second.fencingToken > first.fencingToken
  await second.release()
  if (!isGreater) {
    return { verdict: "problem", found: "the fencing token did not rise", follows: BROKEN }
  }
  const found = `handed on in ${tookMs.toFixed(0)} ms`
  if (polling !== undefined) {
    const follows = `the waiter polled: its stream was ${polling}`
    return { verdict: "note", found, follows }
  }
  return { verdict: "ok", found, follows: "" }
}

async function sharing(database: ProbedDatabase): Promise<Result> {
  const name = database.lockName("shared")
  const locks = managerOf(database)
  const one = await locks.acquire(name, { mode: "shared" })
  const other = await locks.acquire(name, { mode: "shared" })
  const writer = await locks.tryAcquire(name)
  await one.release()
  await other.release()
  await writer?.release()
  return writer
    ? { verdict: "problem", found: "readers did not exclude a writer", follows: BROKEN }
    : { verdict: "ok", found: "readers share, and exclude a writer", follows: "" }
}

async function stealing(database: ProbedDatabase): Promise<Result> {
  const name = database.lockName("stolen")
  let unwatched: string | undefined
  const locks = managerOf(database, (event) => {
    if (event.type === "unwatched") unwatched = event.reason
  })
  // With a ttl this long, only a message can be so quick.
  const lock = await locks.acquire(name, { watch: true, ttl: "60s" })
  await locks.inspect(name)
  const stolenAt = performance.now()
  await locks.forceRelease(name)
  // Ends early with the signal's reason.
  await sleep(TIMEOUT_MS, lock.signal).catch(() => undefined)
  const tookMs = performance.now() - stolenAt
  const isNoticed = lock.signal.aborted
  if (!isNoticed) await lock.release()
  if (isNoticed) {
    const found = `noticed after ${tookMs.toFixed(0)} ms`
    return { verdict: "ok", found, follows: "watch works" }
  }
  const found = unwatched === undefined ? "not noticed" : `not noticed: its stream was ${unwatched}`
  return { verdict: "note", found, follows: "a steal is noticed at the next renewal" }
}

async function runOnce(database: ProbedDatabase): Promise<Result> {
  const name = database.lockName("once")
  const locks = managerOf(database)
  let runs = 0
  const run = () => ++runs
  const options = { remember: 30_000 }
  const values = [await once(locks, name, options, run), await once(locks, name, options, run)]
  return runs === 1 && values.every((value) => value === 1)
    ? { verdict: "ok", found: "runs once, and remembers", follows: "" }
    : { verdict: "problem", found: `ran ${runs} times`, follows: "once runs more than once here" }
}
