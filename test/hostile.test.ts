// What docs/security.md promises of what is hostile: replies and streams neither harm nor mislead.
import { describe } from "vitest"
import { hostileFrames } from "./security/hostile-frames.js"
import { hostileReplies } from "./security/hostile-replies.js"

describe.concurrent("hostile replies", hostileReplies)
describe.concurrent("hostile frames", hostileFrames)
