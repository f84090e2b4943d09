// A model of one call for a lock: what src/acquire does, with its queue.
import {
  listeningPauseMs,
  type PollSchedule,
  pollingPauseMs,
  pollScheduleFor,
} from "../../../src/acquire/poll-schedule.js"
import { MAX_TRIES } from "../../../src/redis/retry.js"
import { backoffMs } from "../../../src/time/backoff.js"
import { deadlineMs } from "../../../src/time/validity.js"
import { CallModel, TIMEOUT_MS } from "./call-model.js"
import { channelOf } from "./channels.js"
import type { Kind, Known, Message, Reply, Request } from "./state.js"

/** As in acquisition.ts. */
const CLEAN_UP_TRIES = 5
/** As in queue-wait.ts. */
const PATIENCE_MS = 1_000
const SHORT_LIVED_MS = 1_000

export class QueueCaller extends CallModel {
  protected readonly extension = "extend"
  protected readonly cleanUpTries = CLEAN_UP_TRIES

  start(): void {
    const { caller, terms } = this
    caller.waitMs = terms.waitMs
    const isPlain = !terms.fencing && terms.limit === undefined
    if (terms.steals) this.ask("steal")
    else if (terms.waitMs <= 0) this.ask(isPlain ? "claim" : "try")
    else {
      caller.channel = channelOf(terms)
      caller.leaseMs = this.#schedule.leaseMs
      this.ask("enqueue")
    }
  }

  release(): void {
    const { caller } = this
    caller.wasHeld = caller.phase === "holding"
    caller.phase = "asking"
    caller.kind = "release"
    caller.validMs = 0
    caller.renewal = null
    caller.failures = 0
    caller.budgetMs = TIMEOUT_MS
    this.closeStream()
    this.send("release", "main", deadlineMs(TIMEOUT_MS, TIMEOUT_MS))
  }

  protected isQueued(kind: Kind): boolean {
    return kind === "check" || (kind === "enqueue" && this.caller.ticket !== null)
  }

  protected hasToWithdraw(): boolean {
    const { mayHaveTaken, isEntered } = this.caller
    return mayHaveTaken || isEntered
  }

  protected withdrawalKind(): Kind {
    return this.caller.channel === null ? "release" : "leave"
  }

  protected failInItsWay(kind: Kind): boolean {
    if (kind !== "release") return false
    this.#failRelease()
    return true
  }

