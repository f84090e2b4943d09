// A database that grants every request, without a network: the nonce of each script comes back.
import type { Fetch } from "../../src/index.js"
import { argumentsOf, operationOf } from "./operation.js"

/** The reply to each script if no other caller wants the lock. */
const REPLIES: Readonly<Record<string, unknown>> = {
  release: ["released", 0],
  extend: "renewed",
  readHold: ["held", 20_000],
  fence: "noted",
}
const GRANTED = ["granted", 20_000, "1", "1700000000000000", -1, "", 0]

/** The reply to a command that is a request's body. */
export function healthyReply(body: string): unknown {
  const command = JSON.parse(body) as string[]
  return [argumentsOf(command).at(-1), REPLIES[operationOf(command)] ?? GRANTED]
}

/** The text of a reply to the request that has this body. */
export function withNonce(body: string, reply: string): string {
  const nonce = JSON.stringify(argumentsOf(JSON.parse(body) as string[]).at(-1) ?? null)
  return `[${nonce},${reply}]`
}

export const healthyFetch: Fetch = (_, { body }) =>
  Promise.resolve(Response.json({ result: healthyReply(body as string) }))
