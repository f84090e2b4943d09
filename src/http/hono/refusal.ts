// The error for a refused request to the lock service.
import { badRequest as problemOf, type Problem } from "../problem.js"

export class Refusal extends Error {
  override readonly name = "Refusal"
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.title)
    this.problem = problem
  }
}

/** The refusal of an invalid request. */
export function badRequest(...problem: Parameters<typeof problemOf>): Refusal {
  return new Refusal(problemOf(...problem))
}

/** Runs a check, and converts an argument error to a refusal. */
export function checked<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    // By name: a DOMException is not an Error on every runtime.
    const { name, message } = error as Error
    if (["TypeError", "RangeError", "NotSupportedError"].includes(name)) throw badRequest(message)
    throw error
  }
}