  #failRelease(): void {
    const { caller } = this
    caller.failures++
    caller.mayBeReleased = caller.wasHeld
    const pause = backoffMs(caller.failures)
    if (caller.failures >= MAX_TRIES || pause >= caller.budgetMs) {
      this.end("release failed")
      return
    }
    caller.phase = "pausing"
    caller.timerMs = Math.trunc(pause)
  }

  protected receiveOwn(request: Request, reply: Reply): void {
    const { caller, terms } = this
    switch (reply.kind) {
      case "granted": {
        const validMs = this.validMsOf(request, reply)
        const isWaiter = request.kind === "check" || request.kind === "enqueue"
        const isFirst = request.kind === "enqueue" && request.ticket === null
        const isLease =
          isWaiter && reply.ms < terms.ttlMs && (!isFirst || validMs <= caller.leaseMs)
        this.hold(validMs, isLease, reply.fence)
        break
      }
      case "held":
        caller.found = reply.found
        if (++caller.steals > 1 && caller.waitMs <= 0) this.end("timeout")
        else this.ask("steal")
        break
      case "queued":
        this.#wait(request, reply)
        break
      case "busy":
        if (request.kind === "check") this.#reenter()
        else this.end("timeout")
        break
      case "done":
        caller.hasEndedHold = true
        // Then that one has released it, and a new holder got it from us.
        this.end(caller.mayBeReleased ? "released" : reply.result)
        break
      case "looked":
      case "running":
      case "record":
      case "refused":
    }
  }

  get #schedule(): PollSchedule {
    return pollScheduleFor("stream", this.terms.ttlMs)
  }

  #openStream(): void {
    const { caller } = this
    caller.stream = "opening"
    caller.streamMs = 0
    this.send("listen", "stream", deadlineMs(TIMEOUT_MS, caller.waitMs / 2))
  }

  #wait(
    request: Request,
    { ms, foreign, place, ticket, micros }: Extract<Reply, { kind: "queued" }>,
  ): void {
    const { caller } = this
    if (caller.ticket === null) this.#openStream()
    caller.ticket = ticket
    caller.queued = { ms, foreign, place, sentMs: request.atMs, micros }
    this.#sample(place, request.atMs)
    if (caller.waitMs <= 0) {
      this.end("timeout")
      return
    }
    caller.phase = "waiting"
    caller.isTakenForDead = false
    // How long it has waited: counted down from the longest pause.
    caller.outageMs = this.#schedule.longestPauseMs
    this.#know({ ms, foreign, place })
  }

  #know(known: Omit<Known, "atMs">): void {
    this.caller.known = { ...known, atMs: 0 }
    this.#await()
  }

  /** Waits for the next message, or until it is time to check. */
  #await(): void {
    const { caller } = this
    const { known, stream } = caller
    if (!known) throw new Error("a waiter knows of its holder")
    const first = caller.inbox.shift()
    if (first) {
      this.notice(first)
      return
    }
    const patienceMs = stream === "opening" ? PATIENCE_MS + caller.streamMs : Infinity
    const pause = this.#pauseMs(known, patienceMs > 0) + known.atMs
    const withinMs = Math.min(pause, caller.outageMs, caller.waitMs + 1)
    caller.isPatient = patienceMs > 0 && patienceMs < withinMs
    caller.timerMs = Math.max(1, Math.trunc(caller.isPatient ? patienceMs : withinMs))
  }

  #pauseMs({ ms, foreign, place }: Known, isPatient: boolean): number {
    const { caller } = this
    const queued = {
      kind: "queued",
      holderTtlMs: ms === -1 ? Infinity : ms,
      isForeign: foreign,
      place,
      ticket: "",
      serverTime: { sentAt: { wallMs: 0, monotonicMs: 0 }, micros: 0 },
    } as const
    return caller.stream !== "closed" && isPatient
      ? listeningPauseMs(queued, this.#schedule, caller.repeats)
      : pollingPauseMs(queued, this.#schedule, caller.repeats, caller.msPerPlace ?? undefined)
  }

  protected notice(message: Message): void {
    const { caller } = this
    caller.timerMs = null
    const { queued, known } = caller
    if (!queued || !known) throw new Error("a waiter has been queued")
    switch (message.kind) {
      case "opened":
        caller.stream = "open"
        caller.streamMs = 0
        this.send("look", "stream", deadlineMs(TIMEOUT_MS, caller.waitMs))
        this.#await()
        break
      case "looked":
        if (message.ms === null) this.#check()
        else this.#know({ ...known, ms: message.ms })
        break
      case "next":
        caller.isTakenForDead = message.ms === 0
        this.#know({ ms: message.ms, foreign: false, place: 0 })
        break
      case "end":
        this.#hearEnd()
        break
      case "granted":
        if (this.#isPlausible(message)) {
          const validMs = message.micros < queued.micros ? 0 : leaseUntil(queued, message)
          if (validMs > 0) this.hold(validMs, message.leaseMs < this.terms.ttlMs, message.fence)
          else this.#check()
        } else {
          this.closeStream()
          this.#check()
        }
        break
      case "stolen":
        this.#check()
        break
      case "record":
      case "read":
      case "free":
    }
  }

  #hearEnd(): void {
    const { caller } = this
    if (caller.stream === "opening") {
      this.closeStream()
      this.#await()
    } else if (
      caller.stream === "open" &&
      !caller.isReopened &&
      -caller.streamMs >= SHORT_LIVED_MS
    ) {
      caller.isReopened = true
      this.#openStream()
      this.#await()
    } else {
      this.closeStream()
      this.#check()
    }
  }

  #isPlausible({ leaseMs, fence }: Extract<Message, { kind: "granted" }>): boolean {
    return leaseMs <= this.#schedule.leaseMs && (fence !== null) === this.terms.fencing
  }

  protected wake(): void {
    if (this.caller.isPatient) this.#await()
    else this.#check()
  }

  #check(): void {
    this.caller.queued = null
    this.ask("check")
  }

  #reenter(): void {
    const { caller } = this
    if (!caller.isTakenForDead && caller.stream === "open") this.closeStream()
    if (caller.waitMs <= 0) {
      this.end("timeout")
      return
    }
    this.ask("enqueue")
  }

  /** See QueueSpeed. */
  #sample(place: number, atMs: number): void {
    const { caller } = this
    const before = caller.last
    caller.repeats = before?.place === place ? caller.repeats + 1 : 0
    caller.last = { place, atMs }
    caller.first ??= { place, atMs }
    if (!before || place >= before.place) return
    const latest = (atMs - before.atMs) / (before.place - place)
    const { first } = caller
    const average = place < first.place ? (atMs - first.atMs) / (first.place - place) : Infinity
    caller.msPerPlace = Math.min(latest, average)
  }
}

/** When a lease ends that a message granted: see `Validity.ofLease`. */
function leaseUntil(
  { sentMs, micros }: { readonly sentMs: number; readonly micros: number },
  message: Extract<Message, { kind: "granted" }>,
): number {
  const forMs = message.leaseMs - message.leaseMs / 100 - 2
  const fromGrant = sentMs + (message.micros - micros) / 1_000 + forMs + sentMs / 100
  return Math.ceil(Math.min(message.receivedMs + forMs, fromGrant))
}
