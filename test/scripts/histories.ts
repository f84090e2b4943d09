// Random histories of one lock: what clients may send in any order, copies that arrive late, and holders that die; with
// what must be true after each step.
import fc from "fast-check"
import { expect } from "vitest"
import {
  LockByHand,
  type SendCommand,
  type WaiterByHand,
  waiterByHand,
} from "../support/waiter-by-hand.js"

/** One step: what is done, and by which client, or with which earlier request. */
export interface Step {
  readonly kind: (typeof KINDS)[number]
  readonly who: number
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
] as const

/** How many may share the lock, and which clients want that; the others want it alone. */
export interface Cast {
  readonly limit: number
  readonly shares: readonly boolean[]
}

export const casts: fc.Arbitrary<Cast> = fc.record({
  limit: fc.constantFrom(1, 2, 3, Infinity),
  shares: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
})

export const histories: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ kind: fc.constantFrom(...KINDS), who: fc.nat({ max: 1_000 }) }),
  { minLength: 5, maxLength: 40 },
)

/** The keys as they stand. */
interface State {
  readonly value: string | null
  /** Who shares the lock, living or not. */
  readonly sharers: readonly string[]
  /** The tokens of those who wait, first come first. */
  readonly queue: readonly string[]
  readonly ttls: readonly number[]
  /** What the last of those who share the lock has left, in ms. */
  readonly lastMs: number
}

interface Client {
  waiter: WaiterByHand
  ticket: string
}

export class History {
  readonly #send: SendCommand
  readonly #lock: LockByHand
  readonly #cast: Cast
  readonly #clients: Client[]
  readonly #sharing = new Set<string>()
  /** Every request that was sent, so that it can be sent again. */
  readonly #sent: (() => Promise<unknown>)[] = []
  /** Whether one of those who share the lock has died: then its key may live longer than the last who is left. */
  #hasDied = false
  /** Whoever was granted the lock, and has neither given it back nor died nor been robbed. */
  #holds = new Set<string>()
  /** The tokens that a release or a leave was sent for: a copy of that may end what they are granted later. */
  readonly #given = new Set<string>()

  constructor(send: SendCommand, name: string, cast: Cast) {
    this.#send = send
    this.#lock = new LockByHand(send, name)
    this.#cast = cast
    this.#clients = cast.shares.map((shares) => this.#newClient(shares))
  }

