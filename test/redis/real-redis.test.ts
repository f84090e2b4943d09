// A run that has to prove everything must not pass without a real Redis.
import { expect, test } from "vitest"
import { hasRedisServer } from "../support/redis-server.js"

test.runIf(process.env["CI"])("where CI is set there is a real redis-server to test with", () => {
  expect(hasRedisServer()).toBe(true)
})
