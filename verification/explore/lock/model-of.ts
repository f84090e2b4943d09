// The model of a caller, by its terms.
import type { CallModel } from "./call-model.js"
import { OnceCaller } from "./once-caller.js"
import { QueueCaller } from "./queue-caller.js"
import type { LockState, Terms } from "./state.js"

export function modelOf(state: LockState, index: number, terms: Terms): CallModel {
  return terms.once ? new OnceCaller(state, index, terms) : new QueueCaller(state, index, terms)
}
