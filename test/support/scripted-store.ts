// A store that replies as a test says, and records its requests and the times.
import { RedisError, type RedisFailure } from "../../src/redis/redis-error.js"
import type { Busy, Grant, LockStore } from "../../src/redis/store.js"
import { now, Validity } from "../../src/time/validity.js"

type Operation = "tryAcquire" | "readHold" | "extend" | "release"

type Answer<O extends Operation> = () => ReturnType<LockStore[O]>

/** For each operation its replies in order; the last one repeats. */
export type Script = { readonly [O in Operation]?: readonly Answer<O>[] }

export interface ScriptedStore extends LockStore {
  /** Its requests, their times (`Date.now()`), and their timeouts. */
  readonly asked: readonly { operation: Operation; atMs: number; timeoutMs: number }[]
  /** The number of requests for the operation. */
  readonly count: (operation: Operation) => number
}

export function scriptedStore(script: Script): ScriptedStore {
  const asked: { operation: Operation; atMs: number; timeoutMs: number }[] = []
  const count = (operation: Operation) => asked.filter((a) => a.operation === operation).length
  const answer = <O extends Operation>(
    operation: O,
    timeoutMs: number,
  ): ReturnType<LockStore[O]> => {
    const answers = script[operation]
    const next = answers?.[Math.min(count(operation), answers.length - 1)]
    if (!next) throw new Error(`the test has no answer to ${operation}`)
    asked.push({ operation, atMs: Date.now(), timeoutMs })
    return next()
  }
  return {
    queue: undefined,
    asked,
    count,
    tryAcquire: (_, timeoutMs) => answer("tryAcquire", timeoutMs),
    single: "is not scripted",
    readHold: (_, timeoutMs) => answer("readHold", timeoutMs),
    extend: (_, timeoutMs) => answer("extend", timeoutMs),
    release: (_, timeoutMs) => answer("release", timeoutMs),
  }
}

export const granted = (ttlMs = 30_000): (() => Promise<Grant>) => {
  return () => Promise.resolve(grant(ttlMs))
}

export const busy = (holderTtlMs?: number): (() => Promise<Busy>) => {
  return () => Promise.resolve({ kind: "busy", holderTtlMs })
}

/** Fails as a request with an ambiguous outcome does, by default. */
export const failed = (failure: Partial<RedisFailure> = {}): (() => Promise<never>) => {
  return () => Promise.reject(new RedisError("it failed", { outcome: "unknown", ...failure }))
}

export function grant(ttlMs: number): Grant {
  return {
    kind: "granted",
    validity: Validity.ofTtl(now(), ttlMs),
    fencingToken: undefined,
    isLease: false,
  }
}
