// What is read from Hono's context, and answered through it.
import type { Context } from "hono"
import type { WaitUntil } from "../events.js"
import { describeProblem, type Problem } from "../guard/problem.js"

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

/** The problem as a response that has the headers which were set before. */
export function respond(c: Context, problem: Problem): Response {
  const { body, headers } = describeProblem(problem)
  // Hono's type of a status does not know nginx's.
  return c.body(body, problem.status as 500, headers)
}
