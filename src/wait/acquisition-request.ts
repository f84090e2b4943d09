// What one acquire call asks for.
import type { SingleDatabase, TakeRequest } from "../store/store.js"
import type { InquiryBounds } from "./inquiry.js"

/** What an acquire call asks for, with every default filled in. */
export interface AcquisitionRequest extends TakeRequest, InquiryBounds {
  /** Whether to hear of the grant through a stream. */
  readonly push: boolean
  /** What takes the lock from whoever has it, if that is asked for. */
  readonly thief: SingleDatabase | undefined
  /** A fixed time between two tries, without a queue. */
  readonly intervalMs: number | undefined
  readonly signal: AbortSignal | undefined
}
