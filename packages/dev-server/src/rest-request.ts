// Checks every request before its command is read: method, origin, token, the format of the reply.
import type { OriginCheck } from "./request-origin.js"
import type { Format } from "./write-replies.js"

const METHODS = new Set(["HEAD", "GET", "POST", "PUT"])

export interface Refusal {
  readonly status: 400 | 401 | 403 | 405
  readonly message: string
}

/** Why a request is refused; undefined if it is not. The messages for tokens and formats are Upstash's. */
export function refuseRequest(
  request: Request,
  token: string,
  checkOrigin: OriginCheck,
): Refusal | undefined {
  if (!METHODS.has(request.method))
    return { status: 405, message: `ERR method ${request.method} is not allowed` }
  const foreign = checkOrigin(request)
  if (foreign !== undefined) return { status: 403, message: foreign }
  if (!isSame(tokenOf(request) ?? "", token))
    return { status: 401, message: "WRONGPASS invalid or missing auth token" }
  const format = request.headers.get("upstash-response-format") ?? "json"
  if (format !== "json" && format !== "resp2")
    return { status: 400, message: `ERR unknown response format '${format}'` }
  if (format === "resp2" && wantsBase64(request))
    return { status: 400, message: "ERR base64 encoding is not possible with the resp2 format" }
  return undefined
}

/** The requested format of the reply, of a request that was not refused. */
export function formatOf(request: Request): Format {
  if (request.headers.get("upstash-response-format") === "resp2") return "resp2"
  return wantsBase64(request) ? "base64" : "json"
}

function wantsBase64(request: Request): boolean {
  return request.headers.get("upstash-encoding")?.toLowerCase() === "base64"
}

function tokenOf(request: Request): string | null {
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.get("authorization") ?? "")
  if (bearer) return bearer[1] ?? null
  return request.url.includes("?") ? new URL(request.url).searchParams.get("_token") : null
}

/** In a time that does not tell how much of it is right. */
function isSame(given: string, wanted: string): boolean {
  let difference = given.length ^ wanted.length
  for (let i = 0; i < wanted.length; i++) {
    // Past its end this is NaN, which counts as 0.
    difference |= given.charCodeAt(i) ^ wanted.charCodeAt(i)
  }
  return difference === 0
}
