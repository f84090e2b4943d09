// One hold on a scripted store, with the events that it emits.
import { OpenHolds } from "../../src/hold/hold-monitor.js"
import { type Hold, Lock } from "../../src/hold/lock.js"
import { now, Validity } from "../../src/time/validity.js"
import { recorder } from "./outcomes.js"
import { type Script, scriptedStore } from "./scripted-store.js"

/** Its ttl, in ms. */
export const TTL = 30_000

const released = () => Promise.resolve("released" as const)

/** A hold that was just granted; its store releases it unless the script says otherwise. */
export function scriptedHold(script: Script = {}, options: Partial<Hold> = {}) {
  const store = scriptedStore({ release: [released], ...script })
  const { onEvent, events, of } = recorder()
  const open = new OpenHolds()
  const lock = new Lock({
    store,
    claim: { name: "a", token: "fl_a_b" },
    mode: "exclusive",
    ttlMs: TTL,
    validity: Validity.ofTtl(now(), TTL),
    isLease: false,
    fencingToken: undefined,
    renew: false,
    maxHoldMs: Infinity,
    timeoutMs: 5_000,
    emit: onEvent,
    waitUntil: () => undefined,
    open,
    noteUnsettled: () => () => [],
    ...options,
  })
  return { lock, store, onEvent, events, of, open }
}
