// Asks whether the database's clock runs as fast as this machine's, and whether keys end when they should.
import { sleep } from "../../time/timers.js"
import type { Examination } from "./finding.js"
import type { ProbedDatabase } from "./probed-database.js"

/** Holds are trusted for their ttl minus this part of it. */
const TOLERATED = 0.01
const SHORTEST_MS = 2_000
const LONGEST_MS = 15_000
const EXPIRY_MS = 500

export function clockProbes(database: ProbedDatabase): Examination[] {
  return [
    { probe: "clock speed", examine: () => speed(database) },
    { probe: "expiry", examine: () => expiry(database) },
  ]
}

/** A reading of the database's clock, between two readings of ours. */
interface Reading {
  readonly serverMs: number
  readonly ownMs: number
  readonly uncertaintyMs: number
}

async function speed(database: ProbedDatabase) {
  const first = await readBest(database)
  // Long enough that the uncertainty of both readings is less than what is looked for.
  const uncertaintyMs = first.uncertaintyMs * 2
  await sleep(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (uncertaintyMs / TOLERATED) * 2)))
  const last = await readBest(database)
  const ownMs = last.ownMs - first.ownMs
  const deviation = (last.serverMs - first.serverMs) / ownMs - 1
  const uncertainty = (first.uncertaintyMs + last.uncertaintyMs) / ownMs
  const found = `${percent(deviation)} off ours, ± ${percent(uncertainty)}, within ${(ownMs / 1_000).toFixed(1)} s`
  if (Math.abs(deviation) - uncertainty > TOLERATED) {
    const follows = "holds would end before their holders know: exclusion is not safe"
    return { verdict: "problem", found, follows } as const
  }
  if (uncertainty > TOLERATED) {
    return { verdict: "unknown", found, follows: "the network is too slow to tell" } as const
  }
  return { verdict: "ok", found, follows: "a hold is trusted for its ttl minus 1 %" } as const
}

/** The reading with the shortest round trip of some. */
async function readBest(database: ProbedDatabase): Promise<Reading> {
  let best: Reading | undefined
  for (let i = 0; i < 5; i++) {
    const sentAt = performance.now()
    const reply = await database.ask("TIME")
    const receivedAt = performance.now()
    const [seconds, micros] = Array.isArray(reply) ? (reply as unknown[]).map(Number) : []
    const serverMs = (seconds ?? NaN) * 1_000 + (micros ?? NaN) / 1_000
    if (Number.isNaN(serverMs)) throw new Error("TIME: unexpected reply")
    const uncertaintyMs = (receivedAt - sentAt) / 2
    if (best && best.uncertaintyMs <= uncertaintyMs) continue
    best = { serverMs, ownMs: (sentAt + receivedAt) / 2, uncertaintyMs }
  }
  if (!best) throw new Error("TIME: no reply")
  return best
}

async function expiry(database: ProbedDatabase) {
  const key = database.key("expiry")
  const sentAt = performance.now()
  await database.ask("SET", key, "x", "PX", String(EXPIRY_MS))
  const storedAt = performance.now()
  for (;;) {
    const askedAt = performance.now()
    const exists = Number(await database.ask("EXISTS", key)) === 1
    const receivedAt = performance.now()
    if (!exists && receivedAt - sentAt < EXPIRY_MS * (1 - TOLERATED)) {
      const found = `a key of ${EXPIRY_MS} ms was gone after ${(receivedAt - sentAt).toFixed(0)} ms`
      return { verdict: "problem", found, follows: "two callers may hold one lock" } as const
    }
    if (!exists) {
      const found = `a key of ${EXPIRY_MS} ms was gone within ${(receivedAt - sentAt).toFixed(0)} ms`
      return { verdict: "ok", found, follows: "" } as const
    }
    if (askedAt - storedAt > EXPIRY_MS * 2 + 1_000) {
      const found = `a key of ${EXPIRY_MS} ms is still there after ${(askedAt - storedAt).toFixed(0)} ms`
      const follows = "a crashed holder locks its name for longer than its ttl"
      return { verdict: "problem", found, follows } as const
    }
    await sleep(25)
  }
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`
}
