// A client in its own Node process: visit after visit until it is stopped or killed.
import { setMaxListeners } from "node:events"
import { openSync, writeSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import type { LockStore } from "../../../src/redis/store.js"
import type { EventCount } from "../../../test/support/event-count.js"
import { monotonicMs } from "../monotonic.js"
import { Random } from "../random.js"
import { NoteDiary } from "./diary.js"
import { candidateErrand, herdErrand, pickErrand } from "./errand.js"
import type { Note } from "./notes.js"
import { setScene } from "./scene.js"
import type { ProcessSettings } from "./settings.js"
import { ENTRY_MS, NOTEWORTHY_LAG_MS } from "../times.js"
import { visit } from "./visit.js"
import { bendWallClock, wallClockOf } from "./wall-clock.js"

/** All of a herd come at the same time, by their shared clock, and so rarely that the previous herd has been served. */
const HERD_EVERY_MS = 3_000
const HERDS = 2
/** The visitor of each client that stands for election. */
const CANDIDATE = 2

/** The time of a request without a fault on an idle machine. */
const USUAL_PING_MS = 15
const LONGEST_PAUSE_MS = 10_000
/** The number of failures in a row after which the pause after a visit grows no longer. */
const MOST_FAILURES = 4

const settings = JSON.parse(process.argv[2] ?? "") as ProcessSettings
bendWallClock(wallClockOf(settings.client), Random.of(settings.seed, settings.client, -2))
const file = openSync(settings.diary, "a")
// Written in one call and not kept in memory, so that a kill loses none of it.
const write = (note: Note) => {
  writeSync(file, `${JSON.stringify({ ...note, at: monotonicMs() })}\n`)
  return Promise.resolve()
}
// The time is read before `remainingMs`, so that the computed end is not later than the true one.
const diary = new NoteDiary(write, (hold) => monotonicMs() + hold.remainingMs)
process.on("unhandledRejection", (reason) => void diary.broken(reason))
process.on("uncaughtException", (error) => void diary.broken(error))

const end = new AbortController()
setMaxListeners(0, end.signal)
const isLetIn = new Promise<void>((resolve) => {
  process.on("message", (message) => {
    if (message !== "begin") end.abort()
    resolve()
  })
})
// A terminal sends it to all processes; the parent ends its children.
process.on("SIGINT", () => undefined)
// Without its parent the process has no purpose.
process.on("disconnect", () => process.exit())

/**
 * By how much a request takes longer than it should. On an overloaded machine all clients would give up at the deadline
 * and retry forever, without any grant. So visits become rarer then.
 */
let congestionMs = 0
let visits = 0
/** Of the visitors that have ended. */
const counts: EventCount[] = []
const surroundings = {
  diary,
  nextVisit: () => visits++,
  end: end.signal,
  stores: new Map<boolean, LockStore>(),
}
/** A pause, which the end of the run ends. */
const rest = (ms: number) => sleep(ms, undefined, { signal: end.signal }).catch(() => undefined)

const visitor = async (number: number) => {
  const scene = setScene(settings, { ...surroundings, visitor: number })
  const { seed, client } = settings
  const random = Random.of(seed, client, number)
  // The first visitors of each client belong to one herd each.
  const isOfHerd = number < HERDS
  let failures = 0
  await sleep((ENTRY_MS * number) / settings.visitors)
  while (!end.signal.aborted) {
    if (isOfHerd) await sleep(HERD_EVERY_MS - (monotonicMs() % HERD_EVERY_MS))
    const round = Math.round(monotonicMs() / HERD_EVERY_MS)
    const errand = isOfHerd
      ? herdErrand(number, round)
      : number === CANDIDATE
        ? candidateErrand(random, settings)
        : pickErrand(random, settings)
    try {
      failures = (await visit(scene, errand)) ? 0 : failures + 1
      const busyMs = Math.min(10 * congestionMs, LONGEST_PAUSE_MS)
      await rest(random.between(0, 40 * 4 ** Math.min(failures, MOST_FAILURES) + 2 * busyMs))
    } catch (error) {
      await diary.broken(error)
    }
  }
  counts.push(scene.count)
}

const watchTheClock = async () => {
  while (!end.signal.aborted) {
    const due = monotonicMs() + 100
    await sleep(100)
    const ms = monotonicMs() - due
    if (ms > NOTEWORTHY_LAG_MS) await write({ kind: "lag", ms })
  }
}

const watchTheCongestion = async () => {
  while (!end.signal.aborted) {
    const sentAt = monotonicMs()
    await fetch(`${settings.witness}/ping`).then((response) => response.arrayBuffer())
    const tookMs = Math.max(0, monotonicMs() - sentAt - USUAL_PING_MS)
    congestionMs = (congestionMs + tookMs) / 2
    await sleep(1_000)
  }
}

// Until then, releases may be retried.
process.on("exit", () => {
  for (const count of counts) void diary.counted(count)
})

process.send?.("ready")
await isLetIn
await Promise.all([
  watchTheClock(),
  watchTheCongestion(),
  ...Array.from({ length: settings.visitors }, (_, number) => visitor(number)),
])
// Only pending clean-ups keep the process alive from now on, not the channel.
process.removeAllListeners("disconnect")
process.disconnect()
