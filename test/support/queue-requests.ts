// Tells the requests of a wait apart, so that a test can harm one kind of them.
import type { Fault, Plan } from "./fault-proxy.js"
import { operationOf } from "./operation.js"

/** What a waiter sends, from its first place in the queue to its end. */
export type RequestKind = "subscribe" | "enqueue" | "check" | "extend" | "release" | "leave"

export function kindOf(command: readonly string[]): RequestKind | undefined {
  const operation = operationOf(command)
  if (operation === "SUBSCRIBE") return "subscribe"
  if (operation === "extend") return "extend"
  // The last argument of release.lua is the entry of who leaves.
  if (operation === "release") return command.at(-1) === "" ? "release" : "leave"
  const action = command.at(-2)
  return operation === "acquire" && (action === "enqueue" || action === "check")
    ? action
    : undefined
}

/** The first request of the kind suffers the fault. */
export function firstOf(kind: RequestKind, fault: Fault): Plan {
  let isDone = false
  return ({ commands }) => {
    if (isDone || !commands.some((command) => kindOf(command) === kind)) return undefined
    isDone = true
    return fault
  }
}
