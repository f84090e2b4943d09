// A critical section for the Workers.
import type { FencedLock } from "fetchlock"
import type { Command } from "./scenarios.js"

/** Between two requests, so that the clock moves: time stands still without I/O. */
export async function section(command: Command, { name, fencingToken }: FencedLock) {
  const before = Number(await command("GET", `count:${name}`))
  const enteredAt = Date.now()
  await new Promise((resolve) => setTimeout(resolve, 10))
  await command("SET", `count:${name}`, String(before + 1))
  return { lock: name, enteredAt, leftAt: Date.now(), fencingToken }
}
