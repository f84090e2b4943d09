// The embedded engine's publish and subscribe.
import { bytesOf } from "../bytes.js"
import type { Listener, Topic } from "../engine.js"
import { globMatcher } from "./glob.js"
import { toBytes } from "./reply-value.js"

interface Subscription {
  readonly topic: Topic
  readonly name: string
  readonly matches: (channel: string) => boolean
  readonly listener: Listener
}

export class Channels {
  readonly #subscriptions = new Set<Subscription>()

  subscribe(topic: Topic, listener: Listener): () => void {
    const name = toBytes(topic.name)
    const matches =
      topic.kind === "channel" ? (channel: string) => channel === name : globMatcher(name)
    const subscription = { topic, name, matches, listener }
    this.#subscriptions.add(subscription)
    return () => {
      this.#subscriptions.delete(subscription)
    }
  }

  /** @returns the number of receivers */
  publish(channel: string, payload: string): number {
    const receivers = [...this.#subscriptions].filter((s) => s.matches(channel))
    for (const { listener } of receivers) {
      listener.onMessage(bytesOf(channel, "latin1"), bytesOf(payload, "latin1"))
    }
    return receivers.length
  }

  /** Each channel (or pattern) with listeners, and their number. */
  counts(kind: Topic["kind"]): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { topic, name } of this.#subscriptions) {
      if (topic.kind === kind) counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    return counts
  }

  /** Tells every listener that its subscription has ended. */
  close(): void {
    for (const { listener } of this.#subscriptions) listener.onEnd()
    this.#subscriptions.clear()
  }
}
