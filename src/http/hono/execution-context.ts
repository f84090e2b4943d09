// The runtime's `waitUntil`, read from Hono's context.
import type { WaitUntil } from "../../options.js"
import type { Context } from "hono"

/** The runtime's `waitUntil`, if there is one: otherwise `c.executionCtx` throws. */
export function waitUntilOf(c: Context): WaitUntil | undefined {
  try {
    const { executionCtx } = c
    return (work) => {
      executionCtx.waitUntil(work)
    }
  } catch {
    return undefined
  }
}
