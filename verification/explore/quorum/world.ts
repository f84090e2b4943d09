// A world of a quorum of three databases: its callers, everything that can happen to them, and what must stay true.
import type { Scripts } from "../../../test/support/waiter-by-hand.js"
import type { Keyspaces } from "../keyspaces.js"
import { type Bounds, isTurn, must, Violation, type World } from "../world.js"
import { QuorumCaller } from "./caller.js"
import { CLIENT_RULES, type ClientRules } from "./client-rules.js"
import type { QuorumHappening } from "./happening.js"
import { eachMicros, normalizeMicros } from "./micros.js"
import { passTime } from "./pass-time.js"
import { hasCompany, isBusy, QuorumRules } from "./rules.js"
import { QuorumServer } from "./server.js"
import {
  type Caller,
  newCaller,
  type NodeState,
  type QuorumState,
  type QuorumTerms,
  type Request,
  unknown,
} from "./state.js"
import { QuorumCodec } from "./state-codec.js"

export interface QuorumWorldSettings {
  readonly terms: readonly QuorumTerms[]
  /** How far the clock of each database is ahead. */
  readonly skewsMs: readonly number[]
  /** For how long a database that may have forgotten does not vote: the longest ttl. */
  readonly quarantineMs: number
  /** The names of the happenings before the exploration begins. */
  readonly before?: readonly string[]
  readonly endsWithinMs: number
  readonly idleWithinMs: number
}

/** The clocks of the databases gain this much on those of the callers, once: 1 % of a ttl of 10 s. */
const DRIFT_MS = 100
/** A request or a reply that is slow, and still in time, takes this long: more than the margin for clocks that drift. */
const SLOW_MS = 500

type Add = (
  kind: QuorumHappening["kind"],
  name: string,
  where: Partial<Pick<QuorumHappening, "caller" | "node" | "request">>,
  isFault?: boolean,
) => void

export class QuorumWorld implements World<QuorumState, QuorumHappening> {
  readonly columns: readonly string[]
  readonly endsWithinMs: number
  readonly idleWithinMs: number
  readonly #settings: QuorumWorldSettings
  readonly #terms: readonly QuorumTerms[]
  readonly #faults: number
  readonly #keyspaces: Keyspaces
  readonly #server: QuorumServer
  readonly #rules: QuorumRules
  readonly #client: ClientRules
  readonly #quarantineMs: number
  readonly #codec = new QuorumCodec()

  constructor(
    keyspaces: Keyspaces,
    scripts: Scripts,
    client: Partial<ClientRules>,
    settings: QuorumWorldSettings,
    { faults }: Bounds,
  ) {
    const { terms, skewsMs, endsWithinMs, idleWithinMs } = settings
    this.#settings = settings
    this.#terms = terms
    this.#faults = faults
    this.#keyspaces = keyspaces
    this.#client = { ...CLIENT_RULES, ...client }
    this.#quarantineMs = settings.quarantineMs / (this.#client.isQuarantinedForTtl ? 1 : 2)
    this.#server = new QuorumServer(keyspaces, scripts, terms, this.#quarantineMs)
    this.#rules = new QuorumRules(keyspaces, terms)
    this.endsWithinMs = endsWithinMs
    this.idleWithinMs = idleWithinMs
    this.columns = [...skewsMs.map((_, i) => `database ${i + 1}`), ...terms.map(({ name }) => name)]
  }

  get initial(): QuorumState {
    let state = this.#beginning()
    for (const name of this.#settings.before ?? []) {
      const happening = this.happenings(state).find((one) => one.name === name)
      if (!happening) throw new Violation(`"${name}" cannot happen`)
      state = this.decode(this.encode(this.after(state, happening)))
    }
    return state
  }

