// Idempotent routes as each adapter offers them: whole requests go in, responses come out.
import { Hono } from "hono"
import { withIdempotency } from "../../../src/http/handler.js"
import { idempotency } from "../../../src/http/hono/index.js"
import type { IdempotencyOptions } from "../../../src/http/idempotency-options.js"

/** Options whose functions get the request, in every adapter. */
export type PlainOptions = Omit<IdempotencyOptions<readonly []>, "scope" | "fingerprint"> & {
  readonly scope: "none" | ((request: Request) => string | undefined)
  readonly fingerprint?: (request: Request) => string
}

type Work = (request: Request) => Response | Promise<Response>

export interface Adapter {
  readonly name: string
  /** An error that was thrown becomes a 500 with the text "failed: …". */
  readonly route: (options: PlainOptions, work: Work) => (request: Request) => Promise<Response>
}

const failed = (error: unknown) => new Response(`failed: ${String(error)}`, { status: 500 })

export const adapters: readonly Adapter[] = [
  {
    name: "fetchlock/hono",
    route({ scope, fingerprint, ...options }, work) {
      const app = new Hono()
      app.onError(failed)
      const middleware = idempotency({
        ...options,
        scope: scope === "none" ? scope : (c) => scope(c.req.raw),
        ...(fingerprint && { fingerprint: (c) => fingerprint(c.req.raw) }),
      })
      app.all("*", middleware, (c) => work(c.req.raw))
      return async (request) => app.fetch(request)
    },
  },
  {
    name: "fetchlock/handler",
    route(options, work) {
      const handler = withIdempotency((request: Request) => work(request), options)
      return (request) => handler(request).catch(failed)
    },
  },
]
