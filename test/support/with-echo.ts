// Lets a transport of a test reply as a database does: with the nonce of the request.
import type { Transport } from "../../src/redis/transport.js"

/** @param evaluate gets the arguments without the nonce, and replies without it */
export function withEcho(evaluate: Transport["evaluate"]): Transport["evaluate"] {
  return async (script, keys, args, timeoutMs) => {
    const reply = await evaluate(script, keys, args.slice(0, -1), timeoutMs)
    return [args.at(-1), reply]
  }
}
