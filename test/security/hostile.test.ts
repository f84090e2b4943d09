// The promises of docs/security.md about hostile input: names, replies and streams neither harm nor mislead.
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
// Apart from the others, so that only this is skipped where there is none.
const onRedis = hasRedisServer() ? describe.concurrent : describe.skip
onRedis("hostile names, on a real Redis", () => {
  hostileNames("real Redis")
})