  /** Does one step, and looks whether all is as it must be. */
  async step({ kind, who }: Step): Promise<void> {
    const before = await this.#state()
    const index = who % this.#clients.length
    const client = this.#clients[index]
    if (!client) throw new Error("there is no such client")
    const { token } = client.waiter
    switch (kind) {
      case "copy": {
        const again = this.#sent[who % Math.max(1, this.#sent.length)]
        if (again) await again()
        break
      }
      case "die":
        await this.#die(before)
        break
      case "steal": {
        if (this.#cast.shares[index]) return
        // A theft is a call of its own, with a token of its own.
        this.#clients[index] = this.#newClient(false)
        const { token } = this.#clients[index].waiter
        const [, , found] = (await this.#do(() => this.#lock.steal(token))) as [
          string,
          number,
          string,
        ]
        await this.#do(() => this.#lock.steal(token, found))
        this.#holds.clear()
        break
      }
      case "release":
      case "leave": {
        const { waiter } = client
        await this.#do(() =>
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
    await this.#verify(kind, token, before)
    if (kind === "steal" || kind === "die") this.#retire(holdersOf(before))
  }

  /** Whoever has died or was robbed never uses its token again. */
  #retire(tokens: readonly string[]): void {
    for (const [i, { waiter }] of this.#clients.entries()) {
      if (tokens.includes(waiter.token)) {
        this.#clients[i] = this.#newClient(this.#cast.shares[i] ?? false)
      }
    }
  }

  async #ask(kind: string, client: Client, shares: boolean): Promise<void> {
    const { waiter, ticket } = client
    // Each sends another ttl, so that those who share the lock leave at different times.
    const ttlMs = 20_000 + 10_000 * (this.#sent.length % 5)
    if (kind === "set" && !shares) await this.#do(() => this.#lock.take(waiter.token))
    if (kind === "try") await this.#do(() => this.#lock.try(waiter, ttlMs))
    if (kind === "extend") await this.#do(() => this.#lock.extend(waiter.token, ttlMs))
    // Who has never stood in the queue enters it instead of checking.
    if (kind === "check" && ticket) await this.#do(() => this.#lock.check(waiter, ticket, ttlMs))
    if (kind === "enqueue" || (kind === "check" && !ticket)) {
      const reply = await this.#do(() => this.#lock.enqueue(waiter, ticket, ttlMs))
      client.ticket = reply.ticket
    }
  }

  /** A holder dies, and its time runs out: the alone one's key expires, a sharer's hold is over. */
  async #die({ value, sharers }: State): Promise<void> {
    if (value === null) return
    const [first] = sharers
    if (!value.startsWith("fl_#") || first === undefined) {
      await this.#send("DEL", this.#lock.key("lock"))
      this.#holds.clear()
      return
    }
    this.#hasDied = true
    await this.#send("ZADD", this.#lock.key("holders"), "1", first)
    this.#holds.delete(first)
    if (sharers.length === 1)
      await this.#send("DEL", this.#lock.key("lock"), this.#lock.key("holders"))
  }

  async #verify(kind: Step["kind"], caller: string, before: State): Promise<void> {
    const now = await this.#state()
    const holders = holdersOf(now)
    // Nobody loses a hold but by its own doing, by death or by theft.
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

  /** Whoever was let in out of the queue came before all who still wait. */
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

  /** While somebody waits the lock is held, and marked, and not by such as the first could join. */
  #verifyQueue(kind: Step["kind"], { value, sharers, queue }: State): void {
    const [head] = queue
    if (head === undefined) return
    expect(value, `${kind}: somebody waits`).toMatch(/\+$/)
    const hasRoom = value?.startsWith("fl_#") && sharers.length < this.#cast.limit
    if (hasRoom) expect(this.#sharing.has(head), `${kind}: the head fits`).toBe(false)
  }

  async #do<T>(request: () => Promise<T>): Promise<T> {
    this.#sent.push(request)
    return request()
  }

  #newClient(shares: boolean): Client {
    const waiter = waiterByHand(shares ? { limit: this.#cast.limit } : {})
    if (shares) this.#sharing.add(waiter.token)
    return { waiter, ticket: "" }
  }

  async #state(): Promise<State> {
    const { keys } = this.#lock
    const script = `
      local lives = {}
      for i, key in ipairs(KEYS) do lives[i] = redis.call("PTTL", key) end
      local time = redis.call("TIME")
      local last = redis.call("ZRANGE", KEYS[5], "-1", "-1", "WITHSCORES")[2] or "0"
      local left = last - math.floor(time[1] * 1000 + time[2] / 1000)
      return {redis.call("GET", KEYS[1]) or "", redis.call("ZRANGEBYSCORE", KEYS[5], "2", "+inf"),
        redis.call("ZRANGE", KEYS[2], "0", "-1"), lives, left}`
    const reply = await this.#send("EVAL", script, String(keys.length), ...keys)
    const [value, sharers, entries, ttls, lastMs] = reply as [
      string,
      string[],
      string[],
      number[],
      number,
    ]
    const queue = entries.map((entry) => entry.split(" ")[0] ?? "")
    return { value: value === "" ? null : value, sharers, queue, ttls, lastMs }
  }
}

/** Whether that step leaves nobody waiting who could be served, and the lock marked for those who wait. */
function serves(kind: Step["kind"], caller: string, before: State): boolean {
  // Whoever holds the lock serves nobody by asking: it is told that the lock is its own.
  const isHolders = holdersOf(before).includes(caller)
  // A newcomer's SET that won once after an expiry knows nothing of those who wait, until one of them asks.
  const wasInOrder = before.queue.length === 0 || (before.value?.endsWith("+") ?? false)
  if (kind === "release" || kind === "leave") return wasInOrder
  if (kind === "try") return wasInOrder && !isHolders
  return (kind === "enqueue" || kind === "check") && !isHolders
}

function holdersOf({ value, sharers }: State): readonly string[] {
  if (value === null) return []
  return value.startsWith("fl_#") ? sharers : [value.replace(/\+$/, "")]
}
