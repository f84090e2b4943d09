// The stage of a run: the database, a proxy with faults for each client, the witness, and the clients.
import { join } from "node:path"
import { type Execution, FaultProxy } from "../../../test/support/fault-proxy.js"
import type { ClientSettings } from "../client/settings.js"
import type { Court } from "../judges/court.js"
import { monotonicMs } from "../monotonic.js"
import type { Random } from "../random.js"
import { TIMEOUT_MS } from "../times.js"
import type { Victims } from "../trouble/crashes.js"
import { Belated } from "../trouble/belated.js"
import { nameIn, planFaults } from "../trouble/fault-plan.js"
import { buildClients, type ClientPrograms } from "./client-programs.js"
import { TorturedDatabase } from "./database.js"
import { isInTime } from "./in-time.js"
import { NodeClient } from "./node-client.js"
import { sentAtOf } from "../sent-at.js"
import type { TortureSettings } from "../settings.js"
import { Witness } from "./witness.js"
import { WorkerClient } from "./worker-client.js"

type Client = NodeClient | WorkerClient

const PREFIX = "lock:"
/** The longest end of a client's visits: a hold until its end, an adoption, and retried clean-ups. */
const STOP_MS = 20_000
const START_MS = 30_000

export class Stage implements Victims {
  readonly #settings: TortureSettings
  readonly #court: Court
  readonly #directory: string
  readonly #programs: ClientPrograms
  readonly #database: TorturedDatabase
  readonly #witness: Witness
  readonly #nodes = new Set<NodeClient>()
  readonly #workers = new Set<WorkerClient>()
  readonly #paused = new Set<Client>()
  readonly #proxies = new Set<FaultProxy>()
  readonly #belated = new Belated()
  /** The Workers that were killed. */
  readonly #dead: Set<number>
  #clients = 0

  /** Starts everything. The clients then wait to be let in. */
  static async open(settings: TortureSettings, court: Court, directory: string): Promise<Stage> {
    const dead = new Set<number>()
    const programs = await buildClients(settings.breakages, directory)
    const database = await TorturedDatabase.start()
    const witness = await Witness.open(court.register, (client, note) => {
      // What arrives after a kill was sent before, but the court has closed its record.
      if (!dead.has(client)) court.note(client, note)
    })
    const stage = new Stage(settings, court, directory, programs, database, witness, dead)
    await stage.#startClients()
    return stage
  }

  private constructor(
    settings: TortureSettings,
    court: Court,
    directory: string,
    programs: ClientPrograms,
    database: TorturedDatabase,
    witness: Witness,
    dead: Set<number>,
  ) {
    this.#settings = settings
    this.#court = court
    this.#directory = directory
    this.#programs = programs
    this.#database = database
    this.#witness = witness
    this.#dead = dead
  }

