// The whole playground without its looks: the server, the network, the visitors, and what the page shows of them.
import {
  type EmbeddedServer,
  openEmbeddedServer,
} from "../../packages/dev-server/src/embedded-server.js"
import { LockManager, type LockManagerSnapshot } from "../../src/index.js"
import { Judge, type Verdict } from "./judge.js"
import { type Faults, type LogEntry, Network, type Traffic } from "./network.js"
import { LOCK, type Phase, TTL_MS, Visitor } from "./visitor.js"

export const NAMES = ["Ada", "Ben", "Cleo", "Dan"] as const

/** How much of the past the timeline shows. */
export const SHOWN_MS = 40_000
const LOSS_SHOWN_MS = 1_500
const LOOK_EVERY_MS = 150
const SAMPLE_EVERY_MS = 25
const EVENTS = 30

/** A stretch of time in which a visitor was in one phase. */
export interface Stretch {
  readonly phase: Phase
  readonly fromMs: number
  /** Undefined: it lasts. */
  readonly toMs: number | undefined
}

export interface Told {
  readonly id: number
  readonly atMs: number
  readonly text: string
}

export interface Holder {
  readonly name: string
  readonly isShared: boolean
  readonly remainingMs: number
}

/** What the page shows. */
export interface Scene {
  readonly nowMs: number
  readonly visitors: readonly {
    readonly name: string
    readonly phase: Phase
    readonly note: string
    readonly isBusy: boolean
    /** The position in the queue, counted from 1; 0 for a visitor that is not in it. */
    readonly place: number
    readonly remainingMs: number
    readonly fencingToken: number | undefined
    readonly past: readonly Stretch[]
  }[]
  readonly holders: readonly Holder[]
  readonly queue: readonly string[]
  readonly verdicts: { readonly lock: Verdict; readonly report: Verdict }
  readonly traffic: Traffic
  readonly log: readonly LogEntry[]
  readonly told: readonly Told[]
}

export class Stage {
  readonly visitors: readonly Visitor[]
  readonly #server: EmbeddedServer
  readonly #network: Network
  readonly #observer: LockManager
  readonly #judges = { lock: new Judge(), report: new Judge() }
  readonly #past = new Map<string, Stretch[]>(NAMES.map((name) => [name, []]))
  readonly #told: Told[] = []
  readonly #timers: readonly ReturnType<typeof setInterval>[]
  readonly #onChange: () => void
  #seen: LockManagerSnapshot = { held: [], pending: [], isComplete: true }
  #isLooking = false
  #runs = 0
  #tellings = 0

  static async open(options: { wasm?: string; onChange?: () => void } = {}): Promise<Stage> {
    const { wasm, onChange = () => undefined } = options
    return new Stage(await openEmbeddedServer({ wasm }), onChange)
  }

  private constructor(server: EmbeddedServer, onChange: () => void) {
    const { url, token } = server
    this.#server = server
    this.#onChange = onChange
    this.#network = new Network(server)
    this.#observer = new LockManager({ redis: { url, token }, fetch: this.#network.observe })
    this.visitors = NAMES.map(
      (name) =>
        new Visitor(name, {
          server,
          connect: (who) => this.#network.connect(who),
          judges: this.#judges,
          nextRun: () => ++this.#runs,
          tell: (visitor, text) => {
            this.#tell(visitor, text)
          },
        }),
    )
    this.#timers = [
      setInterval(() => {
        this.#judges.lock.sample()
        this.#judges.report.sample()
      }, SAMPLE_EVERY_MS),
      setInterval(() => void this.#look(), LOOK_EVERY_MS),
    ]
  }

  get faults(): Faults {
    return this.#network.faults
  }

  /** No lock survives that: its key is deleted. It shows that the judge sees an overlap where there is one. */
  async deleteKey(): Promise<void> {
    const { url, token } = this.#server
    const headers = { Authorization: `Bearer ${token}` }
    const body = JSON.stringify(["DEL", `lock:${LOCK}`])
    await this.#network.observe(url, { method: "POST", headers, body })
    this.#say("The lock's key was deleted behind everybody's back")
  }

  scene(): Scene {
    const nowMs = Date.now()
    const { held, pending } = this.#seen
    const queue = pending.map(({ clientId }) => nameOf(clientId))
    return {
      nowMs,
      visitors: this.visitors.map((visitor) => ({
        name: visitor.name,
        phase: visitor.phase,
        note: visitor.note,
        isBusy: visitor.isBusy,
        place: queue.indexOf(visitor.name) + 1,
        remainingMs: Math.min(visitor.remainingMs, TTL_MS),
        fencingToken: visitor.fencingToken,
        past: this.#past.get(visitor.name) ?? [],
      })),
      holders: held.map(({ clientId, mode, remainingMs }) => ({
        name: nameOf(clientId),
        isShared: mode === "shared",
        remainingMs,
      })),
      queue,
      verdicts: { lock: this.#judges.lock.verdict, report: this.#judges.report.verdict },
      traffic: this.#network.traffic,
      log: [...this.#network.log],
      told: [...this.#told],
    }
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    for (const visitor of this.visitors) visitor.crash()
    this.#network.close()
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      this.#seen = await this.#observer.query({ name: LOCK })
    } finally {
      this.#isLooking = false
    }
  }

  #tell({ name, phase }: Visitor, text: string): void {
    const past = this.#past.get(name) ?? []
    const now = Date.now()
    const last = past.at(-1)
    if (last && last.phase !== phase) past[past.length - 1] = { ...last, toMs: last.toMs ?? now }
    if (last?.phase !== phase && phase !== "idle") {
      // A loss is a moment; what follows is a pause.
      past.push({ phase, fromMs: now, toMs: phase === "lost" ? now + LOSS_SHOWN_MS : undefined })
    }
    while (past[0]?.toMs !== undefined && past[0].toMs < now - SHOWN_MS) past.shift()
    this.#say(text)
  }

  #say(text: string): void {
    this.#told.unshift({ id: ++this.#tellings, atMs: Date.now(), text })
    this.#told.length = Math.min(this.#told.length, EVENTS)
    void this.#look()
    this.#onChange()
  }
}

/** A client's id is its visitor's name in lower case. */
function nameOf(clientId: string): string {
  return NAMES.find((name) => name.toLowerCase() === clientId) ?? clientId
}
