// Runs a block of tests once for each variant; one that is not available on this machine counts as skipped.
import { describe } from "vitest"
import { type Variant, variants } from "./variants.js"

export function describeVariants(
  what: string,
  tests: (variant: Variant) => void,
  those: readonly Variant[] = variants,
): void {
  for (const variant of those) {
    const run = variant.isAvailable ? describe : describe.skip
    run.concurrent(`${what}: ${variant.name}`, () => {
      tests(variant)
    })
  }
}
