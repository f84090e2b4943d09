// Requests that a page of another site makes a browser send, with the cookies of its user.
import { isJson } from "./read-json.js"
import { badRequest } from "./refusal.js"
import type { Context } from "hono"

/**
 * Refuses an acquire that another site can forge. Extending and releasing need no check: a browser asks first
 * (CORS) before it sends their methods and their header, and so it does for JSON.
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

/** Whether the request is not a browser's, or comes from a page of this very origin. */
function isOwn(c: Context): boolean {
  const site = c.req.header("Sec-Fetch-Site")
  if (site !== undefined) return site === "same-origin" || site === "none"
  const origin = c.req.header("Origin")
  if (origin === undefined) return true
  // The host alone: behind a proxy that ends TLS, the schemes differ.
  return URL.canParse(origin) && new URL(origin).host === new URL(c.req.url).host
}
