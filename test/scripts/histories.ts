// Random histories of one lock: requests of clients in any order, requests that are lost or arrive late, duplicates, holders that
// die, and time that passes; with the invariants after each step.
import fc from "fast-check"
import { expect } from "vitest"
import {
  type HandOptions,
  LockByHand,
  type SendCommand,
  type WaiterByHand,
  waiterByHand,
} from "../support/waiter-by-hand.js"
import { holdersOf, leftOf, letPass, readState, type State } from "./history-state.js"

/** One step: the action, and the client, or the earlier request. */
export interface Step {
  readonly kind: (typeof KINDS)[number]
  readonly who: number
  /** Whether the request is executed when it is sent, or only by an "arrive" that delivers it, or never. */
  readonly isLate: boolean
  /** For how long, if time passes. */
  readonly ms: number
}

const KINDS = [
  "set",
  "try",
  "enqueue",
  "enqueue",
  "enqueue",
  "check",
  "extend",
  "release",
  "release",
  "leave",
  "steal",
  "die",
  "copy",
  "arrive",
  "arrive",
  "pass",
] as const

/** How many may share the lock, and which clients want that; the others want it exclusively. */
export interface Cast {
  readonly limit: number
  readonly shares: readonly boolean[]
}

export const casts: fc.Arbitrary<Cast> = fc.record({
  limit: fc.constantFrom(1, 2, 3, Infinity),
  shares: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
})

export const histories: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    who: fc.nat({ max: 1_000 }),
    isLate: fc.nat({ max: 7 }).map((n) => n === 0),
    // From a moment to longer than any hold.
    ms: fc.constantFrom(1_000, 4_000, 9_000, 16_000, 26_000, 31_000, 70_000),
  }),
  { minLength: 5, maxLength: 40 },
)

interface Client {
  waiter: WaiterByHand
  /** Undefined before it has one. */
  ticket: Ticket | undefined
}

/** A ticket, and how much time had passed by steps when it was given. */
interface Ticket {
  readonly text: string
  readonly passedMs: number
}

/** A request that can be executed at any time, and again. */
interface Request {
  readonly kind: Step["kind"]
  readonly token: string
  readonly send: () => Promise<unknown>
}

export class History {
  readonly #send: SendCommand
  readonly #lock: LockByHand
  readonly #cast: Cast
  readonly #clients: Client[]
  readonly #sharing = new Set<string>()
  /** Every request that was sent, so that it can be executed again. */
  readonly #sent: Request[] = []
  /** The requests that have not arrived. */
  readonly #late: Request[] = []
  /** How much time has passed by steps. */
  #passedMs = 0
  #isLate = false
  /** Whether a sharer has died: then its key may live longer than the last sharer that is left. */
  #hasDied = false
  /** The clients that were granted the lock, and have neither released it nor died nor lost it to a steal. */
  #holds = new Set<string>()
  /** The tokens that a release or a leave was sent for: a duplicate of that may end a later grant. */
  readonly #given = new Set<string>()

  constructor(send: SendCommand, name: string, cast: Cast, options?: HandOptions) {
    this.#send = send
    this.#lock = new LockByHand(send, name, options)
    this.#cast = cast
    this.#clients = cast.shares.map((shares) => this.#newClient(shares))
  }

