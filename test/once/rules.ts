// The rules that the scripts of `once` keep: each a check on a name of its own.
import { setTimeout as sleep } from "node:timers/promises"
import { expect } from "vitest"
import { type OnceByHand, tokenByHand } from "./by-hand.js"

export interface Rule {
  readonly claim: string
  readonly run: (
    name: OnceByHand,
    hear: (channel: string) => Promise<readonly string[]>,
    expectHeard: (heard: readonly string[], ...messages: unknown[]) => Promise<void>,
  ) => Promise<void>
  /** Whether the scripts cannot publish. */
  readonly isMute?: boolean
}

const MICROS = expect.stringMatching(/^\d{16}$/) as unknown
const CHANNEL = expect.stringMatching(/^fetchlock-[\da-f]{40}$/) as unknown

/** A record as the scripts write it. */
const record = (kind: string, text: string, fingerprint = "-") =>
  expect.stringMatching(
    new RegExp(`^fl1 [\\da-f]{20} \\d{16} \\d{13} ${fingerprint} ${kind} ${text.length} ${text}$`),
  ) as unknown

export const rules: readonly Rule[] = [
  {
    claim:
      "the first claim leads, and the next one learns the leader's remaining time and its channel",
    run: async (name) => {
      const token = tokenByHand()
      expect(await name.claim(token)).toEqual(["lead", 30_000, "", ""])
      expect(await name.command("GET", name.leader)).toBe(`${token} 1 - 60000`)
      const [kind, left, since, channel] = await name.claim(tokenByHand())
      expect([kind, since, channel]).toEqual(["running", MICROS, CHANNEL])
      expect(left).toBeLessThanOrEqual(30_000)
      expect(left).toBeGreaterThan(29_000)
      // The time of the first claim stays.
      expect((await name.claim(tokenByHand(), { since: "17" }))[2]).toBe("17")
    },
  },
  {
    claim: "a retried claim continues to lead, with the remaining time",
    run: async (name) => {
      const token = tokenByHand()
      await name.plant(token, 5_000, 2)
      const [kind, left] = await name.claim(token)
      expect(kind).toBe("lead")
      expect(left).toBeLessThanOrEqual(5_000)
      expect(await name.command("GET", name.leader)).toBe(`${token} 2 - 60000`)
      // Also when the time is over, which is not a crash.
      await name.plant(token, -10, 3)
      expect(await name.claim(token)).toEqual(["lead", 30_000, "", ""])
      expect(await name.command("GET", name.leader)).toBe(`${token} 3 - 60000`)
    },
  },
  {
    claim:
      "a fresh result is for everyone; a stale one only for callers whose first claim came before it",
    run: async (name) => {
      const token = tokenByHand()
      await name.claim(token)
      const since = String((await name.claim(tokenByHand()))[2])
      expect(await name.settle(token, { text: "first" })).toEqual(["released"])
      expect(await name.command("EXISTS", name.leader)).toBe(0)
      expect(await name.claim(tokenByHand(), { since })).toEqual(["done", record("v", "first")])
      await sleep(2)
      const next = tokenByHand()
      expect(await name.claim(next)).toEqual(["lead", 30_000, "", ""])
      expect((await name.claim(tokenByHand(), { since: await name.micros() }))[0]).toBe("running")
      await name.settle(next, { text: "second", fresh: 60_000 })
      expect(await name.claim(tokenByHand())).toEqual(["done", record("v", "second")])
    },
  },
  {
    claim: "a result is kept for the requested time, and freshness ends by the server's clock",
    run: async (name) => {
      const token = tokenByHand()
      await name.claim(token)
      await name.settle(token, { fresh: 400, kept: 20_000 })
      expect((await name.claim(tokenByHand()))[0]).toBe("done")
      const life = Number(await name.command("PTTL", name.record))
      expect(life).toBeGreaterThan(19_000)
      expect(life).toBeLessThanOrEqual(20_000)
      await sleep(405)
      expect((await name.claim(tokenByHand()))[0]).toBe("lead")
    },
  },
  {
    claim: "a token that has settled never leads again",
    run: async (name) => {
      const token = tokenByHand()
      await name.claim(token)
      await name.settle(token)
      await sleep(2)
      expect((await name.claim(token))[0]).toBe("done")
      expect(await name.command("EXISTS", name.leader)).toBe(0)
    },
  },
  {
    claim: "a retried settle recognizes its record and changes nothing",
    run: async (name, hear, expectHeard) => {
      const token = tokenByHand()
      await name.claim(token)
      const heard = await hear(String((await name.claim(tokenByHand()))[3]))
      await name.settle(token, { text: "once" })
      const before = await name.command("GET", name.record)
      const next = tokenByHand()
      await sleep(2)
      await name.claim(next)
      expect(await name.settle(token, { text: "twice" })).toEqual(["released"])
      expect(await name.command("GET", name.record)).toBe(before)
      expect(await name.extend(next, 30_000)).toBe("renewed")
      await expectHeard(heard, record("v", "once"))
    },
  },
  {
    claim: "a caller that does not lead settles, extends and frees nothing",
    run: async (name) => {
      const token = tokenByHand()
      await name.claim(token)
      const stranger = tokenByHand()
      for (const kind of ["v", "e", ""] as const) {
        expect(await name.settle(stranger, { kind })).toEqual(["taken"])
      }
      expect(await name.extend(stranger, 60_000)).toBe("taken")
      expect(await name.command("EXISTS", name.record)).toBe(0)
      expect(await name.settle(token, { kind: "" })).toEqual(["released"])
      expect(await name.settle(token)).toEqual(["gone"])
      expect(await name.extend(token, 60_000)).toBe("gone")
      expect(await name.command("EXISTS", ...name.keys)).toBe(0)
    },
  },
  {
    claim: "another run's record is not recognized as one's own",
    run: async (name) => {
      const first = tokenByHand()
      await name.claim(first)
      await name.settle(first)
      expect(await name.settle(tokenByHand())).toEqual(["gone"])
    },
  },
  {
    claim: "an extension lengthens and never shortens",
    run: async (name) => {
      const token = tokenByHand()
      await name.claim(token, { ttl: 10_000 })
      expect(await name.extend(token, 20_000)).toBe("renewed")
      expect(await name.extend(token, 1_000)).toBe("renewed")
      const left = Number((await name.claim(tokenByHand()))[1])
      expect(left).toBeGreaterThan(19_000)
      expect(left).toBeLessThanOrEqual(20_000)
    },
  },
  {
    claim: "a crashed leader is succeeded, crashes are counted, and their number is limited",
    run: async (name) => {
      await name.plant(tokenByHand(), -1)
      const second = tokenByHand()
      expect(await name.claim(second, { attempts: 2 })).toEqual(["lead", 30_000, "", ""])
      expect(await name.command("GET", name.leader)).toBe(`${second} 2 - 60000`)
      await name.plant(second, -1, 2)
      expect(await name.claim(tokenByHand(), { attempts: 2 })).toEqual(["exhausted", 2])
      expect((await name.claim(tokenByHand(), { attempts: 3 }))[0]).toBe("lead")
    },
  },
  {
    claim: "a leader may settle after its hold has expired, as long as no other leads",
    run: async (name) => {
      const token = tokenByHand()
      await name.plant(token, -1)
      expect(await name.settle(token)).toEqual(["released"])
      expect(await name.command("EXISTS", name.record)).toBe(1)
    },
  },
  {
    claim: "a run that is given up leaves nothing, and its waiters are notified",
    run: async (name, hear, expectHeard) => {
      const token = tokenByHand()
      await name.claim(token)
      const heard = await hear(String((await name.claim(tokenByHand()))[3]))
      expect(await name.settle(token, { kind: "" })).toEqual(["released"])
      await expectHeard(heard, "free")
      expect(await name.command("EXISTS", ...name.keys)).toBe(0)
    },
  },
  {
    claim: "a result that is too long for a message is read from the database",
    run: async (name, hear, expectHeard) => {
      const token = tokenByHand()
      await name.claim(token)
      const heard = await hear(String((await name.claim(tokenByHand()))[3]))
      await name.settle(token, { fits: false })
      await expectHeard(heard, "read")
      expect(await name.command("GET", name.record)).toEqual(record("v", "x"))
    },
  },
  {
    claim: "a stale value is served while another caller replaces it, a stale error is not",
    run: async (name) => {
      const token = tokenByHand()
      await name.claim(token)
      await name.settle(token, { text: "old" })
      await sleep(2)
      const leader = tokenByHand()
      const old = record("v", "old")
      expect(await name.claim(leader, { stale: 60_000 })).toEqual(["lead", 30_000, "", old])
      expect(await name.claim(tokenByHand(), { stale: 60_000 })).toEqual(["old", old])
      expect((await name.claim(tokenByHand()))[0]).toBe("running")
      expect((await name.claim(tokenByHand(), { stale: 1 }))[0]).toBe("running")
      // Crashes do not delete it.
      await name.plant(leader, -1, 3)
      expect(await name.claim(tokenByHand(), { stale: 60_000 })).toEqual(["old", old])
      await name.plant(leader, 30_000)
      // A failure that replaces nothing.
      expect(await name.settle(leader, { kind: "e", kept: 0 })).toEqual(["released"])
      expect(await name.command("GET", name.record)).toEqual(old)
      await name.claim(leader)
      await name.settle(leader, { kind: "e", text: "no" })
      await sleep(2)
      expect(await name.claim(tokenByHand(), { stale: 60_000 })).toEqual(["lead", 30_000, "", ""])
    },
  },
  {
    claim:
      "another fingerprint is refused by a run and by a result, and a missing one is not compared",
    run: async (name) => {
      const token = tokenByHand()
      await name.claim(token, { fingerprint: "aa" })
      expect(await name.claim(tokenByHand(), { fingerprint: "bb" })).toEqual(["mismatch"])
      expect((await name.claim(tokenByHand(), { fingerprint: "aa" }))[0]).toBe("running")
      expect((await name.claim(tokenByHand()))[0]).toBe("running")
      await name.settle(token, { fingerprint: "aa", fresh: 400 })
      expect(await name.claim(tokenByHand(), { fingerprint: "bb" })).toEqual(["mismatch"])
      const done = ["done", record("v", "x", "aa")]
      expect(await name.claim(tokenByHand(), { fingerprint: "aa" })).toEqual(done)
      expect(await name.claim(tokenByHand())).toEqual(done)
      await sleep(405)
      // An expired record binds no one.
      const other = { fingerprint: "bb", stale: 60_000 }
      expect(await name.claim(tokenByHand(), other)).toEqual(["lead", 30_000, "", ""])
    },
  },
  {
    claim: "a run without a fingerprint accepts any",
    run: async (name) => {
      const token = tokenByHand()
      await name.claim(token)
      expect((await name.claim(tokenByHand(), { fingerprint: "aa" }))[0]).toBe("running")
      await name.settle(token, { fresh: 60_000 })
      expect((await name.claim(tokenByHand(), { fingerprint: "aa" }))[0]).toBe("done")
    },
  },
  {
    claim: "a forgotten result is served only to callers that joined its run, and for a while",
    run: async (name) => {
      const token = tokenByHand()
      expect(await name.forget()).toBe("forgotten")
      expect(await name.command("EXISTS", ...name.keys)).toBe(0)
      await name.claim(token)
      const since = String((await name.claim(tokenByHand()))[2])
      await name.settle(token, { text: "old", fresh: 40_000, fingerprint: "aa" })
      expect(await name.forget()).toBe("forgotten")
      const life = Number(await name.command("PTTL", name.record))
      expect(life).toBeLessThanOrEqual(30_000)
      expect(life).toBeGreaterThan(29_000)
      expect((await name.claim(tokenByHand(), { since }))[0]).toBe("done")
      const next = tokenByHand()
      await sleep(2)
      expect(await name.claim(next, { stale: 60_000 })).toEqual(["lead", 30_000, "", ""])
      // A settling that is sent again still recognizes its record.
      expect(await name.settle(token, { fresh: 40_000 })).toEqual(["released"])
      // What ends sooner is not kept for longer.
      await name.settle(next, { kept: 5_000 })
      await name.forget()
      expect(Number(await name.command("PTTL", name.record))).toBeLessThanOrEqual(5_000)
    },
  },
  {
    claim: "forgetting ends the memory of a crash, and disturbs no run",
    run: async (name) => {
      const token = tokenByHand()
      await name.plant(token, 5_000, 3)
      await name.forget()
      expect(await name.extend(token, 30_000)).toBe("renewed")
      await name.plant(token, -1, 3)
      expect((await name.claim(tokenByHand()))[0]).toBe("exhausted")
      await name.forget()
      expect(await name.command("EXISTS", name.leader)).toBe(0)
      expect((await name.claim(tokenByHand()))[0]).toBe("lead")
    },
  },
  {
    claim: "fencing tokens rise, and a claim that is sent again has the same one",
    run: async (name) => {
      let last = 0
      for (let i = 0; i < 3; i++) {
        const token = tokenByHand()
        const [, , fence] = await name.claim(token, { fencing: true })
        expect(fence).toMatch(/^\d{16}$/)
        expect(Number(fence)).toBeGreaterThan(last)
        expect((await name.claim(token, { fencing: true }))[2]).toBe(fence)
        last = Number(fence)
        await name.settle(token, { kind: "" })
      }
    },
  },
  {
    claim: "foreign values under the keys are refused and left alone",
    run: async (name) => {
      await name.command("SET", name.leader, "a stranger", "PX", "60000")
      await expect(name.claim(tokenByHand())).rejects.toThrow("not fetchlock's")
      await expect(name.settle(tokenByHand())).rejects.toThrow("not fetchlock's")
      await expect(name.forget()).rejects.toThrow("not fetchlock's")
      expect(await name.command("GET", name.leader)).toBe("a stranger")
      await name.command("DEL", name.leader)
      await name.command("SET", name.record, "fl1 what", "PX", "60000")
      await expect(name.claim(tokenByHand())).rejects.toThrow("not fetchlock's")
      await expect(name.forget()).rejects.toThrow("not fetchlock's")
      expect(await name.command("GET", name.record)).toBe("fl1 what")
      await name.command("DEL", name.record)
      await name.command("RPUSH", name.record, "a list")
      await expect(name.claim(tokenByHand())).rejects.toThrow("WRONGTYPE")
      await name.command("DEL", name.record)
    },
  },
  {
    claim: "a message that cannot be published is returned to the caller",
    isMute: true,
    run: async (name) => {
      const token = tokenByHand()
      await name.claim(token)
      expect(await name.settle(token, { text: "told" })).toEqual([
        "released",
        CHANNEL,
        record("v", "told"),
      ])
    },
  },
]
