// Asks which commands the database has, and whether its replies are exact.
import type { Examination } from "./finding.js"
import type { ProbedDatabase } from "./probed-database.js"

const ROUND_TRIPS = 10
const READS = 20

export function commandProbes(database: ProbedDatabase): Examination[] {
  return [
    { probe: "round trip", examine: () => roundTrip(database) },
    { probe: "several commands in one request", examine: () => pipeline(database) },
    { probe: "exact replies", examine: () => exactReplies(database) },
    { probe: "reads see writes", examine: () => readYourWrites(database) },
    { probe: "DELEX", examine: () => delex(database) },
    { probe: "SET … IFEQ", examine: () => setIfEqual(database) },
  ]
}

async function roundTrip(database: ProbedDatabase) {
  const times: number[] = []
  // The first request opens the connection.
  await database.ask("PING")
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const startedAt = performance.now()
    await database.ask("PING")
    times.push(performance.now() - startedAt)
  }
  database.rttMs = median(times)
  const slowest = Math.max(...times)
  const found = `${database.rttMs.toFixed(1)} ms, slowest of ${ROUND_TRIPS}: ${slowest.toFixed(1)} ms`
  if (slowest < 1_000) {
    return { verdict: "ok", found, follows: "a lock costs two of them, a hand-off one" } as const
  }
  return {
    verdict: "note",
    found,
    follows: "raise timeout, and keep ttl at several seconds",
  } as const
}

async function pipeline(database: ProbedDatabase) {
  const key = database.key("pipeline")
  const [set, get] = await database
    .pipeline([
      ["SET", key, "1", "PX", "30000"],
      ["GET", key],
    ])
    .catch(() => [])
  // Some clients and servers turn texts into numbers.
  if (set && "result" in set && get && "result" in get && String(get.result) === "1") {
    return { verdict: "ok", found: "works, in order", follows: "query() and ls work" } as const
  }
  const found = set && "error" in set ? set.error : "no list of replies"
  const follows = "query() and ls fail, and so do two calls for one name at the same moment"
  return { verdict: "problem", found, follows } as const
}

async function exactReplies(database: ProbedDatabase) {
  const large = 1_795_888_560_668_123
  const script = `return {${large}, "${large}", ""}`
  const reply = await database.ask("EVAL", script, "0")
  const [integer, text, empty] = Array.isArray(reply) ? (reply as unknown[]) : []
  if (Number(integer) === large && String(text) === String(large) && empty === "") {
    return { verdict: "ok", found: "integers and texts arrive unchanged", follows: "" } as const
  }
  const found = `{${large}, "${large}", ""} arrives as ${JSON.stringify(reply)}`
  return {
    verdict: "problem",
    found,
    follows: "tickets and fencing tokens would be wrong",
  } as const
}

async function readYourWrites(database: ProbedDatabase) {
  const key = database.key("reads")
  let stale = 0
  for (let i = 0; i < READS; i++) {
    await database.ask("SET", key, `value ${i}`, "PX", "30000")
    if ((await database.ask("GET", key)) !== `value ${i}`) stale++
  }
  const found = `${stale} of ${READS} reads were stale`
  if (stale === 0) return { verdict: "ok", found, follows: "" } as const
  const follows = "no lock depends on a read; query() and inspect() may be outdated"
  return { verdict: "note", found, follows } as const
}

async function delex(database: ProbedDatabase) {
  const key = database.key("delex")
  await database.ask("SET", key, "mine", "PX", "30000")
  const wrong = await database.send("DELEX", key, "IFEQ", "other")
  const right = await database.send("DELEX", key, "IFEQ", "mine")
  const isGone = (await database.ask("EXISTS", key)) === 0
  const works = "result" in wrong && wrong.result === 0 && "result" in right && right.result === 1
  if (works && isGone) {
    return database.isUpstash
      ? ({ verdict: "ok", found: "works", follows: "a release is billed as 2 commands" } as const)
      : ({ verdict: "ok", found: "works", follows: "used for Upstash's hosts only" } as const)
  }
  const found = "error" in right ? "not supported" : "does not compare"
  return { verdict: "ok", found, follows: "not needed: a release is billed as 3 commands" } as const
}

async function setIfEqual(database: ProbedDatabase) {
  const key = database.key("ifeq")
  await database.ask("SET", key, "old", "PX", "30000")
  const reply = await database.send("SET", key, "new", "IFEQ", "old", "PX", "30000")
  const works = "result" in reply && (await database.ask("GET", key)) === "new"
  return { verdict: "ok", found: works ? "works" : "not supported", follows: "not needed" } as const
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
