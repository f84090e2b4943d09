// What a run cost: the commands that Upstash would bill for it.
import { billedCommands } from "../../../test/support/billed-commands.js"
import type { Sent } from "./fetch-recorder.js"

/**
 * @param stats the reply of `INFO commandstats`
 * @param sent the requests that made them: `SET … IFEQ` and `DELEX` are one command where they exist, and a script on
 *   the Redis of the testbed, which has neither
 */
export function billedFor(stats: string, sent: readonly Sent[]): number {
  let billed = billedCommands(stats)
  for (const { body, succeeded } of sent) {
    // The GET that compares, and where that was equal the command that changes.
    if (isCompareAndSet(body)) billed -= succeeded ? 2 : 1
  }
  return billed
}

/** Whether the request is one that a Redis before 8.4 needs a script for. */
export function isCompareAndSet(body: string): boolean {
  return /^\["(?:DELEX|SET)".*"IFEQ"/i.test(body)
}
