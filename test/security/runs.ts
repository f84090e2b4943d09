// The number of random cases: the same ones each time; a run of its own can try other ones, and more.
import type { Parameters } from "fast-check"

/** For example `FUZZ=5000 npx vitest run test/security/hostile.test.ts`. */
const more = process.env["FUZZ"]

export function runs(numRuns: number): Parameters<unknown> {
  return more === undefined ? { numRuns, seed: 7 } : { numRuns: Number(more) }
}

/** A run of its own may take its time. */
export const PATIENCE = { timeout: more === undefined ? 60_000 : 3_600_000 }
