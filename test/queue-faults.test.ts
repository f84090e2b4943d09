// The queue when the network fails it: every request of a wait, and the stream.
import { describe } from "vitest"
import { openLab } from "./contract/lab.js"
import { flushing } from "./queue/flushing.js"
import { losingRequests } from "./queue/losing-requests.js"
import { noticedStreams, streams } from "./queue/streams.js"
import { variants } from "./support/variants.js"

for (const variant of variants) {
  const run = variant.isAvailable ? describe : describe.skip
  run.concurrent(variant.name, () => {
    const lab = openLab(variant)
    describe("a request of a wait", () => {
      losingRequests(lab)
    })
    if (variant.push) {
      describe("the stream", () => {
        streams(lab)
        if (variant.client === "fetch client") noticedStreams(lab)
      })
    }
    describe("a database that loses everything", () => {
      flushing(variant)
    })
  })
}
