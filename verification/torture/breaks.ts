// Deliberate defects of the lock, which the torture test must find to prove that it finds anything.
import type { Breakage } from "../../test/support/broken-build.js"
import type { Judge } from "./judges/hold.js"

export interface Break {
  readonly name: string
  /** The defect, in one sentence. */
  readonly what: string
  readonly breakages: readonly Breakage[]
  /** The judges that must find it. Findings of others may be a defect of the torture test. */
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
    what: "an answer after its deadline triggers a release, although another attempt was granted the lock",
    breakages: [
      {
        file: "acquire/attempts.ts",
        find: "    this.#unsettled.add(unsettled)",
        replace: `    this.#unsettled.add(unsettled)
    unsettled.then(() => (this as unknown as { releases: () => void }).releases(), () => undefined)`,
      },
      {
        file: "acquire/acquisition.ts",
        find: "    this.#attempts = new Attempts(request, emit)",
        replace: `    this.#attempts = new Attempts(request, emit)
    Object.assign(this.#attempts, { releases: () => void this.#withdraw(this.#request.token, 1) })`,
      },
    ],
  },
  {
    judges: EXCLUSION,
    name: "wall-clock",
    what: "a hold is over when the wall clock says so, and the monotonic clock does not matter",
    breakages: [
      {
        file: "time/validity.ts",
        find: "Math.max(Date.now() - since.wallMs, performance.now() - since.monotonicMs)",
        replace: "Date.now() - since.wallMs",
      },
    ],
  },
  {
    judges: ["group"],
    name: "group-order",
    what: "a call for several locks takes them in the order of its arguments",
    breakages: [
      {
        file: "acquire/acquire-all.ts",
        find: "names.filter((name) => !held.has(name)).sort()",
        replace: "names.filter((name) => !held.has(name))",
      },
    ],
  },
  {
    judges: ["group"],
    name: "group-rest",
    what: "a call for several locks that fails keeps those that it has",
    breakages: [
      {
        file: "acquire/acquire-all.ts",
        find: "await Promise.all([...held.values()].map((lock) => lock[Symbol.asyncDispose]()))",
        replace: "",
      },
    ],
  },
  {
    judges: ["leader"],
    name: "leader-told",
    what: "the signal of a leader does not abort when its hold is lost",
    breakages: [
      {
        file: "leader/lead.ts",
        find: "anySignal([lock.signal, resignation])",
        replace: "anySignal([resignation])",
      },
    ],
  },
  {
    judges: EXCLUSION,
    name: "leader-early",
    what: "a leader that is to resign releases before its work has settled",
    breakages: [
      {
        file: "leader/lead.ts",
        find: "    const value = await run(lock, signal)",
        replace: `    resignation.addEventListener("abort", () => void lock[Symbol.asyncDispose]())
    const value = await run(lock, signal)`,
      },
    ],
  },
  {
    judges: ["lock-out"],
    name: "hand-off",
    what: "a hand-off does not set the flag for waiters on the lock",
    breakages: [
      {
        file: "redis/lua/shared/grant-next.lua",
        find: 'redis.call("SET", lock, token .. (head and "+" or ""), "PX", ms)',
        replace: 'redis.call("SET", lock, token, "PX", ms)',
      },
    ],
  },
  {
    judges: EXCLUSION,
    name: "once-leader",
    what: "a claim leads although somebody else does",
    breakages: [
      {
        file: "redis/lua/once-claim.lua",
        find: "if left > 0 then",
        replace: "if theirs == token and left > 0 then",
      },
    ],
  },
  {
    judges: ["result"],
    name: "once-older",
    what: "a result is served to calls that came after it was settled",
    breakages: [
      {
        file: "redis/lua/once-claim.lua",
        find: "settled >= tonumber(since) then",
        replace: "true then",
      },
    ],
  },
  {
    judges: ["result"],
    name: "once-fresh",
    what: "a claim leads although a result is fresh",
    breakages: [{ file: "redis/lua/once-claim.lua", find: "fresh > nowMs or", replace: "" }],
  },
  {
    judges: ["keys"],
    name: "once-ttl",
    what: "a result is stored without a ttl",
    breakages: [{ file: "redis/lua/once-settle.lua", find: ', "PX", keptMs)', replace: ")" }],
  },
  {
    judges: ["wait"],
    name: "once-wait",
    what: "a call waits for another one's run beyond its wait",
    breakages: [
      {
        file: "once/once-wait.ts",
        find: '    for (let n = 0; answer.kind === "busy"; n++) {\n      attempts.assertMayContinue()',
        replace: '    for (let n = 0; answer.kind === "busy"; n++) {',
      },
      {
        file: "once/once-wait.ts",
        find: "Math.min(pauseMs - elapsedMs(startedAt), attempts.leftMs + 1)",
        replace: "pauseMs - elapsedMs(startedAt)",
      },
    ],
  },
  {
    judges: ["event"],
    name: "event",
    what: "a hold that was lost has a second end when it is released",
    breakages: [{ file: "hold/hold-monitor.ts", find: "    this.#hasEnded = true\n", replace: "" }],
  },
]

/** The break of that name. */
export function breakNamed(name: string): Break | undefined {
  return BREAKS.find((it) => it.name === name)
}
