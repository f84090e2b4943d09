// Plays a history on a real Redis, and checks it: by what each holder believed, and by the database's own record.
import { expect } from "vitest"
import {
  type Lock,
  LockBackendError,
  LockLostError,
  LockManager,
  LockTimeoutError,
} from "../../src/index.js"
import type { FaultLab } from "../faults/lab.js"
import { type Trial, withTrial } from "../faults/trial.js"
import { nothing } from "../support/fault-proxy.js"
import { showRecord } from "../support/record.js"
import { connect } from "../support/variants.js"
import { type Act, CLIENTS, type LibraryHistory, planOf } from "./history.js"
import { Referee } from "./referee.js"

const TTL_MS = 1_200
const TIMEOUT_MS = 300
const WAIT_MS = 3_000
/** By then every call has ended, on any machine. */
const END_MS = WAIT_MS + 12_000
/** The delay that each dead holder or late request may cause: its ttl, and the time until it is noticed. */
const EACH_MS = TTL_MS + 600
const SLACK_MS = 5_000

/** @returns the number of grants */
export async function play(lab: FaultLab, history: LibraryHistory): Promise<number> {
  return withTrial(lab, {}, async (trial) => {
    const referee = new Referee(history.limit, history.hasThefts)
    const redis = connect("fetch client", trial.proxy.url)
    const options = { redis, ttl: TTL_MS, timeout: TIMEOUT_MS, renew: false }
    const clients = Array.from({ length: CLIENTS }, () => new LockManager(options))
    trial.proxy.plan = planOf(history)
    const acts = history.acts.map((act, i) =>
      mustEnd(`act ${String(i)}`, new Player(trial, history, clients, referee).play(act)),
    )
    await Promise.all(acts)
    trial.proxy.plan = nothing
    const wait = (history.acts.length + 1) * EACH_MS + SLACK_MS
    await told(trial, async () => {
      const last = await trial.unharmed.acquire(trial.name, { wait, fencing: true })
      referee.enter(last)
      await trial.proxy.settled()
      const { remainingMs } = last
      expect([await last.release(), remainingMs > 0]).toEqual(["released", true])
    })
    await expectMinted(trial, referee)
    return referee.grants
  })
}

/** Its error includes the changes of the lock until then. */
async function told(trial: Trial, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    throw new Error(`${String(cause)}\n${showRecord(await trial.deeds())}`, { cause })
  }
}

/** Each fencing token is the one that the database minted with that grant. */
async function expectMinted(trial: Trial, referee: Referee): Promise<void> {
  const deeds = await trial.deeds()
  for (const [token, fence] of referee.fences()) {
    const isMinted = deeds.some(
      ({ after }) => after.fence === fence && after.value?.replace(/\+$/, "") === token,
    )
    expect(isMinted, "a fencing token of that grant").toBe(true)
  }
}

async function mustEnd(what: string, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what} did not end`))
    }, END_MS)
  })
  await Promise.race([work, tooLong]).finally(() => {
    clearTimeout(timer)
  })
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

class Player {
  readonly #trial: Trial
  readonly #history: LibraryHistory
  readonly #clients: readonly LockManager[]
  readonly #referee: Referee

  constructor(
    trial: Trial,
    history: LibraryHistory,
    clients: readonly LockManager[],
    referee: Referee,
  ) {
    this.#trial = trial
    this.#history = history
    this.#clients = clients
    this.#referee = referee
  }

  async play(act: Act): Promise<void> {
    await pause(act.atMs)
    const lock = await orNothing(this.#ask(act))
    if (!lock) return
    this.#referee.enter(lock)
    await pause(act.ms)
    this.#referee.look(lock)
    await this.#end(act, lock)
  }

  #client(who: number): LockManager {
    const client = this.#clients[who % this.#clients.length]
    if (!client) throw new Error("there is no such client")
    return client
  }

  #ask({ who, ask, shares, then, ms }: Act): Promise<Lock | null> {
    const client = this.#client(who)
    const { name } = this.#trial
    const { limit, hasThefts } = this.#history
    const renew = then === "renew"
    const signal = ask === "abort" ? abortAfter(ms) : undefined
    const wait = WAIT_MS
    const options = {
      renew,
      ...(ask === "try" ? {} : { wait, signal }),
      ...(ask === "poll" && { push: false }),
      ...(ask === "spin" && { interval: 40 }),
    }
    if (ask === "steal" && hasThefts) return this.#steal(client, ms)
    if (shares && limit === 2) {
      const semaphore = client.semaphore(name, limit)
      return ask === "try" ? semaphore.tryAcquire(options) : semaphore.acquire(options)
    }
    const terms = shares && limit > 1 ? { mode: "shared" as const } : { fencing: limit === 1 }
    return ask === "try"
      ? client.tryAcquire(name, { ...options, ...terms })
      : client.acquire(name, { ...options, ...terms })
  }

  /** Within the call, since a steal has no handle. */
  async #steal(client: LockManager, ms: number): Promise<null> {
    await client.request(this.#trial.name, { steal: true, fencing: true }, async (lock) => {
      this.#referee.enter(lock)
      await pause(ms)
    })
    return null
  }

  async #end({ who, then, ms }: Act, lock: Lock): Promise<void> {
    switch (then) {
      case "crash":
        lock.transfer()
        return
      case "keep":
        await orNothing(lock.keep(500))
        return
      case "transfer": {
        const transfer = await orNothing(lock, (it) => it.transfer())
        const adopted = transfer && (await orNothing(this.#client(who + 1).adopt(transfer)))
        if (!adopted) return
        this.#referee.enter(adopted)
        await pause(ms)
        this.#referee.look(adopted)
        await orNothing(adopted.release())
        return
      }
      case "extend":
        await orNothing(lock.extend(2 * TTL_MS))
        // For less than it lasts already: it stays unchanged.
        await orNothing(lock.extend(300))
        this.#referee.look(lock)
        break
      case "renew":
        await pause(TTL_MS / 2)
        this.#referee.look(lock)
        break
      case "release":
    }
    await orNothing(lock.release())
  }
}

function abortAfter(ms: number): AbortSignal {
  const controller = new AbortController()
  setTimeout(() => {
    controller.abort("enough")
  }, ms)
  return controller.signal
}

/** The result, or undefined if it ended as a call may end: refused, failed, lost or aborted. */
async function orNothing<T>(result: Promise<T>): Promise<T | null>
async function orNothing<T, R>(value: T, use: (value: T) => R): Promise<R | null>
async function orNothing(value: unknown, use?: (value: never) => unknown): Promise<unknown> {
  try {
    return await (use ? use(value as never) : value)
  } catch (error) {
    const isLawful =
      error instanceof LockTimeoutError ||
      error instanceof LockBackendError ||
      error instanceof LockLostError ||
      error === "enough"
    if (!isLawful) throw error
    return null
  }
}
