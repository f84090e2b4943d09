// The kinds of happenings in a world of locks.
import type { Happening } from "../world.js"

export interface LockHappening extends Happening {
  readonly kind:
    | "start"
    | "execute"
    | "deliver"
    | "message"
    | "release"
    | "time"
    | "lose-request"
    | "lose-reply"
    | "copy"
    | "lose-message"
    | "cut"
    | "die"
    | "abort"
  /** The caller, or the place of the request. */
  readonly index: number
}
