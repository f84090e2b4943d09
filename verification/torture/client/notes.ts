// The notes of a client about its visits: facts with times, from which the judges learn what each client believed when.

/** The end of an acquire call without a grant. */
export type GaveUp = "timeout" | "backend" | "aborted" | "lost"

/** A note about one visit, which has a number within its client. All times are ms on the machine's monotonic clock. */
export type VisitNote =
  /** An acquire call begins, and may wait for `waitMs`; `group` is the visit whose `gathers` it is part of. */
  | {
      readonly kind: "waits"
      readonly name: string
      readonly waitMs: number
      readonly ttlMs: number
      readonly group?: number | undefined
    }
  /** A call for all of several locks begins. Each of its waits and holds is a visit of its own. */
  | {
      readonly kind: "gathers"
      readonly names: readonly string[]
      readonly waitMs: number
      readonly ttlMs: number
    }
  /** It has them all. */
  | { readonly kind: "gathered" }
  | { readonly kind: "gave-up"; readonly why: GaveUp }
  /** A hold begins, and is believed valid until `until` unless something else is noted. */
  | {
      readonly kind: "granted"
      readonly name: string
      readonly mode: "exclusive" | "shared"
      readonly until: number
      /** The hold's `remainingMs`. */
      readonly leftMs: number
      readonly fence?: number | undefined
      readonly group?: number | undefined
    }
  /** The hold is believed valid until `until`. */
  | { readonly kind: "holds"; readonly until: number; readonly leftMs: number }
  /** The hold is no longer believed valid: noted before the release is sent, or when the client learned of the loss. */
  | { readonly kind: "ended" }
  | { readonly kind: "released"; readonly result: "released" | "taken" | "gone" | "failed" }
  /** The register refused the hold's fencing token, and the hold was still believed valid after that reply. */
  | { readonly kind: "refused"; readonly fence: number }
  /** A call of a job has a result: that of the run whose `client visit` this is. */
  | { readonly kind: "told"; readonly run: string; readonly source: "joined" | "remembered" }
  /** The result of the visit's own run is stored; `isSure` if its hold was valid until this was known. */
  | { readonly kind: "settled"; readonly isSure: boolean }

/** A note about a client as a whole. */
export type ClientNote =
  /** A violation by itself: an unhandled rejection, or an error that no call may throw. */
  | { readonly kind: "broken"; readonly reason: string }
  /** A leader was not told that its term is over, or led twice. */
  | { readonly kind: "misled"; readonly what: string }
  /** Events of calls or holds that are missing, or too many. */
  | { readonly kind: "miscounted"; readonly found: readonly string[] }
  /** A visitor has ended: its calls and holds, and by name the holds whose end was not told. */
  | {
      readonly kind: "counted"
      readonly calls: number
      readonly holds: number
      readonly open: readonly (readonly [name: string, holds: number])[]
    }
  /** A timer was late by `ms`: the machine is busy. */
  | { readonly kind: "lag"; readonly ms: number }

export type Note = (VisitNote & { readonly visit: number }) | ClientNote

/** A note and its time. */
export type TimedNote = Note & { readonly at: number }
