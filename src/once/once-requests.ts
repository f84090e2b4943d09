// The requests of one call: the arguments of the scripts, and their strictly parsed replies.
import * as scripts from "../redis/lua/scripts.js"
import { unexpectedReply } from "../redis/redis-error.js"
import type { ScriptDatabase } from "../redis/store.js"
import { onceKeys } from "../redis/keys.js"
import { readReleased, readExtended, readInteger, readText } from "../redis/replies.js"
import type { Busy, Grant, HoldStore } from "../redis/store.js"
import type { ReleaseResult } from "../events.js"
import { now, Validity } from "../time/validity.js"
import { OnceAttemptsError, OnceMismatchError } from "./once-errors.js"
import {
  bytesOf,
  fitsMessage,
  GIVEN_UP,
  type OnceRecord,
  readRecord,
  type Settlement,
} from "./once-record.js"

/** This call leads: it runs. */
export interface Led extends Grant {
  /** An old value that may be served until the run is over. */
  readonly old: OnceRecord | undefined
}

/** Another call runs. */
export interface Running extends Busy {
  readonly holderTtlMs: number
  /** The server's time of this call's first claim, in microseconds. */
  readonly since: number
  /** Where the result is published. */
  readonly channel: string
}

/** A result for this call exists. */
export interface Finished {
  readonly kind: "told"
  readonly source: "joined" | "remembered" | "stale"
  readonly record: OnceRecord
}

/** The arguments of a claim. */
export interface OnceClaim {
  readonly name: string
  readonly token: string
  readonly ttlMs: number
  readonly fencing: boolean
  /** A digest; "-" for none. */
  readonly fingerprint: string
  readonly attempts: number
  readonly staleMs: number
  readonly rememberCrashesMs: number
}

/** For a `Lock` this is the store of its hold: the release settles the run. */
export class OnceRequests implements HoldStore {
  /** The result so far: given up, until the run returns or throws. */
  settlement: Settlement = GIVEN_UP
  /** How the settling ended. The run does not wait for a second try, before which another run may replace the record. */
  result: ReleaseResult | undefined
  readonly #database: ScriptDatabase
  readonly #keys: readonly string[]
  readonly #claim: OnceClaim

  constructor(database: ScriptDatabase, claim: OnceClaim) {
    this.#database = database
    this.#keys = onceKeys(database.prefix, claim.name)
    this.#claim = claim
  }

  async claim(since: number | undefined, timeoutMs: number): Promise<Led | Running | Finished> {
    const { name, token, ttlMs, fencing, fingerprint, attempts, staleMs, rememberCrashesMs } =
      this.#claim
    const sentAt = now()
    const most = Math.min(attempts, Number.MAX_SAFE_INTEGER)
    const reply = await this.#run(
      scripts.onceClaim,
      [token, ttlMs, since ?? "", fencing ? 1 : 0, fingerprint, most, staleMs, rememberCrashesMs],
      timeoutMs,
    )
    if (!Array.isArray(reply)) throw unexpectedReply()
    const [kind, first, second, third] = reply as unknown[]
    switch (kind) {
      case "done":
        return {
          kind: "told",
          source: since === undefined ? "remembered" : "joined",
          record: readRecord(first),
        }
      case "old":
        return { kind: "told", source: "stale", record: readRecord(first) }
      case "lead":
        return {
          kind: "granted",
          validity: Validity.ofTtl(sentAt, Math.min(readInteger(first), ttlMs)),
          fencingToken: fencing ? readInteger(second) : undefined,
          isLease: false,
          old: third === "" ? undefined : readRecord(third),
        }
      case "running":
        return {
          kind: "busy",
          holderTtlMs: readInteger(first),
          since: readInteger(second),
          channel: readText(third),
        }
      case "mismatch":
        throw new OnceMismatchError(name)
      case "exhausted":
        throw new OnceAttemptsError(name, readInteger(first))
      default:
        throw unexpectedReply()
    }
  }

  async extend(
    { ttlMs }: { readonly ttlMs: number },
    timeoutMs: number,
  ): ReturnType<HoldStore["extend"]> {
    const sentAt = now()
    const reply = await this.#run(scripts.onceExtend, [this.#claim.token, ttlMs], timeoutMs)
    return readExtended(reply, sentAt, ttlMs)
  }

  async release(_: unknown, timeoutMs: number): Promise<ReleaseResult> {
    return (this.result = await this.settle(this.settlement, timeoutMs))
  }

  async settle(
    { kind, freshMs, keptMs, text }: Settlement,
    timeoutMs: number,
  ): Promise<ReleaseResult> {
    const { token, fingerprint } = this.#claim
    const args = [
      token,
      kind,
      fingerprint,
      freshMs,
      keptMs,
      bytesOf(text),
      fitsMessage(text) ? 1 : 0,
      text,
    ]
    const [result] = await this.#database.runPublishing(
      scripts.onceSettle,
      this.#keys,
      args.map(String),
      1,
      timeoutMs,
    )
    return readReleased(result)
  }

  #run(script: string, args: readonly (string | number)[], timeoutMs: number): Promise<unknown> {
    return this.#database.run(script, this.#keys, args.map(String), timeoutMs)
  }
}
