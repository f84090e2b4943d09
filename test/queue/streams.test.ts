// The queue when streams fail, and when the database loses everything.
import { describe } from "vitest"
import { openLab } from "../contract/lab.js"
import { flushing } from "./flushing.js"
import { noticedStreams, streams, unpublished } from "./streams.js"
import { variants } from "../support/variants.js"

for (const variant of variants) {
  const run = variant.isAvailable ? describe : describe.skip
  run.concurrent(variant.name, () => {
    const lab = openLab(variant)
    if (variant.push) streams(lab)
    if (variant.push && variant.client === "fetch client") {
      noticedStreams(lab)
      unpublished(lab)
    }
    flushing(variant)
  })
}
