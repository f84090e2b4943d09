// What a failure says: whether the command may have been executed, whether it may succeed later, and no secret.
import { expect, test } from "vitest"
import {
  isControlFlow,
  RedisError,
  staleReply,
  unexpectedReply,
} from "../../src/redis/redis-error.js"

test.each([
  ["unknown", undefined, true],
  ["unknown", 401, true],
  ["refused", undefined, true],
  ["refused", 400, true],
  ["refused", 401, false],
  ["refused", 403, false],
] as const)(
  "a request with the outcome %s and the status %s may have been executed: %s",
  (outcome, status, may) => {
    expect(new RedisError("no", { outcome, status }).mayHaveBeenExecuted).toBe(may)
  },
)

test("a reply that is not ours leaves the outcome unknown, and says what is wrong", () => {
  expect(unexpectedReply(502)).toMatchObject({
    message: "unexpected response to this command",
    outcome: "unknown",
    status: 502,
  })
  expect(staleReply()).toMatchObject({
    message: "the reply belongs to another request (is fetch cached?)",
    outcome: "unknown",
    status: undefined,
  })
})

test("an error with a digest is a framework's way to end a rendering, and no other is", () => {
  expect(isControlFlow(Object.assign(new Error("NEXT"), { digest: "DYNAMIC" }))).toBe(true)
  const others = [new Error("no"), Object.assign(new Error("no"), { digest: 7 }), { digest: "x" }]
  expect(others.map(isControlFlow)).toEqual([false, false, false])
})

test("a message has neither the command nor a token, and is cut off", () => {
  const secret = 'ERR no, command was: ["EVAL","fl_a_b"]'
  expect(new RedisError(secret, { outcome: "refused" }).message).toBe("ERR no")
  expect(new RedisError("Bearer abc", { outcome: "refused" }).message).toBe("Bearer …")
  expect(new RedisError("x".repeat(400), { outcome: "refused" }).message).toHaveLength(300)
})