  /** Does one step, and checks the invariants. */
  async step({ kind, who, isLate, ms }: Step): Promise<void> {
    const before = await this.#state()
    this.#isLate = isLate
    const index = who % this.#clients.length
    const client = this.#clients[index]
    if (!client) throw new Error("there is no such client")
    const { token } = client.waiter
    switch (kind) {
      case "copy": {
        const again = this.#sent[who % Math.max(1, this.#sent.length)]
        if (!again) return
        if (again.kind === "steal") this.#holds.clear()
        await again.send()
        break
      }
      case "arrive": {
        const [late] = this.#late.splice(who % Math.max(1, this.#late.length), 1)
        if (!late) return
        await late.send()
        await this.#verify(late.kind, late.token, before)
        if (late.kind === "steal") this.#retire(holdersOf(before))
        return
      }
      case "pass":
        await letPass(this.#send, this.#lock, ms)
        this.#passedMs += ms
        this.#expire(ms, before)
        break
      case "die":
        await this.#die(before)
        break
      case "steal": {
        if (this.#cast.shares[index]) return
        // A steal is a call of its own, with a token of its own.
        this.#clients[index] = this.#newClient(false)
        const { token } = this.#clients[index].waiter
        const reply = await this.#do(kind, token, () => this.#lock.steal(token))
        if (reply === undefined) {
          // Abandoned, and its token with it.
          this.#clients[index] = this.#newClient(false)
          return
        }
        const [, , found] = reply as [string, number, string]
        this.#isLate = ms < 2_000
        await this.#do(kind, token, () => this.#lock.steal(token, found))
        if (this.#isLate) {
          this.#clients[index] = this.#newClient(false)
          return
        }
        break
      }
      case "release":
      case "leave": {
        const { waiter } = client
        await this.#do(kind, token, () =>
          kind === "leave" ? this.#lock.leave(waiter) : this.#lock.release(token),
        )
        this.#given.add(token)
        // A token that was released is never used again.
        this.#clients[index] = this.#newClient(this.#cast.shares[index] ?? false)
        break
      }
      case "set":
      case "try":
      case "enqueue":
      case "check":
      case "extend":
        await this.#ask(kind, client, this.#cast.shares[index] ?? false)
    }
    // A request that has not arrived has done nothing yet.
    await this.#verify(isLate ? "arrive" : kind, token, before)
    if (kind === "steal" || kind === "die") this.#retire(holdersOf(before))
  }

  /** A client that has died or lost its hold to a steal never uses its token again. */
  #retire(tokens: readonly string[]): void {
    for (const [i, { waiter }] of this.#clients.entries()) {
      if (tokens.includes(waiter.token)) {
        this.#clients[i] = this.#newClient(this.#cast.shares[i] ?? false)
      }
    }
  }

