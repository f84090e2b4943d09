// A model of one call of `once`: what src/once does.
import { MAX_TRIES } from "../../../src/redis/retry.js"
import { backoffMs } from "../../../src/time/backoff.js"
import { deadlineMs } from "../../../src/time/validity.js"
import { CallModel, TIMEOUT_MS } from "./call-model.js"
import type { Kind, Message, Reply, Request } from "./state.js"

/** As in once-wait.ts, with jitter in the middle of its range. */
const SPREAD_MS = 25
const LONGEST_PAUSE_MS = 10_000
const LONGEST_POLL_MS = 2_000
const SHORTEST_POLL_MS = 25

export class OnceCaller extends CallModel {
  protected readonly extension = "once-extend"
  protected readonly cleanUpTries = MAX_TRIES

  start(): void {
    this.caller.waitMs = this.terms.waitMs
    this.ask("once-claim")
  }

  /** The run has returned: its result is settled. */
  release(): void {
    const { caller } = this
    caller.wasHeld = caller.phase === "holding"
    caller.renewal = null
    caller.kind = "once-settle"
    caller.failures = 0
    if (caller.isConfirmedLost) {
      this.end("lost")
      return
    }
    // The call of a lost hold has been rejected already.
    if (!caller.wasHeld) caller.outcome = "lost"
    caller.phase = "asking"
    // It is repeated while the hold is valid.
    caller.budgetMs = caller.validMs
    caller.validMs = 0
    this.send("once-settle", "main", TIMEOUT_MS)
  }

  protected isQueued(): boolean {
    return false
  }

  protected hasToWithdraw(): boolean {
    return this.caller.mayHaveTaken
  }

  protected withdrawalKind(): Kind {
    return "once-settle"
  }

  protected failInItsWay(kind: Kind): boolean {
    const { caller } = this
    if (kind === "listen") {
      if (caller.phase === "asking") this.#pause(caller.queued?.ms ?? 0, 0)
      return true
    }
    if (kind !== "once-settle") return false
    // The call has its value at the first failure; the settling continues.
    if (caller.outcome === "") caller.outcome = "ran"
    caller.mayBeReleased = true
    caller.failures++
    if (caller.budgetMs <= 0) {
      this.end(caller.outcome)
    } else {
      caller.phase = "pausing"
      caller.timerMs = Math.trunc(backoffMs(caller.failures))
    }
    return true
  }

  protected receiveOwn(request: Request, reply: Reply): void {
    const { caller } = this
    switch (reply.kind) {
      case "granted":
        caller.ticket = null
        this.hold(this.validMsOf(request, reply), false, reply.fence)
        break
      case "running":
        this.#join(reply)
        break
      case "record":
        this.#finish(caller.ticket === null ? "remembered" : "joined", reply.settled)
        break
      case "done":
        if (request.kind === "listen") {
          caller.stream = "open"
          this.ask("once-claim")
        } else {
          caller.hasEndedHold = true
          const isSettled = reply.result === "released" || caller.mayBeReleased
          this.end(caller.outcome === "" ? (isSettled ? "ran" : "lost") : caller.outcome)
        }
        break
      case "refused":
        this.end(reply.reason)
        break
      case "queued":
      case "busy":
      case "held":
      case "looked":
    }
  }

  #finish(source: string, settledAt: number): void {
    this.caller.settledAt = settledAt
    this.end(source)
  }

  #join({ ms, since }: Extract<Reply, { kind: "running" }>): void {
    const { caller } = this
    const isFirst = caller.ticket === null
    caller.ticket = since
    if (caller.waitMs <= 0) {
      this.end("timeout")
      return
    }
    if (!isFirst) {
      this.#pause(ms, caller.repeats)
      return
    }
    caller.queued = { ms, foreign: false, place: 0, sentMs: 0, micros: 0 }
    caller.kind = "listen"
    caller.phase = "asking"
    this.send("listen", "main", deadlineMs(TIMEOUT_MS, caller.waitMs / 2))
  }

  /** @param n how often it has paused before */
  #pause(holderTtlMs: number, n: number): void {
    const { caller, terms } = this
    caller.phase = "waiting"
    caller.kind = "once-claim"
    caller.queued = null
    if (caller.waitMs <= 0) {
      this.end("timeout")
      return
    }
    caller.repeats = n + 1
    const polling = Math.min(
      holderTtlMs + 1,
      Math.max(35 * 1.5 ** n * 0.75, SHORTEST_POLL_MS),
      Math.min(LONGEST_POLL_MS, terms.ttlMs / 3),
    )
    const listening = Math.min(holderTtlMs + 1 + SPREAD_MS, LONGEST_PAUSE_MS)
    // Until then it pauses, whatever arrives.
    caller.outageMs = caller.stream === "open" ? listening : polling
    this.#await()
  }

  #await(): void {
    const { caller } = this
    const first = caller.inbox.shift()
    if (first) {
      this.notice(first)
      return
    }
    caller.timerMs = Math.max(1, Math.trunc(Math.min(caller.outageMs, caller.waitMs + 1)))
  }

  protected notice(message: Message): void {
    const { caller } = this
    caller.timerMs = null
    switch (message.kind) {
      case "end":
        this.closeStream()
        this.wake()
        break
      case "free":
        // Sleeps, and receives nothing meanwhile.
        caller.phase = "pausing"
        caller.failures = 0
        caller.budgetMs = Math.max(0, caller.waitMs) + TIMEOUT_MS
        caller.timerMs = SPREAD_MS
        break
      case "record":
        // The result of a run that ended before this call began is too old for it.
        if (message.settled >= (caller.ticket ?? 0)) this.#finish("joined", message.settled)
        else this.#await()
        break
      case "read":
      case "granted":
      case "next":
      case "stolen":
      case "opened":
      case "looked":
        this.wake()
    }
  }

  protected wake(): void {
    this.ask("once-claim")
  }
}
