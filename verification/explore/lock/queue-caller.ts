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
import type { Kind, Message, Reply, Request } from "./state.js"

/** As in acquisition.ts. */
const CLEAN_UP_TRIES = 5

export class QueueCaller extends CallModel {
  protected readonly extension = "extend"
  protected readonly cleanUpTries = CLEAN_UP_TRIES

  start(): void {
    this.caller.waitMs = this.terms.waitMs
    const isPlain = !this.terms.fencing && this.terms.limit === undefined
    if (this.terms.steals) this.ask("steal")
    else this.ask(isPlain ? "claim" : "try")
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
    return kind === "enqueue" || kind === "check"
  }

  protected hasToWithdraw(): boolean {
    const { mayHaveTaken, mayBeOurs, channel } = this.caller
    return mayHaveTaken || mayBeOurs || channel !== null
  }

  protected withdrawalKind(): Kind {
    return this.caller.channel === null ? "release" : "leave"
  }

  protected failInItsWay(kind: Kind): boolean {
    if (kind === "listen") {
      if (this.caller.phase === "asking") this.#enterQueue(false)
      return true
    }
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
    const isInQueue = this.isQueued(request.kind)
    switch (reply.kind) {
      case "granted": {
        const isLease = reply.ms < terms.ttlMs && isInQueue
        this.hold(this.validMsOf(request, reply), isLease, reply.fence)
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
        if (isInQueue) this.#reenter()
        else this.#beginWait()
        break
      case "done":
        if (request.kind === "listen") {
          caller.hasStream = true
          this.#enterQueue(true)
        } else {
          caller.hasEndedHold = true
          // Then that one has released it, and a new holder got it from us.
          this.end(caller.mayBeReleased ? "released" : reply.result)
        }
        break
      case "running":
      case "record":
      case "refused":
    }
  }

  #beginWait(): void {
    const { caller } = this
    if (caller.waitMs <= 0) {
      this.end("timeout")
      return
    }
    caller.kind = "listen"
    caller.phase = "asking"
    this.send("listen", "main", deadlineMs(TIMEOUT_MS, caller.waitMs / 2))
  }

  #enterQueue(hasStream: boolean): void {
    const { caller } = this
    caller.how = hasStream ? "stream" : "poll"
    caller.channel = hasStream ? channelOf(this.terms) : "-"
    caller.leaseMs = this.#schedule.leaseMs
    this.ask("enqueue")
  }

  get #schedule(): PollSchedule {
    return pollScheduleFor(this.caller.how, this.terms.ttlMs)
  }

  #wait(
    request: Request,
    { ms, foreign, place, ticket, micros }: Extract<Reply, { kind: "queued" }>,
  ): void {
    const { caller } = this
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
    this.#await(ms, foreign, place)
  }

  #await(holderTtlMs: number, isForeign: boolean, place: number): void {
    const { caller } = this
    const first = caller.inbox.shift()
    if (first) {
      this.notice(first)
      return
    }
    const queued = {
      kind: "queued",
      holderTtlMs: holderTtlMs === -1 ? Infinity : holderTtlMs,
      isForeign,
      place,
      ticket: "",
      serverTime: { sentAt: { wallMs: 0, monotonicMs: 0 }, micros: 0 },
    } as const
    const pause = caller.hasStream
      ? listeningPauseMs(queued, this.#schedule, caller.repeats)
      : pollingPauseMs(queued, this.#schedule, caller.repeats, caller.msPerPlace ?? undefined)
    const withinMs = Math.min(pause, caller.outageMs, caller.waitMs + 1)
    caller.timerMs = Math.max(1, Math.trunc(withinMs))
  }

  protected notice(message: Message): void {
    const { caller } = this
    caller.timerMs = null
    const { queued } = caller
    if (!queued) throw new Error("a waiter has been queued")
    if (message.kind === "next") {
      caller.isTakenForDead = message.ms === 0
      this.#await(message.ms, false, 0)
      return
    }
    if (message.kind === "granted" && this.#isPlausible(message)) {
      const validMs = message.micros < queued.micros ? 0 : leaseUntil(queued, message)
      if (validMs > 0) {
        this.hold(validMs, message.leaseMs < this.terms.ttlMs, message.fence)
        return
      }
    } else if (message.kind !== "stolen") {
      this.closeStream()
    }
    this.wake()
  }

  #isPlausible({ leaseMs, fence }: Extract<Message, { kind: "granted" }>): boolean {
    return leaseMs <= this.#schedule.leaseMs && (fence !== null) === this.terms.fencing
  }

  protected wake(): void {
    this.caller.queued = null
    this.ask("check")
  }

  #reenter(): void {
    const { caller } = this
    if (!caller.isTakenForDead) this.closeStream()
    if (!caller.hasStream) caller.channel = "-"
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
