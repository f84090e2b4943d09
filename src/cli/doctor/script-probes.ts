// Asks what scripts may do on the database.
import { readRefusal } from "../../redis/refusal.js"
import type { Examination } from "./finding.js"
import { type ProbedDatabase, type Reply, TIMEOUT_MS } from "./probed-database.js"

const KEY_LOCKING = "#!lua flags=allow-key-locking\n"

export function scriptProbes(database: ProbedDatabase): Examination[] {
  return [
    { probe: "EVAL", examine: () => evaluates(database) },
    { probe: "allow-key-locking", examine: () => keyLocking(database) },
    { probe: "TIME in a script", examine: () => time(database) },
    { probe: "PUBLISH in a script", examine: () => publish(database) },
    { probe: "PUBSUB NUMSUB in a script", examine: () => listeners(database) },
  ]
}

async function evaluates(database: ProbedDatabase) {
  const key = database.key("eval")
  const script =
    'redis.call("SET", KEYS[1], ARGV[1], "PX", "30000") return {ARGV[1], redis.call("GET", KEYS[1])}'
  const reply = await database.send("EVAL", script, "1", key, "nonce")
  if ("error" in reply) {
    return { verdict: "problem", found: reply.error, follows: "no lock can be taken here" } as const
  }
  if (JSON.stringify(reply.result) !== '["nonce","nonce"]') {
    const found = `unexpected reply ${JSON.stringify(reply.result)}`
    return { verdict: "problem", found, follows: "no lock can be taken here" } as const
  }
  return { verdict: "ok", found: "works", follows: "" } as const
}

async function keyLocking(database: ProbedDatabase) {
  const script = `${KEY_LOCKING}return redis.call("GET", KEYS[1])`
  const reply = await database.send("EVAL", script, "1", database.key("locking"))
  if (!("error" in reply)) {
    return database.isUpstash
      ? ({ verdict: "ok", found: "accepted", follows: "scripts lock only their own keys" } as const)
      : ({
          verdict: "ok",
          found: "accepted",
          follows: "keyLocking: true if this is Upstash behind another host name",
        } as const)
  }
  if (!database.isUpstash) {
    const follows = "not needed: it is not sent to this host"
    return { verdict: "ok", found: "refused", follows } as const
  }
  if (readRefusal(reply.error) === "no-key-locking") {
    const follows = "each script locks the whole database; noticed after one request"
    return { verdict: "note", found: "refused", follows, options: { keyLocking: false } } as const
  }
  return {
    verdict: "note",
    found: `refused: ${reply.error}`,
    follows: "keyLocking: false, since every call would fail",
    options: { keyLocking: false },
  } as const
}

/** Sends the script as the library does: with key locking for Upstash. */
function evaluate(
  database: ProbedDatabase,
  script: string,
  ...args: readonly string[]
): Promise<Reply> {
  const head = database.isUpstash ? KEY_LOCKING : ""
  return database.send("EVAL", head + script, "1", database.key("script"), ...args)
}

async function time(database: ProbedDatabase) {
  const reply = await evaluate(database, 'return redis.call("TIME")')
  const parts = "result" in reply ? reply.result : undefined
  if (Array.isArray(parts) && parts.length === 2 && Number(parts[0]) > 1_500_000_000) {
    return { verdict: "ok", found: "works", follows: "the queue is in order of arrival" } as const
  }
  const found = "error" in reply ? reply.error : `unexpected reply ${JSON.stringify(parts)}`
  const follows = "no queue, shared locks or fencing tokens; only tryAcquire works"
  return { verdict: "problem", found, follows } as const
}

async function publish(database: ProbedDatabase) {
  const script = 'return redis.call("PUBLISH", ARGV[1], "x")'
  const reply = await evaluate(database, script, `${database.prefix}nobody`)
  if ("result" in reply && typeof reply.result === "number") {
    return { verdict: "ok", found: "works", follows: "a hand-off takes one round trip" } as const
  }
  const found = "error" in reply ? reply.error : `unexpected reply ${JSON.stringify(reply.result)}`
  const follows = "the caller publishes itself: one more request for each hand-off"
  return { verdict: "note", found, follows } as const
}

async function listeners(database: ProbedDatabase) {
  const channel = `${database.prefix}listener`
  const ignore = { onMessage: () => undefined, onEnd: () => undefined }
  const follows = "a listener that died is noticed when its lease ends: 3 s for each"
  const stream = await database.client.subscribe(channel, ignore, TIMEOUT_MS).catch(() => undefined)
  if (!stream) return { verdict: "note", found: "no stream opens", follows } as const
  try {
    const script = 'return redis.call("PUBSUB", "NUMSUB", ARGV[1])[2]'
    const reply = await evaluate(database, script, channel)
    if ("error" in reply) return { verdict: "note", found: reply.error, follows } as const
    if (Number(reply.result) >= 1) {
      const found = "counts listeners"
      return { verdict: "ok", found, follows: "dead waiters are skipped at once" } as const
    }
    return { verdict: "note", found: "does not see our listener", follows } as const
  } finally {
    stream.close()
  }
}
