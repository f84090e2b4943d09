// One run: many callers contend for a few locks of a quorum while a minority of its databases is killed, paused and emptied.
import { setMaxListeners } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { LockBackendError, LockManager, LockTimeoutError } from "../../../src/index.js"
import { quorum } from "../../../src/quorum/index.js"
import { type TestNode, startNodes } from "../../../test/support/nodes.js"
import { makeTrouble, type Troubles } from "./chaos.js"
import { History, type Hold } from "./history.js"
import { Random } from "../random.js"

export interface TortureSettings {
  readonly seconds: number
  readonly seed: number
  /** Without it, databases that have lost their data vote, and exclusion does not hold. */
  readonly quarantine: boolean
  readonly contenders: number
  /** Continue, for at most two minutes, until there are this many grants: on a busy machine requests fail. */
  readonly leastGrants?: number
  /** End as soon as an overlap has been found. */
  readonly stopAtOverlap?: boolean
}

export interface TortureReport {
  readonly grants: number
  readonly timeouts: number
  readonly failures: number
  readonly troubles: Troubles
  readonly overlaps: readonly (readonly [Hold, Hold])[]
  readonly fencingFailures: readonly (readonly [Hold, Hold])[]
  readonly unhandledRejections: readonly unknown[]
  /** Names that could not be acquired after all databases had recovered and every ttl was over. */
  readonly stuck: readonly string[]
}

const DATABASES = 5
const NAMES = ["torture-a", "torture-b", "torture-c", "torture-d"]
const TTL_MS = 2_000
/** Databases and contenders share this process, so a vote may take a while. */
const VOTE_MS = 750

export async function runTorture(settings: TortureSettings): Promise<TortureReport> {
  // Each contender listens to the end of the run.
  const end = new AbortController()
  setMaxListeners(0, end.signal)
  const unhandledRejections: unknown[] = []
  const onUnhandled = (reason: unknown) => unhandledRejections.push(reason)
  process.on("unhandledRejection", onUnhandled)
  const nodes = await startNodes(DATABASES)
  try {
    const databases = quorum(
      nodes.map(({ direct }) => direct),
      { quarantine: settings.quarantine && TTL_MS, voteTimeout: VOTE_MS },
    )
    await databases.start()
    const random = new Random(settings.seed)
    const history = new History()
    const counts = { timeouts: 0, failures: 0 }
    const contend = async (own: Random) => {
      const locks = new LockManager({ redis: databases, ttl: TTL_MS, wait: "5s", timeout: "2s" })
      while (!end.signal.aborted) {
        try {
          await visit(locks, own, history, end.signal)
        } catch (error) {
          if (error instanceof LockTimeoutError) counts.timeouts++
          else if (error instanceof LockBackendError) counts.failures++
          else if (error !== end.signal.reason) throw error
          // A pause, so that retries do not make it worse.
          await sleep(own.between(50, 500))
        }
      }
    }
    const work = Array.from({ length: settings.contenders }, () => contend(random.fork()))
    const trouble = makeTrouble(nodes, random.fork(), end.signal)
    await enough(settings, history)
    end.abort()
    const troubles = await trouble
    await Promise.all(work)
    const stuck = await findStuck(nodes, databases)
    const { overlaps, fencingFailures, holds } = history
    const found = { overlaps, fencingFailures, unhandledRejections, stuck }
    return { grants: holds.length, ...counts, troubles, ...found }
  } finally {
    await Promise.all(nodes.map((node) => node.close()))
    process.off("unhandledRejection", onUnhandled)
  }
}

/** Acquires a lock, holds it for a while, and releases it or crashes. */
async function visit(
  locks: LockManager,
  random: Random,
  history: History,
  signal: AbortSignal,
): Promise<void> {
  const lock = await locks.acquire(random.pick(NAMES), { fencing: true, signal })
  const hold = history.begin(lock)
  await sleep(random.between(5, TTL_MS / 2))
  if (random.chance(0.3)) {
    const extended = await lock.extend().then(
      () => true,
      () => false,
    )
    if (extended) hold.extended()
    await sleep(random.between(5, TTL_MS / 2))
  }
  // A crash: the lock is not released.
  if (random.chance(0.1)) return
  hold.ended()
  await lock.release().catch((error: unknown) => {
    if (!(error instanceof LockBackendError)) throw error
  })
}

async function enough(settings: TortureSettings, history: History): Promise<void> {
  const { seconds, leastGrants = 0, stopAtOverlap = false } = settings
  const startedAt = performance.now()
  const elapsed = () => (performance.now() - startedAt) / 1_000
  while (elapsed() < seconds || (history.holds.length < leastGrants && elapsed() < 120)) {
    await sleep(100)
    if (stopAtOverlap && history.overlaps.length > 0) return
  }
}

async function findStuck(
  nodes: readonly TestNode[],
  databases: ReturnType<typeof quorum>,
): Promise<string[]> {
  await Promise.all(nodes.map((node) => node.heal()))
  await sleep(TTL_MS * 2)
  const locks = new LockManager({ redis: databases, ttl: TTL_MS })
  const stuck: string[] = []
  for (const name of NAMES) {
    const lock = await locks.tryAcquire(name).catch(() => null)
    if (lock) await lock.release()
    else stuck.push(name)
  }
  return stuck
}
