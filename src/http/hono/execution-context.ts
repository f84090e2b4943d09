// What the runtime offers, as Hono's context has it.
import type { WaitUntil } from "../../options.js"
import type { Context } from "hono"

/** The runtime's `waitUntil`, if there is one: `c.executionCtx` throws where there is none. */
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
