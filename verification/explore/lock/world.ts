// A world of one lock: its callers, everything that can happen to them, and what must stay true.
import type { Scripts } from "../../../test/support/waiter-by-hand.js"
import { type Keyspaces, Keyspaces as Contents } from "../keyspaces.js"
import { type Bounds, isTurn, must, Violation, type World } from "../world.js"
import type { CallModel } from "./call-model.js"
import type { LockHappening } from "./happening.js"
import { microsOffset, normalizeMicros } from "./micros.js"
import { modelOf } from "./model-of.js"
import { OnceRules } from "./once-rules.js"
import { LockRules } from "./rules.js"
import { LockServer, readReply } from "./server.js"
import { type Caller, type LockState, newCaller, type Request, type Terms } from "./state.js"
import { StateCodec } from "./state-codec.js"

/** Which faults happen, and what must be over when. */
export interface LockWorldSettings {
  readonly terms: readonly Terms[]
  /** The names of the happenings before the exploration begins. */
  readonly before?: readonly string[]
  readonly endsWithinMs: number
  readonly idleWithinMs: number
}

export class LockWorld implements World<LockState, LockHappening> {
  readonly columns: readonly string[]
  readonly endsWithinMs: number
  readonly idleWithinMs: number
  readonly #terms: readonly Terms[]
  readonly #before: readonly string[]
  readonly #faults: number
  readonly #keyspaces: Keyspaces
  readonly #server: LockServer
  readonly #rules: LockRules | OnceRules
  readonly #codec = new StateCodec()

  constructor(
    keyspaces: Keyspaces,
    scripts: Scripts,
    { terms, before = [], endsWithinMs, idleWithinMs }: LockWorldSettings,
    { faults }: Bounds,
  ) {
    this.#terms = terms
    this.#before = before
    this.#faults = faults
    this.#keyspaces = keyspaces
    this.#server = new LockServer(keyspaces, scripts, terms)
    this.#rules = terms.some(({ once }) => once)
      ? new OnceRules(keyspaces, terms)
      : new LockRules(keyspaces, terms)
    this.endsWithinMs = endsWithinMs
    this.idleWithinMs = idleWithinMs
    this.columns = [...this.#rules.columns, ...terms.map(({ name }) => name)]
  }

  get initial(): LockState {
    let state = this.#beginning()
    for (const name of this.#before) {
      const happening = this.happenings(state).find((one) => one.name === name)
      if (!happening) throw new Violation(`"${name}" cannot happen`)
      state = this.decode(this.encode(this.after(state, happening)))
    }
    return state
  }

  #beginning(): LockState {
    return {
      db: Contents.EMPTY,
      callers: this.#terms.map(newCaller),
      requests: [],
      messages: this.#terms.map(() => []),
      faults: 0,
      isCalm: true,
      highestFence: null,
    }
  }

