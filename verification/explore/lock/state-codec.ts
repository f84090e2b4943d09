// Writes a state as a short text: each of its parts, once it was seen, is a number.
import type { Caller, LockState, Message, Request } from "./state.js"

export class StateCodec {
  readonly #callers = new Parts<Caller>()
  readonly #requests = new Parts<Request>()
  readonly #messages = new Parts<Message[]>()

  encode(state: LockState): string {
    const { db, callers, requests, messages, faults, isCalm, highestFence } = state
    const facts = [db, faults, isCalm ? 1 : 0, highestFence ?? ""].join(" ")
    const ids = [
      callers.map((caller) => this.#callers.number(caller)).join(" "),
      messages.map((list) => this.#messages.number(list)).join(" "),
      // Their order makes no difference.
      requests
        .map((request) => this.#requests.number(request))
        .sort((a, b) => a - b)
        .join(" "),
    ]
    return [facts, ...ids].join(",")
  }

  decode(text: string): LockState {
    const [facts = "", callers = "", messages = "", requests = ""] = text.split(",")
    const [db, faults, isCalm, highestFence] = facts.split(" ")
    return {
      db: Number(db),
      callers: numbersIn(callers).map((id) => this.#callers.part(id)),
      requests: numbersIn(requests).map((id) => this.#requests.part(id)),
      messages: numbersIn(messages).map((id) => this.#messages.part(id)),
      faults: Number(faults),
      isCalm: isCalm === "1",
      highestFence: highestFence === "" ? null : Number(highestFence),
    }
  }
}

/** Numbers parts of states. */
export class Parts<T extends object> {
  readonly #ids = new Map<string, number>()
  readonly #parts: T[] = []
  /** Of which part each copy is one. Most are not changed, and to compare is faster than to write a text. */
  readonly #originals = new WeakMap<T, number>()

  /** @param normalize changes a part whose order makes no difference */
  number(part: T, normalize?: (part: T) => void): number {
    const original = this.#originals.get(part)
    if (original !== undefined && isEqual(part, this.#parts[original])) return original
    normalize?.(part)
    const text = JSON.stringify(part)
    let id = this.#ids.get(text)
    if (id === undefined) {
      id = this.#parts.length
      this.#ids.set(text, id)
      this.#parts.push(copyOf(part))
    }
    return id
  }

  /** A copy, which may be changed. */
  part(id: number): T {
    const stored = this.#parts[id]
    if (!stored) throw new Error(`there is no part ${id}`)
    const copy = copyOf(stored)
    this.#originals.set(copy, id)
    return copy
  }
}

/** Much faster than `structuredClone`, or than to parse a text: parts are plain. */
function copyOf<T>(part: T): T {
  if (typeof part !== "object" || part === null) return part
  if (Array.isArray(part)) return part.map(copyOf) as T
  const copy = { ...part } as Record<string, unknown>
  for (const key in copy) {
    const value = copy[key]
    if (typeof value === "object" && value !== null) copy[key] = copyOf(value)
  }
  return copy as T
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!isEqual(a[i], b[i])) return false
    return true
  }
  for (const key in a) {
    if (!isEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
      return false
  }
  // Parts of one kind have the same properties.
  return Array.isArray(a) === Array.isArray(b)
}

export function numbersIn(text: string): number[] {
  return text === "" ? [] : text.split(" ").map(Number)
}
