// Runs a block of tests once for each variant; one that is not available on this machine counts as skipped.
import { describe } from "vitest"
import { type Variant, variants } from "./variants.js"

export function describeVariants(what: string, tests: (variant: Variant) => void): void {
  for (const variant of variants) {
    const run = variant.isAvailable ? describe : describe.skip
    run.concurrent(`${what}: ${variant.name}`, () => {
      tests(variant)
    })
  }
}
