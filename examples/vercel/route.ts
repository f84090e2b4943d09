// A Vercel function, as app/orders/[id]/pay/route.ts of Next.js: one payment at a time for each order.
import { LockManager } from "fetchlock"
import { withLock } from "fetchlock/handler"

interface Context {
  readonly params: Promise<{ readonly id: string }>
}

export const POST = withLock(
  async (request: Request, lock, { params }: Context) => {
    const { id } = await params
    const { amount }: { amount: number } = await request.json()
    // The signal ends the charge if the lock is lost; with the fencing token the bank can refuse a late charge.
    const receipt = await charge(id, amount, lock)
    return Response.json({ id, receipt }, { status: 201 })
  },
  {
    // KV_REST_API_URL and KV_REST_API_TOKEN, as Vercel sets them.
    locks: () => LockManager.fromEnv(),
    name: async (_, context: Context) => `order:${(await context.params).id}`,
    wait: "5s",
    fencing: true,
    // A function may be frozen after its response. With `waitUntil` of @vercel/functions as the manager's option
    // the response need not wait.
    release: "before-response",
  },
)

/** Stands in for the bank. */
async function charge(
  id: string,
  amount: number,
  { signal, fencingToken }: { signal: AbortSignal; fencingToken: number },
): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 50))
  signal.throwIfAborted()
  return `${id}:${amount}:${fencingToken}`
}
