// A cached page, as app/quotes/[symbol]/route.ts of Next.js: one request at a time computes it, all others get what is there.
// When it expires under load, nobody waits: all get the old value while one request replaces it.
import { LockManager } from "fetchlock"
import { once } from "fetchlock/once"

interface Context {
  readonly params: Promise<{ readonly symbol: string }>
}

export async function GET(_: Request, { params }: Context): Promise<Response> {
  const { symbol } = await params
  // The refresh goes on after the response. `next start` lets it; on Vercel pass `waitUntil` of @vercel/functions here.
  const locks = LockManager.fromEnv()
  const { value, source } = await once.detailed(
    locks,
    `quote:${symbol}`,
    { remember: "1s", stale: "1h" },
    () => computeQuote(symbol),
  )
  return Response.json(value, { headers: { "X-Cache": source } })
}

let computed = 0

/** Stands in for a slow query. */
async function computeQuote(symbol: string): Promise<{ symbol: string; version: number }> {
  await new Promise((resolve) => setTimeout(resolve, 200))
  return { symbol, version: ++computed }
}