  happenings(state: LockState): LockHappening[] {
    const list: LockHappening[] = []
    const add = (kind: LockHappening["kind"], index: number, name: string, isFault = false) => {
      if (!isFault || state.faults < this.#faults)
        list.push({ kind, index, name, isFault, ms: 0, idleMs: 0 })
    }
    for (const [i, { name }] of this.#terms.entries()) {
      if (state.callers[i]?.phase === "idle" && isTurn(state.callers, this.#terms, i))
        add("start", i, `${name} calls`)
    }
    for (const [i, request] of state.requests.entries()) this.#happeningsTo(state, request, i, add)
    for (const [i, { name }] of this.#terms.entries()) {
      if (state.messages[i]?.length) {
        add("message", i, `${name} receives "${state.messages[i][0]?.kind ?? ""}"`)
        add("lose-message", i, `${name}'s message is lost`, true)
      }
    }
    for (const [i, caller] of state.callers.entries()) this.#happeningsOf(caller, i, add)
    const time = this.#timePasses(state)
    if (time && (!time.isFault || state.faults < this.#faults)) list.push(time)
    return list
  }

  after(state: LockState, { kind, index, isFault, ms }: LockHappening): LockState {
    const caller = state.callers[index]
    const request = state.requests[index]
    if (isFault) {
      state.faults++
      state.isCalm = false
    }
    const believed = state.callers.map(({ phase }) => phase === "holding")
    switch (kind) {
      case "start":
        // A steal may take what was just granted to a waiter.
        if (this.#terms[index]?.steals) state.isCalm = false
        if (caller && this.#terms[index]?.once)
          caller.beganAt = microsOffset(state, this.#keyspaces)
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
      case "cut":
        if (caller) cut(state, index, this.#model(state, index))
        break
      case "message": {
        const message = state.messages[index]?.shift()
        if (message) this.#model(state, index).hear(message)
        break
      }
      case "lose-message":
        state.messages[index]?.shift()
        break
      case "execute":
        if (request) this.#execute(state, request)
        break
      case "copy":
        if (request) state.requests.push({ ...request, role: "nobody" })
        break
      case "deliver":
        if (request) {
          state.requests.splice(index, 1)
          if (request.reply) this.#model(state, request.caller).receive(request, request.reply)
        }
        break
      case "lose-request":
      case "lose-reply":
        if (request) this.#break(state, request)
        break
      case "time":
        this.#pass(state, ms)
    }
    this.#note(state, believed)
    this.#rules.checkState(state)
    normalizeMicros(state, this.#keyspaces)
    return state
  }

  fair(state: LockState, happenings: readonly LockHappening[]): LockHappening | undefined {
    const find = (kind: LockHappening["kind"]) => happenings.find((one) => one.kind === kind)
    const next = find("execute") ?? find("deliver") ?? find("message") ?? find("release")
    if (next) return next
    const isOver = state.callers.every(
      ({ phase, cleanUp }) =>
        (phase === "over" && !cleanUp) || phase === "dead" || phase === "idle",
    )
    return isOver && this.#keyspaces.nextEndMs(state.db) === undefined ? undefined : find("time")
  }

  atEnd(state: LockState): void {
    for (const [i, { phase, outcome }] of state.callers.entries()) {
      must(
        phase !== "over" || outcome !== "",
        `the call of ${this.#terms[i]?.name ?? ""} has no outcome`,
      )
    }
    must(this.#rules.isFree(state.db), "the name is never free again")
  }

  encode(state: LockState): string {
    return this.#codec.encode(state)
  }

  decode(text: string): LockState {
    return this.#codec.decode(text)
  }

  identityOf(text: string): string {
    return text
  }

  show(state: LockState): readonly string[] {
    return [...this.#rules.show(state.db), ...state.callers.map(showCaller)]
  }

  #happeningsTo(
    state: LockState,
    { caller, kind, role, reply }: Request,
    index: number,
    add: (kind: LockHappening["kind"], index: number, name: string, isFault?: boolean) => void,
  ): void {
    const name = this.#terms[caller]?.name ?? ""
    const late = role === "nobody" || role === "unsettled" ? " late" : ""
    if (reply) {
      add("deliver", index, `${name} receives${late} the reply to ${kind}`)
      add("lose-reply", index, `the reply to ${name}'s ${kind} is lost`, true)
      return
    }
    add("execute", index, `${name}'s ${kind} is executed${late}`)
    // What nobody waits for any more may also never arrive.
    add("lose-request", index, `${name}'s ${kind} is lost`, role !== "nobody")
    if (role === "main" && kind !== "listen" && kind !== "look")
      add("copy", index, `${name}'s ${kind} is copied on its way`, true)
  }

  #happeningsOf(
    { phase, kind, isHeard }: Caller,
    index: number,
    add: (kind: LockHappening["kind"], index: number, name: string, isFault?: boolean) => void,
  ): void {
    const name = this.#terms[index]?.name ?? ""
    if (phase === "holding" || phase === "lost") add("release", index, `${name} releases`)
    if (phase === "idle" || phase === "over" || phase === "dead") return
    if (isHeard) add("cut", index, `${name}'s stream is cut`, true)
    add("die", index, `${name} dies`, true)
    const isAsking = phase === "asking" || phase === "pausing" || phase === "waiting"
    if (isAsking && !["release", "steal", "once-settle"].includes(kind))
      add("abort", index, `${name} aborts`, true)
  }

  /** Time passes until the next moment at which something is due. A fault while anything is on its way. */
  #timePasses(state: LockState): LockHappening | undefined {
    let ms = this.#keyspaces.nextEndMs(state.db) ?? Infinity
    const due = (time: number | null | undefined) => {
      if (time !== null && time !== undefined && time > 0) ms = Math.min(ms, time)
    }
    let isLate = state.messages.some((list) => list.length > 0)
    for (const { role, deadlineMs } of state.requests) {
      if (role === "nobody" || role === "unsettled") continue
      due(deadlineMs)
      isLate = true
    }
    for (const { phase, timerMs, renewal, cleanUp, validMs } of state.callers) {
      due(timerMs)
      due(renewal?.timerMs)
      due(cleanUp?.timerMs)
      if (phase === "holding") due(validMs)
    }
    if (ms === Infinity) return undefined
    const phases = state.callers.map(({ phase }) => phase)
    const isIdle =
      phases.includes("waiting") && !phases.includes("holding") && !phases.includes("lost")
    const name = `${ms} ms pass`
    return { kind: "time", index: -1, name, isFault: isLate, ms, idleMs: isIdle ? ms : 0 }
  }

  #pass(state: LockState, ms: number): void {
    const phases = state.callers.map(({ phase }) => phase)
    const isUsed = phases.some(
      (phase) =>
        phase === "holding" || phase === "lost" || phase === "asking" || phase === "pausing",
    )
    must(
      !state.isCalm || isUsed || !phases.includes("waiting"),
      "a caller waits, although nobody has the lock and nothing went wrong",
    )
    state.db = this.#keyspaces.later(state.db, ms)
    passTime(state, ms)
    for (const [i] of state.callers.entries()) this.#model(state, i).tick()
    for (const request of [...state.requests]) {
      const isAwaited = request.role !== "nobody" && request.role !== "unsettled"
      if (isAwaited && request.deadlineMs <= 0) this.#giveUp(state, request)
    }
    if (state.callers.some(({ phase }) => phase === "lost")) state.isCalm = false
  }

  /** A request has outlasted its deadline. */
  #giveUp(state: LockState, request: Request): void {
    const { role } = request
    const { cancels } = this.#terms[request.caller] ?? {}
    const isTracked =
      role === "main" && !["listen", "release", "once-settle"].includes(request.kind)
    request.role = !cancels && isTracked ? "unsettled" : "nobody"
    if (request.kind === "listen") deafen(state, request.caller)
    if (request.role === "nobody" && request.reply)
      state.requests.splice(state.requests.indexOf(request), 1)
    this.#model(state, request.caller).fail(request, role)
  }

  /** The connection of a request breaks. */
  #break(state: LockState, request: Request): void {
    state.requests.splice(state.requests.indexOf(request), 1)
    if (request.kind === "listen" && request.role !== "nobody") {
      deafen(state, request.caller)
    }
    this.#model(state, request.caller).fail(request, request.role)
  }

  #execute(state: LockState, request: Request): void {
    const caller = state.callers[request.caller]
    if (request.kind === "listen") {
      if (request.role === "nobody" || !caller)
        state.requests.splice(state.requests.indexOf(request), 1)
      else {
        caller.isHeard = true
        request.reply = { kind: "done", result: "open" }
      }
      return
    }
    const before = state.db
    const run = this.#server.execute(state, request)
    const reply = readReply(request, run.reply)
    this.#rules.checkRun(state, request, before, run, reply)
    if (request.role === "nobody") state.requests.splice(state.requests.indexOf(request), 1)
    else request.reply = reply
  }

  /** Notes a new hold: its fencing token must be greater than those of all earlier ones. */
  #note(state: LockState, believed: readonly boolean[]): void {
    for (const [i, { phase, fence }] of state.callers.entries()) {
      if (phase !== "holding" || believed[i] || fence === null) continue
      const { highestFence } = state
      must(
        highestFence === null || fence > highestFence,
        `the fencing token of ${this.#terms[i]?.name ?? ""} is not greater than an earlier one`,
      )
      state.highestFence = fence
    }
    for (const caller of state.callers) {
      const { phase, beganAt, settledAt } = caller
      if (phase !== "over") continue
      const isOlder =
        caller.outcome === "joined" && settledAt !== null && settledAt < (beganAt ?? 0)
      must(!isOlder, "a call got a result that is older than the call")
      caller.beganAt = null
      caller.settledAt = null
    }
    // It only counts while it can still be compared.
    if (
      !state.callers.some(
        ({ phase }, i) => this.#terms[i]?.fencing && phase !== "over" && phase !== "dead",
      )
    )
      state.highestFence = null
  }

  #model(state: LockState, index: number): CallModel {
    const terms = this.#terms[index]
    if (!terms) throw new Error(`there is no caller ${index}`)
    return modelOf(state, index, terms)
  }
}

function die(state: LockState, index: number): void {
  state.callers[index] = { ...newCaller(), phase: "dead" }
  state.messages[index] = []
  state.requests = state.requests.filter(({ caller, reply }) => caller !== index || !reply)
  for (const request of state.requests) if (request.caller === index) request.role = "nobody"
}

function cut(state: LockState, index: number, model: CallModel): void {
  const caller = state.callers[index]
  if (!caller) return
  const wasOpen = caller.stream === "open"
  deafen(state, index)
  if (wasOpen) model.hear({ kind: "end" })
}

/** The connection of its stream is gone. */
function deafen(state: LockState, index: number): void {
  const caller = state.callers[index]
  if (caller) caller.isHeard = false
  state.messages[index] = []
}

function passTime(state: LockState, ms: number): void {
  const micros = ms * 1_000
  const later = (time: number | null) => (time === null ? null : time - ms)
  state.highestFence = state.highestFence === null ? null : state.highestFence - micros
  for (const caller of state.callers) {
    caller.timerMs = later(caller.timerMs)
    caller.budgetMs = Math.max(0, caller.budgetMs - ms)
    caller.outageMs = Math.max(0, caller.outageMs - ms)
    caller.waitMs = Math.max(0, caller.waitMs - ms)
    caller.validMs = Math.max(0, caller.validMs - ms)
    if (caller.ticket !== null) caller.ticket -= micros
    if (caller.fence !== null) caller.fence -= micros
    if (caller.beganAt !== null) caller.beganAt -= micros
    if (caller.first) caller.first.atMs -= ms
    if (caller.last) caller.last.atMs -= ms
    if (caller.known) caller.known.atMs -= ms
    // Whether it is older than a second is all that counts.
    if (caller.stream !== "closed") caller.streamMs = Math.max(-1_000, caller.streamMs - ms)
    if (caller.queued) {
      caller.queued.sentMs -= ms
      caller.queued.micros -= micros
    }
    if (caller.renewal) caller.renewal.timerMs = later(caller.renewal.timerMs)
    if (caller.cleanUp) caller.cleanUp.timerMs = later(caller.cleanUp.timerMs)
  }
  for (const request of state.requests) {
    request.atMs -= ms
    request.deadlineMs -= ms
    if (request.ticket !== null) request.ticket -= micros
    const { reply } = request
    if (reply?.kind === "granted" && reply.fence !== null) reply.fence -= micros
    if (reply?.kind === "running") reply.since -= micros
    if (reply?.kind === "record") reply.settled -= micros
    if (reply?.kind === "queued") {
      reply.ticket -= micros
      reply.micros -= micros
    }
    // Nobody compares these times any more.
    if (request.role === "nobody") request.atMs = request.deadlineMs = 0
  }
  for (const message of [
    ...state.messages.flat(),
    ...state.callers.flatMap(({ inbox }) => inbox),
  ]) {
    if (message.kind === "record") message.settled -= micros
    if (message.kind !== "granted") continue
    message.micros -= micros
    if (message.fence !== null) message.fence -= micros
  }
  for (const message of state.callers.flatMap(({ inbox }) => inbox)) {
    if (message.kind === "granted") message.receivedMs -= ms
  }
}

function showCaller({ phase, kind, validMs, outcome, stream }: Caller): string {
  if (phase === "asking" || phase === "pausing")
    return `${kind}${phase === "pausing" ? " (pauses)" : ""}`
  if (phase === "holding") return `holds, ${validMs} ms`
  if (phase === "waiting") return `waits${stream === "open" ? "" : ", without a stream"}`
  return phase === "over" || phase === "lost" ? `${phase}: ${outcome}` : phase
}
