// Asks what the database is, and whether it may forget what it has acknowledged.
import type { Examination } from "./finding.js"
import type { ProbedDatabase } from "./probed-database.js"

export function memoryProbes(database: ProbedDatabase): Examination[] {
  return [
    { probe: "server", examine: () => server(database) },
    { probe: "eviction", examine: () => eviction(database) },
  ]
}

async function server(database: ProbedDatabase) {
  const fields = await info(database, "server")
  const [name, version] = fields.has("valkey_version")
    ? ["Valkey", fields.get("valkey_version")]
    : ["Redis", fields.get("redis_version")]
  if (version === undefined) {
    return { verdict: "unknown", found: "it does not tell", follows: "" } as const
  }
  const engine = fields.get("engine")
  const found = `${name} ${version}${engine === undefined ? "" : `, ${engine}`}`
  return { verdict: "ok", found, follows: "" } as const
}

async function eviction(database: ProbedDatabase) {
  const fields = await info(database, "memory")
  const policy = fields.get("maxmemory_policy") ?? (await configured(database, "maxmemory-policy"))
  const limit = fields.get("maxmemory") ?? (await configured(database, "maxmemory"))
  if (policy === undefined) {
    return {
      verdict: "unknown",
      found: "it does not tell",
      follows: "check in its console that eviction is off",
    } as const
  }
  if (policy === "noeviction") {
    return { verdict: "ok", found: policy, follows: "locks are never evicted" } as const
  }
  if (limit === "0") {
    const found = `${policy}, without a memory limit`
    const follows = "nothing is evicted until a limit is set; noeviction is safer"
    return { verdict: "note", found, follows } as const
  }
  const follows = "a full database evicts locks: turn eviction off (noeviction)"
  return { verdict: "problem", found: policy, follows } as const
}

/** The fields of a section of INFO; none if the command is refused. */
async function info(database: ProbedDatabase, section: string): Promise<Map<string, string>> {
  const reply = await database.send("INFO", section)
  const text = "result" in reply && typeof reply.result === "string" ? reply.result : ""
  return new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const [, field, value] = /^(\w+):(.*)$/.exec(line) ?? []
      return field === undefined || value === undefined ? [] : [[field, value]]
    }),
  )
}

async function configured(database: ProbedDatabase, name: string): Promise<string | undefined> {
  const reply = await database.send("CONFIG", "GET", name)
  if ("error" in reply || !Array.isArray(reply.result)) return undefined
  const value: unknown = (reply.result as unknown[])[1]
  return typeof value === "string" ? value : undefined
}
