// Parses a request's small JSON object, strictly.
import { show } from "../../values/invalid-argument.js"
import { DEFAULT_BODY, readAhead, tooLarge } from "../read-ahead.js"
import { badRequest, Refusal } from "./refusal.js"
import type { Context } from "hono"

/**
 * The bytes of the body, which can still be read from the request afterwards.
 *
 * @throws Refusal
 */
export async function readBody(c: Context, maxBytes: number): Promise<Uint8Array> {
  // A body that a middleware has read through Hono's context is kept there.
  if (c.req.raw.bodyUsed) {
    const read = new Uint8Array(await c.req.arrayBuffer())
    if (read.length > maxBytes) throw new Refusal(tooLarge(maxBytes))
    return read
  }
  const pieces: Uint8Array[] = []
  const problem = await readAhead(c.req.raw, { ...DEFAULT_BODY, maxBytes }, (piece) => {
    pieces.push(piece)
  })
  if (problem) throw new Refusal(problem)
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer())
}

/**
 * The properties of the body; none for a request without a body.
 *
 * @param type the request's `Content-Type`
 * @param allowed the names of the allowed properties
 * @throws Refusal
 */
export function readJson<const Property extends string>(
  bytes: Uint8Array,
  type: string | undefined,
  allowed: readonly Property[],
): Partial<Record<Property, unknown>> {
  if (bytes.length > 0 || type !== undefined) checkType(type)
  if (bytes.length === 0) return {}
  const body = parse(bytes)
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badRequest(`the body must be a JSON object, got ${show(body)}`)
  }
  for (const property of Object.keys(body)) {
    if (!(allowed as readonly string[]).includes(property)) {
      throw badRequest(`unknown property ${show(property)}; allowed: ${allowed.join(", ")}`)
    }
  }
  return body
}

/** Also for an empty body, since a form without fields has a type. @throws Refusal */
function checkType(type = ""): void {
  if (isJson(type)) return
  const detail = `the body must be application/json, got ${show(type)}`
  throw badRequest(detail, 415, "Unsupported media type")
}

export function isJson(type = ""): boolean {
  return /^application\/json *(;|$)/i.test(type)
}

function parse(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    throw badRequest("the body is not valid UTF-8")
  }
  try {
    return JSON.parse(text)
  } catch {
    throw badRequest("the body is not valid JSON")
  }
}
