// Waits until a number of callers wait for a run, so that the run can end when all of them have joined it.
import type { LockEvent } from "../../src/index.js"

export function gathering(callers: number) {
  let left = callers
  let enough: () => void
  const gathered = new Promise<void>((resolve) => {
    enough = resolve
  })
  const onEvent = ({ type }: LockEvent) => {
    if (type === "queued" && --left === 0) enough()
  }
  return { onEvent, gathered }
}
