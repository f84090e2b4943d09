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
class Parts<T> {
  readonly #ids = new Map<string, number>()
  readonly #texts: string[] = []

  number(part: T): number {
    const text = JSON.stringify(part)
    let id = this.#ids.get(text)
    if (id === undefined) {
      id = this.#texts.length
      this.#ids.set(text, id)
      this.#texts.push(text)
    }
    return id
  }

  /** A copy, which may be changed. */
  part(id: number): T {
    return JSON.parse(this.#texts[id] ?? "null") as T
  }
}

function numbersIn(text: string): number[] {
  return text === "" ? [] : text.split(" ").map(Number)
}
