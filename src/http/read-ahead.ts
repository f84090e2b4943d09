// Reads a request's body before a lock is acquired or a key is claimed: a client that sends slowly does not make others wait.
import { type Duration, MAX_TIMER_MS, parseDuration } from "../time/duration.js"
import { untilAborted } from "../time/timers.js"
import { checkCount, invalid } from "../values/invalid-argument.js"
import { badRequest, GONE, type Problem } from "./problem.js"

/** The limits of a body: its size, and the time to read it. */
export interface BodyBounds {
  readonly maxBytes: number
  readonly timeoutMs: number
}

/** About the largest body that functions on Vercel accept; a healthy client sends it in less time. */
export const DEFAULT_BODY: BodyBounds = { maxBytes: 4_194_304, timeoutMs: 30_000 }

/** When a request's body is read: before the handler needs the lock or the key, within bounds, or when the handler reads it. */
export type BodyOption =
  | "streamed"
  | {
      /** The largest body that is accepted: a positive integer. @default 4_194_304 */
      readonly maxBytes?: number | undefined
      /** The longest time that the client may take to send it: at least 1 ms. @default "30s" */
      readonly timeout?: Duration | undefined
    }

/**
 * The bounds of a body that is read ahead; undefined for a streamed one.
 *
 * @throws `TypeError` or `RangeError` that names the option.
 */
export function resolveBody(body: BodyOption = {}): BodyBounds | undefined {
  if (body === "streamed") return undefined
  if (typeof body !== "object" || (body as unknown) === null) {
    throw invalid("body", '"streamed" or { maxBytes, timeout }', body)
  }
  const { maxBytes = DEFAULT_BODY.maxBytes, timeout = DEFAULT_BODY.timeoutMs } = body
  checkCount("body.maxBytes", maxBytes)
  const timeoutMs = parseDuration("body.timeout", timeout, { min: 1, max: MAX_TIMER_MS })
  return { maxBytes, timeoutMs }
}

/**
 * Reads a copy of the body to its end. The request keeps its own body, which can then be read from memory. The request
 * is not replaced by another one, which would lose the platform's data about it.
 *
 * @param take receives each chunk
 * @returns the problem with the body, if there is one
 */
export async function readAhead(
  request: Request,
  { maxBytes, timeoutMs }: BodyBounds,
  take?: (bytes: Uint8Array) => void,
): Promise<Problem | undefined> {
  // A body that was read, or is being read, belongs to the code that reads it.
  if (!request.body || request.bodyUsed || request.body.locked) return undefined
  if (Number(request.headers.get("Content-Length")) > maxBytes) return tooLarge(maxBytes)
  const reader = request.clone().body?.getReader()
  if (!reader) return undefined
  const drain = async () => {
    for (let bytes = 0; ;) {
      const { done, value } = await reader.read()
      if (done) return undefined
      bytes += value.length
      if (bytes > maxBytes) return tooLarge(maxBytes)
      take?.(value)
    }
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  const overdue = new Promise<Problem>((resolve) => {
    timer = setTimeout(() => {
      resolve(badRequest(`the body did not arrive within ${timeoutMs} ms`, 408, "Request timeout"))
    }, timeoutMs)
  })
  try {
    return await untilAborted(Promise.race([drain(), overdue]), request.signal)
  } catch {
    // The body broke off: the client has disconnected.
    return GONE
  } finally {
    // A refused body is left unread, not canceled: on Node, canceling would cut the connection before the answer.
    clearTimeout(timer)
  }
}

export function tooLarge(maxBytes: number): Problem {
  return badRequest(`the body must have at most ${maxBytes} bytes`, 413, "Content too large")
}
