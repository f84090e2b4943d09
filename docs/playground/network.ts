// The network of the page: it carries requests to the server in the page, counts and logs them, and has faults that can be
// switched on.
import type { EmbeddedServer } from "../../packages/dev-server/src/embedded-server.js"
import * as scripts from "../../src/redis/lua/scripts.js"

/** The faults that can be switched on. */
export interface Faults {
  /** Each third reply gets lost, after its command has been executed. */
  loseReplies: boolean
  /** Each request takes up to a second longer, and each message of a stream half of that. */
  delay: boolean
  /** Each stream breaks after at most two seconds. */
  cutStreams: boolean
}

export interface LogEntry {
  readonly id: number
  readonly atMs: number
  readonly who: string
  readonly what: string
  readonly outcome: "answered" | "reply lost" | "stream open" | "stream cut" | "canceled"
  /** Billed commands: each call within a script counts, too. */
  readonly cost: number
}

export interface Traffic {
  readonly requests: number
  readonly commands: number
  readonly lost: number
  readonly delayed: number
  readonly cut: number
}

/** One way, without faults. */
const LATENCY_MS = 20
const LONGEST_DELAY_MS = 500
const CUT_EVERY_MS = 2_000
const LOGGED = 60

export class Network {
  readonly faults: Faults = { loseReplies: false, delay: false, cutStreams: false }
  readonly #server: EmbeddedServer
  readonly #streams = new Set<() => void>()
  readonly #log: LogEntry[] = []
  readonly #cutting: ReturnType<typeof setInterval>
  #queue: Promise<unknown> = Promise.resolve()
  #entries = 0
  #replies = 0
  #requests = 0
  #commands = 0
  #lost = 0
  #delayed = 0
  #cut = 0

  constructor(server: EmbeddedServer) {
    this.#server = server
    this.#cutting = setInterval(() => {
      if (this.faults.cutStreams) for (const cut of [...this.#streams]) cut()
    }, CUT_EVERY_MS)
  }

  /** The newest first. */
  get log(): readonly LogEntry[] {
    return this.#log
  }

  get traffic(): Traffic {
    return {
      requests: this.#requests,
      commands: this.#commands,
      lost: this.#lost,
      delayed: this.#delayed,
      cut: this.#cut,
    }
  }

  /** The network of one process. */
  connect(who: string): Connection {
    return new Connection(this, who)
  }

  /** For the page's own view of the lock: without faults, and not counted. */
  readonly observe = (url: string, init: RequestInit): Promise<Response> =>
    this.#oneAtATime(() => this.#server.fetch(url, init))

  close(): void {
    clearInterval(this.#cutting)
    this.#server.close()
  }

  /** @internal For `Connection`. */
  async send(who: string, url: string, init: RequestInit, life: AbortSignal): Promise<Response> {
    const signal = init.signal ?? life
    const isStream = url.includes("/subscribe/")
    this.#requests++
    await this.#travel(signal)
    if (isOver(life)) return never()
    if (isStream) return this.#openStream(who, url, init, life)
    // Once it has been sent, it is executed, whatever becomes of its sender.
    const { response, text, cost } = await this.#execute(url, { ...init, signal: null })
    if (isOver(life)) return never()
    const note = (outcome: LogEntry["outcome"]) => {
      this.#note({ who, what: describe(init), outcome, cost })
    }
    if (this.faults.loseReplies && ++this.#replies % 3 === 0) {
      this.#lost++
      note("reply lost")
      await pause(LATENCY_MS, signal)
      throw new TypeError("the connection was reset")
    }
    note("answered")
    await this.#travel(signal)
    if (isOver(life)) return never()
    return new Response(text, response)
  }

  async #travel(signal: AbortSignal): Promise<void> {
    const extra = this.faults.delay ? (0.2 + 0.8 * Math.random()) * LONGEST_DELAY_MS : 0
    if (extra > 0) this.#delayed++
    await pause(LATENCY_MS + extra, signal)
  }

