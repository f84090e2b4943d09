// The lock, broken on purpose in one place each: whoever does not find these finds nothing.
import type { Breakage } from "../../test/support/broken-build.js"
import type { Judge } from "./judges/hold.js"

export interface Break {
  readonly name: string
  /** What the lock does not do any more, in one sentence. */
  readonly what: string
  readonly breakages: readonly Breakage[]
  /** Who has to find it; what others find may be a fault of the torture. */
  readonly judges: readonly Judge[]
}

/** Two holders at once. */
const EXCLUSION: readonly Judge[] = ["overlap", "register"]

export const BREAKS: readonly Break[] = [
  {
    judges: EXCLUSION,
    name: "release",
    what: "a release does not compare the token",
    breakages: [
      {
        file: "redis/lua/release.lua",
        find: 'if value == token and entry == "" then',
        replace: 'if value and not base and not hasWaiters and entry == "" then',
      },
      {
        file: "redis/lua/release.lua",
        find: "elseif isHeldBy(value, token) then",
        replace: 'elseif isHeldBy(value, token) or value and not base and entry == "" then',
      },
    ],
  },
  {
    judges: EXCLUSION,
    name: "validity",
    what: "validity counts from the reply, not from the moment before the request was sent",
    breakages: [
      {
        file: "redis/replies.ts",
        find: "validity: Validity.ofTtl(sentAt, Math.min(left, ttlMs)),",
        replace: "validity: Validity.ofTtl(now(), Math.min(left, ttlMs)),",
      },
      {
        file: "redis/replies.ts",
        find: "  return Validity.ofTtl(sentAt, ttlMs)",
        replace: "  return Validity.ofTtl(now(), ttlMs)",
      },
      {
        file: "redis/replies.ts",
        find: "Validity.ofTtl(sentAt, Math.min(readInteger(ms), ttlMs))\n  return { kind, validity, fencingToken: undefined",
        replace:
          "Validity.ofTtl(now(), Math.min(readInteger(ms), ttlMs))\n  return { kind, validity, fencingToken: undefined",
      },
    ],
  },
  {
    judges: EXCLUSION,
    name: "late-answer",
    what: "an answer that comes after its deadline releases, although another attempt was granted the lock",
    breakages: [
      {
        file: "acquire/attempts.ts",
        find: "    this.#unsettled.add(unsettled)",
        replace: `    this.#unsettled.add(unsettled)
    unsettled.then(() => (this as unknown as { releases: () => void }).releases(), () => undefined)`,
      },
      {
        file: "acquire/acquisition.ts",
        find: "    this.#attempts = new Attempts(request)",
        replace: `    this.#attempts = new Attempts(request)
    Object.assign(this.#attempts, { releases: () => void this.#withdraw(this.#request.token, 1) })`,
      },
    ],
  },
  {
    judges: ["lock-out"],
    name: "hand-off",
    what: "a hand-off does not mark the lock of the one that is granted it",
    breakages: [
      {
        file: "redis/lua/shared/grant-next.lua",
        find: 'redis.call("SET", lock, token .. (head and "+" or ""), "PX", ms)',
        replace: 'redis.call("SET", lock, token, "PX", ms)',
      },
    ],
  },
]

/** The break of that name. */
export function breakNamed(name: string): Break | undefined {
  return BREAKS.find((it) => it.name === name)
}
