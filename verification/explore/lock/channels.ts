// The channels of the callers of a world of locks.
import { createHash } from "node:crypto"
import { onceKeys } from "../../../src/redis/keys.js"
import type { Terms } from "./state.js"

const known = new Map<string, string>()

/** Where a caller waits, where it is notified with `watch` that its hold was stolen, or where results of `once` are published. */
export function channelOf({ name, watches, once }: Terms): string {
  if (once) return digestOf(onceKeys("lock:", "n")[0] ?? "")
  return watches ? digestOf(`fl_${name}.w`) : `channel-${name}`
}

function digestOf(text: string): string {
  let channel = known.get(text)
  if (channel === undefined) {
    channel = `fetchlock-${createHash("sha1").update(text).digest("hex")}`
    known.set(text, channel)
  }
  return channel
}