  #beginning(): QuorumState {
    const db = this.#server.started
    return {
      labels: this.#settings.skewsMs.map((_, i) => i),
      nodes: this.#settings.skewsMs.map((skewMs) => ({
        skewMs,
        db,
        requests: [],
        pausing: [],
        known: this.#terms.map(unknown),
      })),
      callers: this.#terms.map(newCaller),
      outcomes: this.#terms.map(() => ""),
      faults: 0,
      hasForgotten: false,
      hasDrifted: false,
      isCalm: true,
      isClean: true,
      highestFence: null,
    }
  }

  happenings(state: QuorumState): QuorumHappening[] {
    const list: QuorumHappening[] = []
    const add: Add = (kind, name, where, isFault = false) => {
      if (isFault && state.faults >= this.#faults) return
      const place = { caller: -1, node: -1, request: -1, ...where }
      list.push({ kind, name, isFault, ms: 0, idleMs: 0, ...place })
    }
    for (const [i, { name }] of this.#terms.entries()) {
      if (state.callers[i]?.phase === "idle" && isTurn(state.callers, this.#terms, i))
        add("start", `${name} calls`, { caller: i })
    }
    for (const [n, node] of state.nodes.entries()) {
      for (const [r, request] of node.requests.entries())
        this.#happeningsTo(request, state.labels[n] ?? 0, { node: n, request: r }, add)
    }
    for (const [i, caller] of state.callers.entries())
      this.#happeningsOf(caller, i, isBusy(state, i), add)
    // Of databases in the same state, one is enough.
    if (!state.hasForgotten) {
      for (const [n, label] of state.labels.entries())
        add("forget", `database ${label + 1} forgets everything`, { node: n })
    }
    if (!state.hasDrifted) add("drift", `the databases' clocks gain ${DRIFT_MS} ms`, {}, true)
    const time = this.#timePasses(state)
    if (time && (!time.isFault || state.faults < this.#faults)) list.push(time)
    return list
  }

  after(state: QuorumState, happening: QuorumHappening): QuorumState {
    const { kind, caller: index, isFault, ms } = happening
    const node = state.nodes[happening.node]
    const request = node?.requests[happening.request]
    if (isFault) {
      state.faults++
      state.isCalm = false
      // Each request is repeated after one failure; after two, a vote may be left until its ttl is over.
      if (state.faults > 1) state.isClean = false
    }
    const believed = state.callers.map(({ phase }) => phase === "holding")
    switch (kind) {
      case "start":
        this.#model(state, index).start()
        break
      case "release":
        this.#model(state, index).release()
        break
      case "abort":
        this.#model(state, index).abort()
        break
      case "die":
        die(state, index)
        break
      case "forget":
        state.hasForgotten = true
        state.isCalm = false
        if (node) node.db = 0
        break
      case "drift":
        this.#drift(state)
        break
      case "time":
        if (isFault) state.isClean = false
        this.#pass(state, ms)
        break
      case "execute":
      case "execute-in-vain":
      case "copy":
      case "deliver":
      case "lose-request":
      case "lose-reply":
        if (node && request) this.#travel(state, node, request, kind)
    }
    this.#note(state, believed)
    this.#rules.checkState(state)
    normalizeMicros(state, this.#keyspaces)
    return state
  }

  fair(state: QuorumState, happenings: readonly QuorumHappening[]): QuorumHappening | undefined {
    const find = (kind: QuorumHappening["kind"]) => happenings.find((one) => one.kind === kind)
    const next = find("execute") ?? find("deliver") ?? find("release")
    if (next) return next
    const isOver = state.callers.every(
      ({ phase }, i) =>
        phase === "dead" || phase === "idle" || (phase === "over" && !isBusy(state, i)),
    )
    const isGone = state.nodes.every(({ db }) => this.#keyspaces.nextEndMs(db) === undefined)
    return isOver && isGone ? undefined : find("time")
  }

  atEnd({ nodes }: QuorumState): void {
    must(
      nodes.every(({ db }) => this.#rules.isFree(db)),
      "the name is never free again",
    )
  }

  encode(state: QuorumState): string {
    return this.#codec.encode(state)
  }

  decode(text: string): QuorumState {
    return this.#codec.decode(text)
  }

  identityOf(text: string): string {
    return this.#codec.identityOf(text)
  }

  show({ nodes, labels, callers, outcomes }: QuorumState): readonly string[] {
    const shown = callers.map((caller, i) => showCaller(caller, outcomes[i] ?? ""))
    const votes = labels.map((_, label) => this.#rules.show(nodes[labels.indexOf(label)]?.db ?? 0))
    return [...votes, ...shown]
  }

  #happeningsTo(
    request: Request,
    label: number,
    where: { readonly node: number; readonly request: number },
    add: Add,
  ): void {
    const { kind, role, reply, caller } = request
    const who = this.#terms[caller]?.name ?? ""
    const late = role === "nobody" ? " late" : ""
    const at = ` at database ${label + 1}`
    const what = role === "withdrawal" ? "withdrawal" : kind
    if (reply) {
      add("deliver", `${who} receives the reply to ${what} from database ${label + 1}`, where)
      add("lose-reply", `the reply to ${who}'s ${what}${at} is lost`, where, true)
      return
    }
    add("execute", `${who}'s ${what} is executed${late}${at}`, where)
    // What nobody waits for any more may also never arrive.
    add("lose-request", `${who}'s ${what}${at} is lost`, where, role !== "nobody")
    if (role === "withdrawal")
      add("execute-in-vain", `${who}'s ${what} is executed${at}, its reply is lost`, where, true)
    if (role !== "nobody" && role !== "ignored")
      add("copy", `${who}'s ${what}${at} is copied on its way`, where, true)
  }

  #happeningsOf({ phase }: Caller, caller: number, isAtWork: boolean, add: Add): void {
    const name = this.#terms[caller]?.name ?? ""
    if (phase === "holding" || phase === "lost") add("release", `${name} releases`, { caller })
    if (phase === "idle" || phase === "dead" || (phase === "over" && !isAtWork)) return
    add("die", `${name} dies`, { caller }, true)
    if (isAsking(phase)) add("abort", `${name} aborts`, { caller }, true)
  }

  /** Time passes until the next moment at which something is due. A fault while anything is on its way. */
  #timePasses(state: QuorumState): QuorumHappening | undefined {
    let ms = Infinity
    const due = (time: number | null | undefined) => {
      if (time !== null && time !== undefined && time > 0) ms = Math.min(ms, time)
    }
    let isLate = false
    for (const { db, skewMs, requests, pausing } of state.nodes) {
      due(this.#keyspaces.nextEndMs(db))
      const sinceMs = this.#rules.sinceMs(db)
      if (sinceMs !== undefined) due(sinceMs + this.#quarantineMs - skewMs)
      for (const { timerMs } of pausing) due(timerMs)
      for (const { role, deadlineMs } of requests) {
        if (role === "nobody") continue
        due(deadlineMs)
        due(deadlineMs - SLOW_MS)
        isLate = true
      }
    }
    for (const { phase, timerMs, renewal, validMs } of state.callers) {
      due(timerMs)
      due(renewal?.timerMs)
      if (phase === "holding") due(validMs)
    }
    if (ms === Infinity) return undefined
    const phases = state.callers.map(({ phase }) => phase)
    const isIdle =
      phases.includes("waiting") && !phases.includes("holding") && !phases.includes("lost")
    const name = `${ms} ms pass`
    const idleMs = isIdle ? ms : 0
    return { kind: "time", caller: -1, node: -1, request: -1, name, isFault: isLate, ms, idleMs }
  }

  #pass(state: QuorumState, ms: number): void {
    for (const node of state.nodes) node.db = this.#keyspaces.later(node.db, ms)
    passTime(state, ms)
    for (const i of state.callers.keys()) this.#model(state, i).tick()
    for (const node of state.nodes) {
      for (const request of [...node.requests]) {
        const { role, deadlineMs } = request
        // A decision may have made it obsolete.
        if (role === "nobody" || deadlineMs > 0 || !node.requests.includes(request)) continue
        const given = { ...request }
        if (request.reply) node.requests.splice(node.requests.indexOf(request), 1)
        else giveUp(request)
        this.#model(state, request.caller).fail(node, given, role, true)
      }
    }
  }

  /** The time by the callers' clocks does not change, so keys end earlier by them. */
  #drift(state: QuorumState): void {
    state.hasDrifted = true
    for (const node of state.nodes) node.db = this.#keyspaces.later(node.db, DRIFT_MS)
    eachMicros(state, (micros) => (micros === null ? null : micros - DRIFT_MS * 1_000))
  }

  #travel(
    state: QuorumState,
    node: NodeState,
    request: Request,
    kind: "execute" | "execute-in-vain" | "copy" | "deliver" | "lose-request" | "lose-reply",
  ): void {
    const remove = () => node.requests.splice(node.requests.indexOf(request), 1)
    const model = this.#model(state, request.caller)
    switch (kind) {
      case "execute":
        this.#execute(state, node, request)
        if (request.reply && !isAwaited(request)) {
          remove()
          model.receive(node, request, request.reply)
        }
        break
      case "execute-in-vain":
        this.#execute(state, node, request)
        remove()
        model.fail(node, request, request.role, false)
        break
      case "copy":
        state.isClean = false
        node.requests.push(giveUp({ ...request }))
        break
      case "deliver":
        remove()
        if (request.reply) model.receive(node, request, request.reply)
        break
      case "lose-request":
      case "lose-reply":
        remove()
        model.fail(node, request, request.role, false)
    }
  }

  #execute(state: QuorumState, node: NodeState, request: Request): void {
    const before = node.db
    const run = this.#server.execute(state, node, request)
    request.reply = this.#server.read(request, run.reply)
    this.#rules.checkRun(request, before, run, request.reply)
  }

  /** Notes a new hold: its fencing token must be greater than those of all earlier ones. */
  #note(state: QuorumState, believed: readonly boolean[]): void {
    for (const [i, caller] of state.callers.entries()) {
      const { phase, fence } = caller
      if (isAsking(phase)) caller.hasCompany ||= hasCompany(state, i)
      if (phase !== "holding" || believed[i] || fence === null) continue
      const { highestFence } = state
      must(
        highestFence === null || fence > highestFence,
        `the fencing token of ${this.#terms[i]?.name ?? ""} is not greater than an earlier one`,
      )
      state.highestFence = fence
      caller.fence = null
    }
    // It only counts while it can still be compared.
    const isCompared = state.callers.some(
      ({ phase }, i) => this.#terms[i]?.fencing && (phase === "idle" || isAsking(phase)),
    )
    if (!isCompared) state.highestFence = null
  }

  #model(state: QuorumState, index: number): QuorumCaller {
    const terms = this.#terms[index]
    if (!terms) throw new Violation(`there is no caller ${index}`)
    return new QuorumCaller(state, index, terms, this.#client)
  }
}

/** Whether the caller still decides by its reply. The reply to any other arrives at once, since it makes no difference when. */
function isAwaited({ role }: Request): boolean {
  return role === "main" || role === "straggler" || role === "tracked"
}

function isAsking(phase: Caller["phase"]): boolean {
  return ["voting", "minting", "split", "pausing", "waiting"].includes(phase)
}

function giveUp(request: Request): Request {
  request.role = "nobody"
  request.deadlineMs = 0
  request.retry = null
  return request
}

function die(state: QuorumState, index: number): void {
  state.callers[index] = { ...newCaller(), phase: "dead" }
  state.isClean = false
  for (const node of state.nodes) {
    node.known[index] = unknown()
    node.pausing = node.pausing.filter(({ caller }) => caller !== index)
    node.requests = node.requests.filter(({ caller, reply }) => caller !== index || !reply)
    for (const request of node.requests) if (request.caller === index) giveUp(request)
  }
}

function showCaller({ phase, validMs, attempt, isAborted }: Caller, outcome: string): string {
  if (phase === "holding") return `holds, ${validMs} ms`
  if (phase === "voting" || phase === "minting")
    return `${phase} ${attempt}${isAborted ? ", aborted" : ""}`
  return phase === "over" || phase === "lost" ? `${phase}: ${outcome}` : phase
}