  async #openStream(
    who: string,
    url: string,
    init: RequestInit,
    life: AbortSignal,
  ): Promise<Response> {
    const broken = new AbortController()
    const signals = [broken.signal, life, ...(init.signal ? [init.signal] : [])]
    const signal = AbortSignal.any(signals)
    const response = await this.#oneAtATime(() => this.#server.fetch(url, { ...init, signal }))
    this.#commands++
    const what = "SUBSCRIBE: wait for a message"
    const cut = () => {
      this.#cut++
      this.#note({ who, what, outcome: "stream cut", cost: 0 })
      broken.abort(new TypeError("the stream broke"))
    }
    this.#streams.add(cut)
    signal.addEventListener("abort", () => this.#streams.delete(cut), { once: true })
    this.#note({ who, what, outcome: "stream open", cost: 1 })
    const wire = new TransformStream<Uint8Array, Uint8Array>({
      transform: async (message, stream) => {
        await this.#travel(signal)
        stream.enqueue(message)
      },
    })
    return new Response(response.body?.pipeThrough(wire), response)
  }

  /** Executes a request alone, so that what the server has counted meanwhile is what it cost. */
  #execute(
    url: string,
    init: RequestInit,
  ): Promise<{ response: Response; text: string; cost: number }> {
    return this.#oneAtATime(async () => {
      const before = await this.#calls()
      const response = await this.#server.fetch(url, init)
      const text = await response.text()
      const cost = (await this.#calls()) - before
      this.#commands += cost
      return { response, text, cost }
    })
  }

  /** The calls that the server has counted, as a Redis does: those of scripts are among them. */
  async #calls(): Promise<number> {
    const headers = { Authorization: `Bearer ${this.#server.token}` }
    const body = JSON.stringify(["INFO", "commandstats"])
    const response = await this.#server.fetch(this.#server.url, { method: "POST", headers, body })
    const { result } = (await response.json()) as { result: string }
    const stats = [...result.matchAll(/cmdstat_(\w+):calls=(\d+)/g)]
    return stats.reduce((sum, [, name, calls]) => sum + (name === "info" ? 0 : Number(calls)), 0)
  }

  #oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => undefined)
    return result
  }

  #note(entry: Omit<LogEntry, "id" | "atMs">): void {
    this.#log.unshift({ id: ++this.#entries, atMs: Date.now(), ...entry })
    this.#log.length = Math.min(this.#log.length, LOGGED)
  }
}

/** The network of one process, which ends when the process crashes. */
export class Connection {
  readonly #life = new AbortController()
  readonly #network: Network
  readonly #who: string

  constructor(network: Network, who: string) {
    this.#network = network
    this.#who = who
  }

  get isCut(): boolean {
    return this.#life.signal.aborted
  }

  readonly fetch = (url: string, init: RequestInit): Promise<Response> =>
    this.isCut ? never() : this.#network.send(this.#who, url, init, this.#life.signal)

  /** Nothing is sent any more, nothing arrives, and the server notices the end of the streams, as when a process dies. */
  crash(): void {
    this.#life.abort(new TypeError("the process is gone"))
  }
}

/** A call, so that the compiler does not take an earlier answer for the present one. */
const isOver = ({ aborted }: AbortSignal): boolean => aborted

/** A process that is gone gets no answer. */
function never(): Promise<never> {
  return new Promise(() => undefined)
}

/** @throws the signal's reason */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      // The signal's own reason, whatever it is.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end)
      resolve()
    }, ms)
    signal.addEventListener("abort", end, { once: true })
  })
}

/** The longest first, since a text could contain another one. */
const SCRIPTS = Object.entries(scripts).sort(([, a], [, b]) => b.length - a.length)
const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

/** A request in words: the scripts that it runs. */
function describe({ body }: RequestInit): string {
  const parsed = JSON.parse(typeof body === "string" ? body : "[]") as unknown[]
  const commands = (Array.isArray(parsed[0]) ? parsed : [parsed]) as string[][]
  const texts = commands.map(([command = "", script = "", count = "0", ...rest]) => {
    const name = SCRIPTS.find(([, text]) => command === "EVAL" && script.includes(text))?.[0]
    if (name === undefined) return command
    const action = rest
      .slice(Number(count))
      .find((arg) => /^(try|enqueue|claim|check|leave)$/.test(arg))
    return action === undefined || action === name ? words(name) : `${words(name)}: ${action}`
  })
  return texts.join(" + ")
}
