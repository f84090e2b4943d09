// What docs/security.md promises of what is hostile: names, replies and streams neither harm nor mislead.
import { describe } from "vitest"
import { hostileFrames } from "./hostile-frames.js"
import { hostileNames } from "./hostile-names.js"
import { hostileReplies } from "./hostile-replies.js"
import { hasRedisServer } from "../support/redis-server.js"

describe.concurrent("hostile replies", hostileReplies)
describe.concurrent("hostile frames", hostileFrames)
describe.concurrent("hostile names, on the embedded engine", () => {
  hostileNames("embedded engine")
})
// Apart from the others, so that where there is none, this is what is skipped.
const onRedis = hasRedisServer() ? describe.concurrent : describe.skip
onRedis("hostile names, on a real Redis", () => {
  hostileNames("real Redis")
})
