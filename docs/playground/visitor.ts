// One visitor: a process of its own with a manager of its own, which does what its buttons say.
import {
  type Lock,
  LockBackendError,
  LockLostError,
  LockManager,
  type LockMode,
  LockTimeoutError,
} from "../../src/index.js"
import { once } from "../../src/once/index.js"
import type { Judge } from "./judge.js"
import type { Connection } from "./network.js"

/** Short enough to see a lease run down. */
export const TTL_MS = 8_000
const RUN_MS = 3_000
export const LOCK = "invoice:42"
export const REPORT = "report"

export type Phase =
  "idle" | "waiting" | "holding" | "sharing" | "joining" | "running" | "lost" | "crashed"

/** What a visitor needs of the page. */
export interface Surroundings {
  readonly server: { readonly url: string; readonly token: string }
  readonly connect: (who: string) => Connection
  readonly judges: { readonly lock: Judge; readonly report: Judge }
  /** A number for each run of the report. */
  readonly nextRun: () => number
  /** Something has changed, in words for people. */
  readonly tell: (visitor: Visitor, text: string) => void
}

/** One life of the process, until it crashes. */
interface Life {
  readonly connection: Connection
  readonly locks: LockManager
  /** Gives up waiting. */
  readonly giveUp: AbortController
  /** Ends the work that the lock protects. */
  readonly done: AbortController
}

export class Visitor {
  readonly name: string
  readonly #page: Surroundings
  #life: Life | undefined
  #phase: Phase = "idle"
  #lock: Lock | undefined
  #note = ""

  constructor(name: string, page: Surroundings) {
    this.name = name
    this.#page = page
  }

  get id(): string {
    return this.name.toLowerCase()
  }

  get phase(): Phase {
    return this.#phase
  }

  /** What it has to say about its last call. */
  get note(): string {
    return this.#note
  }

  get fencingToken(): number | undefined {
    return this.#lock?.fencingToken
  }

  /** How long its hold can be trusted, by the library's own words. */
  get remainingMs(): number {
    return this.#lock?.remainingMs ?? 0
  }

  get isBusy(): boolean {
    return !["idle", "lost", "crashed"].includes(this.#phase)
  }

  acquire(mode: LockMode = "exclusive"): Promise<void> {
    return this.#take(mode, false)
  }

  steal(): Promise<void> {
    return this.#take("exclusive", true)
  }

  /** Lets go of the lock, or of its place in the queue. */
  release(): void {
    this.#life?.giveUp.abort(new DOMException("gave up", "AbortError"))
    this.#life?.done.abort()
  }

  /** The process is gone: it releases nothing, renews nothing, and its requests stop. */
  crash(): void {
    this.#life ??= this.#start()
    this.#life.connection.crash()
    this.#life = undefined
    this.#become("crashed", "crashed: no release, no renewal", `${this.name} has crashed`)
  }

  /** Runs the report, or gets the result of a run in progress. */
  async once(): Promise<void> {
    if (this.isBusy) return
    const life = (this.#life = this.#start())
    this.#become("joining", "asks for the report", `${this.name} asks for the report`)
    const options = { ttl: TTL_MS, wait: "1m", signal: life.giveUp.signal } as const
    await this.#settle(life, async () => {
      const { value, source } = await once.detailed(life.locks, REPORT, options, (lock) =>
        this.#run(life, lock),
      )
      const how = source === "ran" ? "ran it" : "joined that run"
      return `got “${value}” (${how})`
    })
  }

  async #take(mode: LockMode, steal: boolean): Promise<void> {
    if (this.isBusy) return
    const life = (this.#life = this.#start())
    this.#become("waiting", steal ? "steals the lock" : "waits", `${this.name} asks for the lock`)
    const fencing = mode === "exclusive"
    const given = steal ? { steal } : { mode, signal: life.giveUp.signal }
    const options = { ttl: TTL_MS, wait: "1m", fencing, ...given } as const
    await this.#settle(life, async () => {
      await life.locks.request(LOCK, options, (lock) => this.#hold(life, lock, steal))
      return "released"
    })
  }

  async #hold(life: Life, lock: Lock, steal: boolean): Promise<void> {
    if (life.connection.isCut) return
    const isExclusive = lock.mode === "exclusive"
    const { judges } = this.#page
    const { fencingToken } = lock
    const belief = { isExclusive, remainingMs: () => lock.remainingMs, fencingToken }
    const end = judges.lock.begin(belief, steal)
    this.#lock = lock
    const fence = fencingToken === undefined ? "" : `, fencing token ${fencingToken}`
    const verb = isExclusive ? "holds" : "shares"
    this.#become(
      isExclusive ? "holding" : "sharing",
      `${verb} the lock${fence}`,
      `${this.name} ${verb} the lock`,
    )
    await Promise.race([untilAborted(life.done.signal), untilAborted(lock.signal)])
    // A process that has crashed does not get here before its time is up: until then, it may believe on.
    end()
  }

  async #run(life: Life, lock: Lock): Promise<string> {
    const belief = { isExclusive: true, remainingMs: () => lock.remainingMs }
    const end = this.#page.judges.report.begin(belief)
    const number = this.#page.nextRun()
    this.#lock = lock
    this.#become("running", "runs the report", `${this.name} runs the report`)
    await Promise.race([pause(RUN_MS), untilAborted(lock.signal)])
    // A process that has crashed returns nothing.
    if (life.connection.isCut) await new Promise(() => undefined)
    end()
    return `report ${number} by ${this.name}`
  }

  /** Waits for a call, and says how it ended. */
  async #settle(life: Life, call: () => Promise<string>): Promise<void> {
    let phase: Phase = "idle"
    let note: string
    try {
      note = await call()
    } catch (error) {
      if (error instanceof LockLostError) phase = "lost"
      note = explain(error)
    }
    life.done.abort()
    if (this.#life !== life) return
    this.#lock = undefined
    this.#life = undefined
    this.#become(phase, note, `${this.name}: ${note}`)
  }

  #start(): Life {
    const connection = this.#page.connect(this.name)
    const { url, token } = this.#page.server
    const { fetch } = connection
    const locks = new LockManager({ redis: { url, token }, fetch, clientId: this.id })
    return {
      connection,
      locks,
      giveUp: new AbortController(),
      done: new AbortController(),
    }
  }

  #become(phase: Phase, note: string, text: string): void {
    if (phase === "crashed") this.#lock = undefined
    this.#phase = phase
    this.#note = note
    this.#page.tell(this, text)
  }
}

function explain(error: unknown): string {
  if (error instanceof LockLostError) return `lost the lock: ${error.reason}`
  if (error instanceof LockTimeoutError) return "waited a minute in vain"
  if (error instanceof LockBackendError) return "could not reach the database"
  return error instanceof Error ? error.message : String(error)
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener(
      "abort",
      () => {
        resolve()
      },
      { once: true },
    )
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
