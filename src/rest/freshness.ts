// Proves that a reply was made for the request that it answers. Frameworks patch `fetch` and answer a POST that they have
// seen before from a cache; such a reply says what was true once, and a hold that it "renews" is over.
import { randomText } from "../token.js"
import { RestError, unexpectedReply } from "./rest-error.js"

/** A text that no other request has. It begins with a letter, so that clients which parse replies leave it as it is. */
export function createNonce(): string {
  return `n${randomText(9)}`
}

/** The script, made to repeat its last argument, the nonce: its reply is `{nonce, its own reply}`. */
export function echoing(script: string): string {
  return `local function run()\n${script}end\nreturn {ARGV[#ARGV], run()}`
}

/** @throws `RestError` of unknown outcome unless the request's own nonce came back. */
export function assertFresh(echo: unknown, nonce: string): void {
  if (echo === nonce) return
  throw new RestError("the reply was not made for this request (does something cache fetch?)", {
    outcome: "unknown",
  })
}

/** What a script that was sent as `echoing` made it has replied. */
export function readFresh(reply: unknown, nonce: string): unknown {
  if (!Array.isArray(reply) || reply.length !== 2) throw unexpectedReply()
  const [echo, own] = reply as unknown[]
  assertFresh(echo, nonce)
  return own
}
