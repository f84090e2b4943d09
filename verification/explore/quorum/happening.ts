// The kinds of happenings in a world of a quorum.
import type { Happening } from "../world.js"

export interface QuorumHappening extends Happening {
  readonly kind:
    | "start"
    | "release"
    | "execute"
    | "deliver"
    | "time"
    | "lose-request"
    | "lose-reply"
    /** It is executed, and its reply is lost. */
    | "execute-in-vain"
    | "copy"
    | "die"
    | "abort"
    | "forget"
    | "drift"
  /** The caller, or -1. */
  readonly caller: number
  /** The place of the database, and of its request, or -1. */
  readonly node: number
  readonly request: number
}
