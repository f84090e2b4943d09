// The promises of docs/security.md about hostile input: names, replies and streams neither harm nor mislead.
import { describe } from "vitest"
import { hostileFrames } from "./hostile-frames.js"
import { hostileNames } from "./hostile-names.js"
import { hostileReplies } from "./hostile-replies.js"
import { describeVariants } from "../support/describe-variants.js"
import { embedded, onRedis } from "../support/variants.js"

describe.concurrent("hostile replies", hostileReplies)
describe.concurrent("hostile frames", hostileFrames)
describeVariants("hostile names", hostileNames, [embedded, onRedis])
