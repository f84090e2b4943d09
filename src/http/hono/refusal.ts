// A request to the lock service that is refused, thrown from wherever that is noticed.
import { badRequest as problemOf, type Problem } from "../problem.js"

export class Refusal extends Error {
  override readonly name = "Refusal"
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.title)
    this.problem = problem
  }
}

/** A request that says what cannot be meant. */
export function badRequest(...problem: Parameters<typeof problemOf>): Refusal {
  return new Refusal(problemOf(...problem))
}

/** Runs a check; what it refuses by an error is a bad request. */
export function checked<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    // A DOMException is no Error everywhere.
    const { name, message } = error as Error
    if (["TypeError", "RangeError", "NotSupportedError"].includes(name)) throw badRequest(message)
    throw error
  }
}