  /** A client with no more than that left has no hold any more. */
  #expire(ms: number, before: State): void {
    // The time that the steps themselves have taken.
    const slackMs = 500
    for (const token of this.#holds) {
      if (leftOf(token, before) <= ms + slackMs) this.#holds.delete(token)
    }
    this.#retire(holdersOf(before).filter((token) => leftOf(token, before) <= ms + slackMs))
  }

  async #ask(kind: Step["kind"], client: Client, shares: boolean): Promise<void> {
    const { waiter, ticket } = client
    // Each sends another ttl, so that the sharers leave at different times.
    const ttlMs = 20_000 + 10_000 * (this.#sent.length % 5)
    const { token } = waiter
    if (kind === "set" && !shares) await this.#do(kind, token, () => this.#lock.take(token))
    if (kind === "try") await this.#do(kind, token, () => this.#lock.try(waiter, ttlMs))
    if (kind === "extend") await this.#do(kind, token, () => this.#lock.extend(token, ttlMs))
    // A client that has never stood in the queue enters it instead of checking.
    if (kind === "check" && ticket) {
      await this.#do(kind, token, () => this.#lock.check(waiter, this.#text(ticket), ttlMs))
    }
    if (kind === "enqueue" || (kind === "check" && !ticket)) {
      const enter = () => this.#lock.enqueue(waiter, this.#text(ticket), ttlMs)
      const passedMs = this.#passedMs
      const reply = await this.#do("enqueue", token, enter)
      if (reply) client.ticket = { text: reply.ticket, passedMs }
    }
  }

  /** The ticket as it would read if the time that has passed since then were real. */
  #text(ticket: Ticket | undefined): string {
    if (!ticket?.text) return ""
    return String(Number(ticket.text) - (this.#passedMs - ticket.passedMs) * 1_000)
  }

  /** A holder dies, and its time runs out: the key of an exclusive holder expires, a sharer's hold is over. */
  async #die({ value, sharers }: State): Promise<void> {
    if (value === null) return
    const [first] = sharers.keys()
    if (!value.startsWith("fl_#") || first === undefined) {
      await this.#send("DEL", this.#lock.key("lock"))
      this.#holds.clear()
      return
    }
    this.#hasDied = true
    await this.#send("ZADD", this.#lock.key("holders"), "1", first)
    this.#holds.delete(first)
    if (sharers.size === 1)
      await this.#send("DEL", this.#lock.key("lock"), this.#lock.key("holders"))
  }

  async #verify(kind: Step["kind"], caller: string, before: State): Promise<void> {
    const now = await this.#state()
    const holders = holdersOf(now)
    if (kind === "steal") this.#holds.clear()
    // A hold ends only by its own client, by death or by a steal.
    for (const token of this.#given) this.#holds.delete(token)
    for (const token of this.#holds) expect(holders, `${kind}: a hold was lost`).toContain(token)
    const isShared = now.value?.startsWith("fl_#") ?? false
    for (const token of holders)
      expect(this.#sharing.has(token), "shares as it asked to").toBe(isShared)
    if (isShared) expect(holders.length).toBeLessThanOrEqual(this.#cast.limit)
    this.#hasDied &&= isShared
    if (isShared && !this.#hasDied) {
      const [life = 0] = now.ttls
      expect(Math.abs(life - now.lastMs), `${kind}: the life of the key`).toBeLessThanOrEqual(5)
    }
    if (kind === "steal" && now.queue.length > 0) expect(now.value).toMatch(/\+$/)
    this.#verifyOrder(kind, caller, before, now)
    this.#holds = new Set(holders.filter((holder) => !this.#given.has(holder)))
    if (serves(kind, caller, before)) this.#verifyQueue(kind, now)
    for (const ttl of now.ttls) expect(ttl, "a key without a ttl").not.toBe(-1)
  }

  /** A client that was let in out of the queue came before all that still wait. */
  #verifyOrder(kind: Step["kind"], caller: string, before: State, now: State): void {
    const had = holdersOf(before)
    const served = holdersOf(now).filter(
      (token) => before.queue.includes(token) && !had.includes(token),
    )
    if (served.includes(caller) && (kind === "steal" || kind === "set")) return
    for (const token of served) {
      const ahead = before.queue.slice(0, before.queue.indexOf(token))
      const overtaken = ahead.filter((other) => now.queue.includes(other))
      // A plain SET of a client that has expired in the meantime is the one way to overtake.
      if (kind !== "copy") expect(overtaken, `${kind}: overtaken by ${token}`).toEqual([])
    }
  }

  /** While the lock has waiters it is held, and marked, and not by holders that the first waiter could join. */
  #verifyQueue(kind: Step["kind"], { value, sharers, queue }: State): void {
    const [head] = queue
    if (head === undefined) return
    expect(value, `${kind}: somebody waits`).toMatch(/\+$/)
    const hasRoom = value?.startsWith("fl_#") && sharers.size < this.#cast.limit
    if (hasRoom) expect(this.#sharing.has(head), `${kind}: the head fits`).toBe(false)
  }

  /** The reply; none if the request is lost, or arrives later. */
  async #do<T>(kind: Step["kind"], token: string, send: () => Promise<T>): Promise<T | undefined> {
    const request = { kind, token, send }
    this.#sent.push(request)
    if (!this.#isLate) return send()
    this.#late.push(request)
    return undefined
  }

  #newClient(shares: boolean): Client {
    const waiter = waiterByHand(shares ? { limit: this.#cast.limit } : {})
    if (shares) this.#sharing.add(waiter.token)
    return { waiter, ticket: undefined }
  }

  #state(): Promise<State> {
    return readState(this.#send, this.#lock)
  }
}

/** Whether that step leaves no waiter that could be served, and the lock marked for the waiters. */
function serves(kind: Step["kind"], caller: string, before: State): boolean {
  // A caller that holds the lock serves no one: it is told that the lock is its own.
  const isHolders = holdersOf(before).includes(caller)
  // A newcomer's SET that won once after an expiry knows nothing of the waiters, until one of them checks.
  const wasInOrder = before.queue.length === 0 || (before.value?.endsWith("+") ?? true)
  if (kind === "release" || kind === "leave") return wasInOrder
  if (kind === "try") return wasInOrder && !isHolders
  return (kind === "enqueue" || kind === "check") && !isHolders
}
