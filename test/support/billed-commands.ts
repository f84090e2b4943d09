// Counts commands as Upstash bills them: each command and each call inside a script.

/** Commands that a server or a client sends for itself. */
const NOT_BILLED = new Set([
  "client",
  "command",
  "config",
  "flushall",
  "hello",
  "info",
  "ping",
  "script",
  "select",
  "unsubscribe",
])

/** @param stats the reply of `INFO commandstats` */
export function billedCommands(stats: string): number {
  return [...stats.matchAll(/cmdstat_([^:|]+)[^:]*:calls=(\d+)/g)]
    .filter(([, name = ""]) => !NOT_BILLED.has(name))
    .reduce((sum, [, , calls]) => sum + Number(calls), 0)
}
