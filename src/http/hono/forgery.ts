// Refuses requests that a page of another site makes a browser send, with the user's cookies.
import { isJson } from "./read-json.js"
import { badRequest } from "./refusal.js"
import type { Context } from "hono"

/**
 * Refuses an acquire that another site can forge. Extending and releasing need no check: before a browser sends their
 * methods and header to another origin, or JSON, it sends a preflight request (CORS).
 *
 * The rule is that of Go's `http.CrossOriginProtection`: https://pkg.go.dev/net/http#CrossOriginProtection
 *
 * @throws Refusal
 */
export function refuseForgery(c: Context): void {
  if (isJson(c.req.header("Content-Type")) || isOwn(c)) return
  throw badRequest(
    "a request from a page of another origin must be application/json; its body may be {}",
    415,
    "Unsupported media type",
  )
}

/** Whether the request does not come from a browser, or comes from a page of the same origin. */
function isOwn(c: Context): boolean {
  const site = c.req.header("Sec-Fetch-Site")
  if (site !== undefined) return site === "same-origin" || site === "none"
  const origin = c.req.header("Origin")
  if (origin === undefined) return true
  // Only the host: behind a proxy that terminates TLS, the schemes differ.
  return URL.canParse(origin) && new URL(origin).host === new URL(c.req.url).host
}