  /** Lets all clients begin at once: the machine would be busy with starting the others if some began earlier. */
  letIn(): void {
    for (const client of [...this.#nodes, ...this.#workers]) client.letIn()
  }

  /** Passes the clients' notes and complaints to the court. */
  readNotes(): void {
    for (const client of this.#nodes) this.#read(client)
    for (const client of [...this.#nodes, ...this.#workers]) {
      const complaint = client.readComplaint()
      if (complaint !== undefined) {
        this.#court.complained(client.number, complaint, monotonicMs())
      }
    }
  }

  keys(): ReturnType<TorturedDatabase["keys"]> {
    return this.#database.keys()
  }

  async kill(random: Random): Promise<boolean> {
    const client = this.#pickVictim(random)
    if (!client) return false
    const next = client instanceof NodeClient ? this.#replace(client) : this.#replaceWorker(client)
    ;(await next).letIn()
    return true
  }

  async #replace(client: NodeClient): Promise<NodeClient> {
    this.#nodes.delete(client)
    const at = await client.kill()
    this.#read(client)
    client.close()
    this.#court.killed(client.number, at)
    return this.#addNode()
  }

  async #replaceWorker(client: WorkerClient): Promise<WorkerClient> {
    this.#workers.delete(client)
    const at = await client.kill()
    this.#dead.add(client.number)
    this.#court.killed(client.number, at)
    return this.#addWorker()
  }

  async pause(random: Random, ms: number): Promise<boolean> {
    const client = this.#pickVictim(random)
    if (!client) return false
    this.#paused.add(client)
    this.#court.paused(client.number, client.pause())
    await new Promise((resolve) => setTimeout(resolve, ms))
    this.#court.setbacks.resumed(client.number, client.resume())
    this.#paused.delete(client)
    return true
  }

  async restart(): Promise<void> {
    const { from, until } = await this.#database.restart()
    this.#court.setbacks.restarted(from, until)
  }

  /** Lets all clients end their visits. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.#nodes, ...this.#workers].map(async (client) => {
        if (await client.stop(STOP_MS)) return
        this.#court.complained(client.number, "did not end its visits in time", monotonicMs())
      }),
    )
    this.readNotes()
  }

  async close(): Promise<void> {
    for (const client of this.#nodes) {
      client.end()
      client.close()
    }
    await Promise.all([...this.#workers].map((worker) => worker.stop(0)))
    await Promise.all([...this.#proxies].map((proxy) => proxy.close()))
    await this.#witness.close()
    await this.#database.close()
  }

  async #startClients(): Promise<void> {
    const { processes, workers } = this.#settings
    for (let i = 0; i < processes; i++) await this.#addNode()
    for (let i = 0; i < workers; i++) await this.#addWorker()
    const areReady = Promise.all([...this.#nodes].map((node) => node.isReady))
    if (!(await isInTime(areReady, START_MS))) throw new Error("a client did not start in time")
  }

  async #addNode(): Promise<NodeClient> {
    const settings = await this.#nextClient()
    const diary = join(this.#directory, `diary-${settings.client}`)
    const { visitors } = this.#settings
    const node = new NodeClient(this.#programs.process, { ...settings, diary, visitors })
    this.#nodes.add(node)
    return node
  }

  async #addWorker(): Promise<WorkerClient> {
    const settings = await this.#nextClient()
    const onLag = (at: number, ms: number) => {
      this.#court.setbacks.lagged(settings.client, at, ms)
    }
    const { workerVisitors } = this.#settings
    const { worker } = this.#programs
    const client = await WorkerClient.start(worker, settings, workerVisitors, onLag)
    this.#workers.add(client)
    return client
  }

  /** The settings of the next client, with its own number and proxy. */
  async #nextClient(): Promise<ClientSettings> {
    const { seed, ledgers, quietLedgers, faultShare: share } = this.#settings
    const client = this.#clients++
    const handler = (request: Request) => this.#database.fetch(request)
    const { plan, see } = planFaults({ seed, client, share, prefix: PREFIX }, this.#court)
    const onExecution = (execution: Execution) => {
      try {
        see(execution)
        this.#reportLate(execution)
      } catch (error) {
        this.#court.complained(client, String(error), monotonicMs())
      }
    }
    const proxy = await FaultProxy.open(this.#database.url, { handler, onExecution })
    this.#proxies.add(proxy)
    proxy.plan = (request) => {
      // The log of minutes of requests would be too large.
      proxy.log.length = 0
      return plan(request)
    }
    return {
      client,
      seed,
      url: proxy.url,
      token: this.#database.token,
      witness: this.#witness.url,
      ledgers,
      quietLedgers,
      timeoutMs: TIMEOUT_MS,
    }
  }

  #reportLate(execution: Execution): void {
    const at = monotonicMs()
    const ageMs = Date.now() - sentAtOf(execution.headers)
    const nameOf = (command: Execution["commands"][number]) => nameIn([command], PREFIX) ?? ""
    for (const command of this.#belated.see(execution)) this.#court.onBelated(nameOf(command), at)
    if (ageMs < TIMEOUT_MS) return
    for (const command of execution.commands) this.#court.onLate(nameOf(command), at - ageMs)
  }

  #pickVictim(random: Random): Client | undefined {
    const candidates = [...this.#nodes, ...this.#workers].filter(
      (client) => !this.#paused.has(client),
    )
    return candidates.length > 0 ? random.pick(candidates) : undefined
  }

  #read(client: NodeClient): void {
    for (const note of client.readNotes()) this.#court.note(client.number, note)
  }
}
