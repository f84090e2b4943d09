// One run: starts the stage and the clients, injects every kind of failure, and feeds the judges.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Court } from "./judges/court.js"
import { leftBehind } from "./judges/keys.js"
import { monotonicMs } from "./monotonic.js"
import { Random } from "./random.js"
import { type Report, reportOf } from "./report.js"
import type { TortureSettings } from "./settings.js"
import { Stage } from "./stage/stage.js"
import { NOTEWORTHY_LAG_MS, QUEUE_MS } from "./times.js"
import { type Crashes, strike } from "./trouble/crashes.js"

const TICK_MS = 250
/** In ticks. Each check costs a command for each key. */
const CHECK_KEYS_EVERY = 12
/** How long the database may be out of reach when its last keys are read. */
const RECONNECT_MS = 20_000

export interface Watching {
  /** Called some times a second. */
  readonly onProgress?: (report: Report) => void
  /** Ends the run early. */
  readonly signal?: AbortSignal
}

export async function torture(
  settings: TortureSettings,
  { onProgress, signal }: Watching = {},
): Promise<Report> {
  const { seconds, seed, crashEveryMs, restartEveryMs } = settings
  const directory = await mkdtemp(join(tmpdir(), "fetchlock-torture-"))
  const crashes: Crashes = { kills: 0, pauses: 0, restarts: 0 }
  const court = new Court()
  const report = (keysLeft?: readonly string[]) =>
    reportOf(court, { seed, seconds: (monotonicMs() - court.startedAt) / 1_000, crashes, keysLeft })
  try {
    const stage = await Stage.open(settings, court, directory)
    court.begin(monotonicMs())
    stage.letIn()
    try {
      const trouble = new AbortController()
      const random = Random.of(seed, -1)
      const every = { everyMs: crashEveryMs, restartEveryMs }
      const striking = strike(stage, every, random, crashes, trouble.signal)
      const end = monotonicMs() + seconds * 1_000
      const isBrokenOff = () =>
        signal?.aborted === true ||
        court.violations.some(({ judge }) => settings.stopAt.includes(judge))
      const isOver = () => isBrokenOff() || monotonicMs() >= end
      for (let n = 0; !isOver(); n++) {
        await tick(court, stage, n % CHECK_KEYS_EVERY === 0)
        onProgress?.(report())
      }
      trouble.abort()
      await striking
      if (isBrokenOff()) return report()
      await stage.stop()
      court.chronicle.end()
      court.advance(monotonicMs())
      return report(await checkKeysLeft(court, stage, signal))
    } finally {
      await stage.close()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function tick(court: Court, stage: Stage, checksKeys: boolean): Promise<void> {
  const due = monotonicMs() + TICK_MS
  await sleep(TICK_MS)
  const now = monotonicMs()
  if (now - due > NOTEWORTHY_LAG_MS) court.setbacks.lagged(-1, now, now - due)
  stage.readNotes()
  court.advance(now)
  const keys = checksKeys ? await stage.keys() : undefined
  if (keys) court.checkKeys(keys, now)
}

/** Waits until every ttl must be over, or until no key is left. Undefined if it is interrupted, or the database is gone. */
async function checkKeysLeft(
  court: Court,
  stage: Stage,
  signal: AbortSignal | undefined,
): Promise<readonly string[] | undefined> {
  const end = monotonicMs() + QUEUE_MS + 2_000
  for (;;) {
    const keys = await stage.keys()
    const isLast = monotonicMs() >= end
    // Without a limit here, an interrupted run whose Redis has got the same signal would ask for the keys forever.
    if (signal?.aborted || monotonicMs() >= end + RECONNECT_MS) return undefined
    if (keys) court.checkKeys(keys, monotonicMs())
    if (keys && (isLast || leftBehind(keys).length === 0)) {
      return court.checkKeysAtEnd(keys, monotonicMs())
    }
    await sleep(TICK_MS)
  }
}
