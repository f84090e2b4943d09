// What a client notes of its visits: facts with times, from which the judges learn who believed what when.

/** How an acquire call ended that was not granted. */
export type GaveUp = "timeout" | "backend" | "aborted"

/** Of one visit, which has a number of its own within its client. All times are ms on the machine's monotonic clock. */
export type VisitNote =
  /** An acquire call begins, and may wait so long. */
  | {
      readonly kind: "waits"
      readonly name: string
      readonly waitMs: number
      readonly ttlMs: number
    }
  | { readonly kind: "gave-up"; readonly why: GaveUp }
  /** A hold begins, and is believed valid until then unless something else is noted. */
  | {
      readonly kind: "granted"
      readonly name: string
      readonly mode: "exclusive" | "shared"
      readonly until: number
      /** What the hold said was left of it. */
      readonly leftMs: number
      readonly fence?: number | undefined
    }
  /** It is believed valid until then. */
  | { readonly kind: "holds"; readonly until: number; readonly leftMs: number }
  /** It is not believed valid any more: noted before the release is sent, or because the client was told. */
  | { readonly kind: "ended" }
  | { readonly kind: "released"; readonly result: "released" | "taken" | "gone" | "failed" }
  /** The register refused the hold's fencing token, and the hold was believed valid after that answer. */
  | { readonly kind: "refused"; readonly fence: number }
  /** A call of a job has a result: that of the run whose `client visit` this is. */
  | { readonly kind: "told"; readonly run: string; readonly source: "joined" | "remembered" }
  /** The result of the visit's own run is stored; `isSure` if its hold was valid until this was known. */
  | { readonly kind: "settled"; readonly isSure: boolean }

/** Of a client as a whole. */
export type ClientNote =
  /** Something happened that must never: an unhandled rejection, an error that no call may throw. */
  | { readonly kind: "broken"; readonly reason: string }
  /** A timer came so many milliseconds late: the machine is busy. */
  | { readonly kind: "lag"; readonly ms: number }

export type Note = (VisitNote & { readonly visit: number }) | ClientNote

/** A note and when that was. */
export type TimedNote = Note & { readonly at: number }
