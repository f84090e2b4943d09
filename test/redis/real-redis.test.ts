// A run on CI must not pass without a real Redis.
import { expect, test } from "vitest"
import { hasRedisServer } from "../support/redis-server.js"

test.runIf(process.env["CI"])("if CI is set, a real redis-server is available", () => {
  expect(hasRedisServer()).toBe(true)
})
