// The single commands of a hold: what is sent, what each reply means, and what a refusal does.
import { expect, test } from "vitest"
import { RestError } from "../../src/rest/rest-error.js"
import type { Transport } from "../../src/rest/transport.js"
import { CompareAndSet } from "../../src/store/compare-and-set.js"
import { Database } from "../../src/store/database.js"
import { Validity } from "../../src/validity.js"
import { rejection } from "../support/outcomes.js"

const claim = { name: "a", token: "fl_a_b" }

function answering(reply: unknown) {
  const sent: unknown[] = []
  const send: Transport["send"] = (...what) => {
    sent.push(what)
    return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply)
  }
  const transport = { send, mayResend: false, noticesEnd: true } as unknown as Transport
  return { plain: new CompareAndSet(new Database(transport, "lock:", false)), sent }
}

test("an extension sets the token again where it stands unmarked, with the ttl", async () => {
  const { plain, sent } = answering("OK")
  const validity = await plain.extend(claim, 30_000, 700)
  expect(validity).toBeInstanceOf(Validity)
  expect(validity?.remainingMs).toBeGreaterThan(29_000)
  const command = ["SET", "lock:a", "fl_a_b", "IFEQ", "fl_a_b", "PX", "30000"]
  expect(sent).toEqual([["lock:a", command, 700]])
})

test("a release deletes the token where it stands unmarked", async () => {
  const { plain, sent } = answering(1)
  expect(await plain.release(claim, 700)).toBe(true)
  expect(sent).toEqual([["lock:a", ["DELEX", "lock:a", "IFEQ", "fl_a_b"], 700]])
})

test("where something else stands, nothing was done", async () => {
  expect(await answering(null).plain.extend(claim, 30_000, 700)).toBeUndefined()
  expect(await answering(0).plain.release(claim, 700)).toBe(false)
})

test("any other reply is none", async () => {
  for (const reply of [1, "ok", "", 0]) {
    const error = await rejection(answering(reply).plain.extend(claim, 30_000, 700))
    expect(error).toBeInstanceOf(RestError)
  }
  for (const reply of ["OK", null, 2, -1]) {
    expect(await rejection(answering(reply).plain.release(claim, 700))).toBeInstanceOf(RestError)
  }
})

test.each([
  "ERR unknown command 'DELEX'",
  "ERR syntax error",
  "NOPERM this user has no permissions to run the 'delex' command",
])("a database that answers %s is asked no more", async (message) => {
  for (const ask of ["extend", "release"] as const) {
    const { plain } = answering(new RestError(message, { outcome: "refused" }))
    expect(plain.isAvailable).toBe(true)
    const answer =
      ask === "extend" ? await plain.extend(claim, 30_000, 700) : await plain.release(claim, 700)
    expect(answer).toBe(ask === "extend" ? undefined : false)
    expect(plain.isAvailable).toBe(false)
  }
})

test("any other failure is thrown, and they may be tried again", async () => {
  for (const failure of [
    new RestError("an unknown command, perhaps", { outcome: "unknown" }),
    new RestError("ERR max daily request limit exceeded", { outcome: "refused", status: 400 }),
    new TypeError("ours: a syntax error"),
  ]) {
    const { plain } = answering(failure)
    expect(await rejection(plain.release(claim, 700))).toBe(failure)
    expect(plain.isAvailable).toBe(true)
  }
})
