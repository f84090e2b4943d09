// Proxies before the databases of a quorum, which a test sees as one: a request suffers the same fault at each database.
import {
  type Fault,
  FaultProxy,
  type Faults,
  nothing,
  type Plan,
  type SeenRequest,
} from "./fault-proxy.js"

/** A vote takes a lock, as the plain command and the script do on one database. */
const ALIASES: Readonly<Record<string, readonly string[]>> = { vote: ["vote", "claim", "acquire"] }

export class QuorumFaults implements Faults {
  readonly #proxies: readonly FaultProxy[]
  #plan: Plan = nothing

  static async open(targets: readonly string[]): Promise<QuorumFaults> {
    return new QuorumFaults(await Promise.all(targets.map((target) => FaultProxy.open(target))))
  }

  private constructor(proxies: readonly FaultProxy[]) {
    this.#proxies = proxies
  }

  get urls(): readonly string[] {
    return this.#proxies.map(({ url }) => url)
  }

  get plan(): Plan {
    return this.#plan
  }

  /** Called once for the n-th request of a kind, and obeyed by each database. */
  set plan(plan: Plan) {
    this.#plan = plan
    const decided = new Map<string, Fault | undefined>()
    for (const proxy of this.#proxies) {
      const counts = new Map<string, number>()
      proxy.plan = (request) => {
        const kind = request.operations.join()
        const n = counts.get(kind) ?? 0
        counts.set(kind, n + 1)
        const key = `${kind} ${n}`
        if (!decided.has(key)) {
          const operations = request.operations.flatMap((name) => ALIASES[name] ?? [name])
          decided.set(key, plan({ ...request, operations }))
        }
        return decided.get(key)
      }
    }
  }

  /** The requests of the first database. */
  get log(): SeenRequest[] {
    return this.#proxies[0]?.log ?? []
  }

  seen(operation: string): readonly SeenRequest[] {
    return this.log.filter(({ operations }) =>
      operations.some((name) => (ALIASES[name] ?? [name]).includes(operation)),
    )
  }

  async settled(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.settled()))
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()))
  }
}
